import type { Combination, Warehouse } from '../../connectors/warehouse.js';
import { PipelineError } from '../../core/errors/index.js';
import { identityTables, type IdentityConfig } from '../../core/identity/spec.js';
import type { IdentityState, LinkStatus, MergeStatus } from '../../core/identity/resolve.js';
import { limits } from '../../core/limits.js';
import { identityColumns, type IdentityTable } from './tables.js';

/** A graph as its tables hold it. */
export interface StoredGraph {
  readonly state: IdentityState;
  /** Texts of the rows, by which a row that did not change is recognised. */
  readonly mergedAt: ReadonlyMap<string, { readonly at: string; readonly runId: string }>;
  readonly splits: ReadonlySet<string>;
  /** The greatest revision so far; 0 for none. */
  readonly revision: number;
}

/**
 * Reads the tables of a graph; those that do not exist are empty. Identifiers of types that the author no longer names are
 * left out, and stay in the tables as they are.
 *
 * @throws PipelineError IDENTITY_TOO_LARGE, WAREHOUSE_*
 */
export async function readStoredGraph(
  warehouse: Pick<Warehouse, 'combinations' | 'tableColumns'>,
  config: IdentityConfig,
  task: string,
): Promise<StoredGraph> {
  const read = (table: IdentityTable, maxRows: number) => readTable(warehouse, config, table, maxRows, task);
  const typeOf = new Map(config.identifiers.map(({ name }, index) => [name, index]));
  const identifiers = await read('identifiers', limits.identityMaxIdentifiers);
  const links = await read('links', limits.identityMaxLinks);
  const merges = await read('merges', limits.identityMaxIdentifiers);
  const splits = await read('splits', limits.identityMaxIdentifiers);
  const all = [...identifiers, ...links, ...merges, ...splits];
  return {
    state: {
      identifiers: identifiers.flatMap((row) => {
        const type = typeOf.get(row('identifier_type'));
        if (type === undefined) return [];
        return [
          {
            id: row('identifier_id'),
            type,
            value: row('identifier_value'),
            firstSeen: row('first_seen'),
            lastSeen: row('last_seen'),
            source: row('source'),
            key: row('person_key'),
            keyedIn: Number(row('person_key_revision')),
          },
        ];
      }),
      links: links.map((row) => ({
        left: row('left_id'),
        right: row('right_id'),
        firstSeen: row('first_seen'),
        lastSeen: row('last_seen'),
        source: row('source'),
        status: row('status') as LinkStatus,
      })),
      merges: merges.map((row) => ({
        mergeId: row('merge_id'),
        keptKey: row('kept_key'),
        mergedKey: row('merged_key'),
        mergedKeyedIn: Number(row('merged_key_revision')),
        links: JSON.parse(row('links')) as [string, string][],
        keptAnchor: row('kept_anchor_id'),
        mergedAnchor: row('merged_anchor_id'),
        revision: Number(row('merged_in')),
        status: row('status') as MergeStatus,
        resolvesTo: row('resolves_to'),
      })),
    },
    mergedAt: new Map(merges.map((row) => [row('merge_id'), { at: row('merged_at'), runId: row('run_id') }])),
    splits: new Set(splits.map((row) => row('merge_id'))),
    revision: all.reduce((greatest, row) => Math.max(greatest, Number(row('revision'))), 0),
  };
}

/** The value of a column of one row, as text; empty for null. */
type Row = (column: string) => string;

async function readTable(
  warehouse: Pick<Warehouse, 'combinations' | 'tableColumns'>,
  config: IdentityConfig,
  table: IdentityTable,
  maxRows: number,
  task: string,
): Promise<Row[]> {
  const name = identityTables(config)[table];
  if ((await warehouse.tableColumns(name)) === undefined) return [];
  const columns = identityColumns[table].map((column) => column.name);
  const rows = await warehouse.combinations({ table: name, columns, maxRows });
  assertFits(rows, maxRows, task, `rows of ${name}`);
  const place = new Map(columns.map((column, index) => [column, index]));
  return rows.map((row) => (column) => row[place.get(column) ?? -1] ?? '');
}

/** @throws PipelineError IDENTITY_TOO_LARGE */
export function assertFits(rows: readonly Combination[], maxRows: number, task: string, what: string): void {
  if (rows.length <= maxRows) return;
  const limit = maxRows === limits.identityMaxLinks ? 'identityMaxLinks' : 'identityMaxIdentifiers';
  throw new PipelineError('IDENTITY_TOO_LARGE', { task, what, limit, allowed: maxRows });
}
