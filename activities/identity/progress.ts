import type { Warehouse } from '../../connectors/warehouse.js';
import { systemColumns } from '../../connectors/load/system-tables.js';
import { identityTables, type IdentityConfig } from '../../core/identity/spec.js';
import { canonicalJson, type JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { shortHash } from './identifier.js';
import type { GraphSize } from './slices.js';
import type { IdentityTable } from './tables.js';

/** Rows of the tables of a graph, without the table of reads. */
export type TableRows = Readonly<Record<Exclude<IdentityTable, 'reads'>, number>>;

/** What a resolve that came to its end left for the next one. */
export interface GraphNote {
  /** Hash of what its author asked for: under other rules everything is resolved anew. */
  readonly rules: string;
  readonly revision: number;
  readonly rows: TableRows;
  readonly size: GraphSize;
  /** Ids that merges name and that the graph does not hold; `null` for too many. */
  readonly absent: readonly string[] | null;
}

/** How far a graph is. */
export interface Progress {
  readonly rules: string;
  readonly rows: TableRows;
  /** The greatest revision that any of its tables has. */
  readonly revision: number;
  /**
   * Given where the tables are as the last resolve left them, under the same rules, so that only what was loaded since has to
   * be read. Not where one was cut off, nor where rows were taken away by hand.
   */
  readonly note?: GraphNote;
}

/** In the column of tables of the row that holds the note; no table has this name. */
const noteSource = '-';
/** Raised where values are read or persons made in another way than before. */
const rulesVersion = 1;

type Reader = Pick<Warehouse, 'combinations' | 'tableColumns' | 'tally'>;

/** @throws PipelineError WAREHOUSE_* */
export async function readProgress(warehouse: Reader, config: IdentityConfig): Promise<Progress> {
  const tables = identityTables(config);
  const rules = shortHash(canonicalJson([rulesVersion, config]));
  const of = (table: IdentityTable) => warehouse.tally(tables[table], 'revision');
  const identifiers = await of('identifiers');
  const links = await of('links');
  const merges = await of('merges');
  const splits = await of('splits');
  const reads = await of('reads');
  const rows = { identifiers: identifiers.rows, links: links.rows, merges: merges.rows, splits: splits.rows };
  const written = Math.max(...[identifiers, links, merges, splits].map(({ greatest }) => greatest));
  const progress = { rules, rows, revision: Math.max(written, reads.greatest) };
  const note = reads.rows === 0 ? undefined : await readNote(warehouse, tables.reads);
  const isWhole =
    note?.rules === rules &&
    written <= note.revision &&
    (Object.keys(rows) as (keyof TableRows)[]).every((table) => rows[table] === note.rows[table]);
  return isWhole ? { ...progress, note } : progress;
}

/**
 * The loads that rows of a source are of, and that no resolve has read; `undefined` where its rows do not say which load they
 * are of. There may be more than the greatest number that is asked for: those come the next time once more.
 *
 * @throws PipelineError WAREHOUSE_*
 */
export async function newLoads(
  warehouse: Reader,
  config: IdentityConfig,
  source: string,
): Promise<readonly string[] | undefined> {
  const columns = await warehouse.tableColumns(source);
  if (columns === undefined) return [];
  if (!columns.some(({ name }) => name === systemColumns.loadId)) return undefined;
  const request = { table: source, columns: [systemColumns.loadId], maxRows: limits.identityMaxReadLoads };
  const except = await exceptRead(warehouse, config, source);
  const loads: string[] = [];
  for await (const rows of warehouse.combinations({ ...request, ...except }))
    for (const [id] of rows) loads.push(id ?? '');
  return loads;
}

/** What leaves out the rows of a source that are in the graph. */
export async function exceptRead(warehouse: Reader, config: IdentityConfig, source: string) {
  const { reads } = identityTables(config);
  if ((await warehouse.tableColumns(reads)) === undefined) return {};
  return {
    except: {
      column: systemColumns.loadId,
      from: reads,
      fromColumn: 'load_id',
      having: { column: 'source_table', value: source },
    },
  };
}

/** Rows of the table of reads. */
export function readRows(
  loads: ReadonlyMap<string, readonly string[]>,
  note: GraphNote,
): readonly JsonObject[] {
  const { revision } = note;
  const read = [...loads].flatMap(([source, ids]) =>
    ids.filter((id) => id !== '').map((id) => ({ source_table: source, load_id: id, note: null, revision })),
  );
  return [...read, { source_table: noteSource, load_id: noteSource, note: JSON.stringify(note), revision }];
}

async function readNote(warehouse: Reader, reads: string): Promise<GraphNote | undefined> {
  const within = { column: 'source_table', values: [noteSource] };
  let note: GraphNote | undefined;
  for await (const rows of warehouse.combinations({ table: reads, columns: ['note'], within, maxRows: 1 }))
    for (const [text] of rows) if (typeof text === 'string') note = JSON.parse(text) as GraphNote;
  return note;
}
