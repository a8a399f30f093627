import type { StagingStore } from '../../connectors/staging.js';
import type { GraphStore } from './graph-store.js';
import { readRows, type GraphNote, type Progress } from './progress.js';
import type { ResolveTotals } from './slices.js';
import { Spool } from './spool.js';
import type { IdentityTable } from './tables.js';
import { writeTable, type IdentityWriter } from './write-table.js';

type Spools = Readonly<Record<IdentityTable, Spool>>;

export function spoolsIn(staging: Pick<StagingStore, 'temporaryPath'>): Spools {
  const spool = () => new Spool(staging);
  return { identifiers: spool(), links: spool(), merges: spool(), splits: spool(), reads: spool() };
}

export interface GraphToWrite {
  readonly writer: IdentityWriter;
  readonly graph: GraphStore;
  /** Rows that are not in their tables yet as they should be. */
  readonly spools: Spools;
  readonly totals: ResolveTotals;
  readonly settled: Pick<GraphNote, 'size' | 'absent'>;
  /** By source: loads that were read. */
  readonly loads: ReadonlyMap<string, readonly string[]>;
  readonly progress: Progress;
  readonly revision: number;
}

/**
 * Writes a resolved graph, a load for each table; returns how many rows changed. What was read is noted last: a resolve that
 * was cut off before has not read it, and the tables show that they are not as the note says.
 *
 * @throws PipelineError STALE_FENCE, DISK_FULL, WAREHOUSE_*
 */
export async function writeGraph(write: GraphToWrite): Promise<number> {
  const { writer, graph, spools, totals, settled, loads, progress, revision } = write;
  const gone = graph.gone();
  const goneLinks = gone.links.map(([left, right]) => ({ left_id: left, right_id: right, revision }));
  const goneIdentifiers = gone.identifiers.map((id) => ({ identifier_id: id, revision }));
  const { rows, rules } = progress;
  const note: GraphNote = {
    rules,
    revision,
    rows: {
      identifiers: rows.identifiers + totals.newIdentifiers - goneIdentifiers.length,
      links: rows.links + totals.newLinks - goneLinks.length,
      merges: rows.merges + totals.newMerges,
      splits: rows.splits + spools.splits.rows,
    },
    ...settled,
  };
  // Merges before identifiers: a key that no identifier has any more resolves from the first moment on.
  let changedRows = await writeTable(writer, 'splits', spools.splits);
  changedRows += await writeTable(writer, 'links', spools.links, goneLinks);
  changedRows += await writeTable(writer, 'merges', spools.merges);
  changedRows += await writeTable(writer, 'identifiers', spools.identifiers, goneIdentifiers);
  const isNew = changedRows > 0 || [...loads.values()].some((ids) => ids.length > 0);
  if (!isNew && progress.note !== undefined) return changedRows;
  await spools.reads.add(readRows(loads, note));
  await writeTable(writer, 'reads', spools.reads);
  return changedRows;
}
