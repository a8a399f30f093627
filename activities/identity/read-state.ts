import type { Combination, Warehouse } from '../../connectors/warehouse.js';
import { PipelineError } from '../../core/errors/index.js';
import { identityTables, type IdentityConfig } from '../../core/identity/spec.js';
import type { LinkStatus, MergeStatus } from '../../core/identity/resolve.js';
import { limits } from '../../core/limits.js';
import type { GraphStore } from './graph-store.js';
import { identityColumns, type IdentityTable } from './tables.js';

/** What the tables of a graph hold beside identifiers, links and merges. */
export interface StoredGraph {
  /** When a merge came to be, and in which run, by its id. */
  readonly mergedAt: ReadonlyMap<string, { readonly at: string; readonly runId: string }>;
  readonly splits: ReadonlySet<string>;
  /** The greatest revision so far; 0 for none. */
  readonly revision: number;
}

/**
 * Adds what the tables of a graph hold; those that do not exist are empty. Identifiers of types that the author no longer
 * names are left out, and stay in the tables as they are.
 *
 * @throws PipelineError IDENTITY_TOO_LARGE, WAREHOUSE_*
 */
export async function readStoredGraph(
  warehouse: Pick<Warehouse, 'combinations' | 'tableColumns'>,
  config: IdentityConfig,
  task: string,
  graph: GraphStore,
): Promise<StoredGraph> {
  const typeOf = new Map(config.identifiers.map(({ name }, index) => [name, index]));
  const mergedAt = new Map<string, { at: string; runId: string }>();
  const splits = new Set<string>();
  let revision = 0;
  const read = async (table: IdentityTable, maxRows: number, add: (row: Row) => void) => {
    for await (const row of tableRows(warehouse, config, table, maxRows, task)) {
      revision = Math.max(revision, Number(row('revision')));
      add(row);
    }
  };
  await read('identifiers', limits.identityMaxIdentifiers, (row) => {
    const type = typeOf.get(row('identifier_type'));
    if (type === undefined) return;
    graph.addStored({
      id: row('identifier_id'),
      type,
      value: row('identifier_value'),
      firstSeen: row('first_seen'),
      lastSeen: row('last_seen'),
      source: row('source'),
      key: row('person_key'),
      keyedIn: Number(row('person_key_revision')),
    });
  });
  await read('links', limits.identityMaxLinks, (row) => {
    graph.addStoredLink({
      left: row('left_id'),
      right: row('right_id'),
      firstSeen: row('first_seen'),
      lastSeen: row('last_seen'),
      source: row('source'),
      status: row('status') as LinkStatus,
    });
  });
  await read('merges', limits.identityMaxIdentifiers, (row) => {
    mergedAt.set(row('merge_id'), { at: row('merged_at'), runId: row('run_id') });
    graph.addMerge({
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
    });
  });
  await read('splits', limits.identityMaxIdentifiers, (row) => splits.add(row('merge_id')));
  return { mergedAt, splits, revision };
}

/** The value of a column of one row, as text; empty for null. */
type Row = (column: string) => string;

async function* tableRows(
  warehouse: Pick<Warehouse, 'combinations' | 'tableColumns'>,
  config: IdentityConfig,
  table: IdentityTable,
  maxRows: number,
  task: string,
): AsyncGenerator<Row> {
  const name = identityTables(config)[table];
  if ((await warehouse.tableColumns(name)) === undefined) return;
  const columns = identityColumns[table].map((column) => column.name);
  const place = new Map(columns.map((column, index) => [column, index]));
  for await (const row of combinationsOf(warehouse, { table: name, columns, maxRows }, task))
    yield (column) => row[place.get(column) ?? -1] ?? '';
}

/** Combinations one by one. @throws PipelineError IDENTITY_TOO_LARGE where there are more than `maxRows` */
export async function* combinationsOf(
  warehouse: Pick<Warehouse, 'combinations'>,
  request: Parameters<Warehouse['combinations']>[0],
  task: string,
): AsyncGenerator<Combination> {
  const { table, maxRows } = request;
  let rows = 0;
  for await (const some of warehouse.combinations(request)) {
    rows += some.length;
    if (rows > maxRows) {
      const limit = maxRows === limits.identityMaxLinks ? 'identityMaxLinks' : 'identityMaxIdentifiers';
      const what = `rows or combinations of ${table}`;
      throw new PipelineError('IDENTITY_TOO_LARGE', { task, what, limit, allowed: maxRows });
    }
    yield* some;
  }
}
