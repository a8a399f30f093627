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
}

type Reader = Pick<Warehouse, 'combinations' | 'tableColumns'>;

/**
 * Adds what the tables of a graph hold, or of it what belongs to some components; those that do not exist are empty.
 * Identifiers of types that the author no longer names are left out, and stay in the tables as they are.
 *
 * @throws PipelineError IDENTITY_TOO_LARGE, WAREHOUSE_*
 */
export async function readStoredGraph(
  warehouse: Reader,
  config: IdentityConfig,
  task: string,
  graph: GraphStore,
  components?: readonly string[],
): Promise<StoredGraph> {
  const typeOf = new Map(config.identifiers.map(({ name }, index) => [name, index]));
  const mergedAt = new Map<string, { at: string; runId: string }>();
  const splits = new Set<string>();
  const read = async (table: IdentityTable, maxRows: number, add: (row: Row) => void) => {
    const within = components === undefined ? undefined : { column: 'component', values: components };
    for await (const row of tableRows(warehouse, config, { table, maxRows, task, within })) add(row);
  };
  await read('identifiers', limits.identityMaxIdentifiers, (row) => {
    const type = typeOf.get(row('identifier_type'));
    if (type === undefined) {
      graph.leaveOut(row('identifier_id'));
      return;
    }
    graph.addStored(
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
      row('component'),
    );
  });
  await read('links', limits.identityMaxLinks, (row) => {
    graph.addStoredLink(
      {
        left: row('left_id'),
        right: row('right_id'),
        firstSeen: row('first_seen'),
        lastSeen: row('last_seen'),
        source: row('source'),
        status: row('status') as LinkStatus,
      },
      row('component'),
    );
  });
  await read('merges', limits.identityMaxIdentifiers, (row) => {
    mergedAt.set(row('merge_id'), { at: row('merged_at'), runId: row('run_id') });
    graph.addMerge(
      {
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
      },
      row('component'),
    );
  });
  const all = { table: 'splits', maxRows: limits.identityMaxIdentifiers, task } as const;
  for await (const row of tableRows(warehouse, config, all)) splits.add(row('merge_id'));
  return { mergedAt, splits };
}

/** The components of the rows of a table that have one of some values. @throws PipelineError WAREHOUSE_* */
export async function componentsOf(
  warehouse: Reader,
  config: IdentityConfig,
  table: 'identifiers' | 'merges',
  within: Within,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const request = { table: identityTables(config)[table], columns: ['component'] };
  if ((await warehouse.tableColumns(request.table)) === undefined) return found;
  for (const values of partsOf(within.values))
    for await (const rows of warehouse.combinations({
      ...request,
      within: { column: within.column, values },
      maxRows: values.length,
    }))
      for (const [component] of rows) found.add(component ?? '');
  return found;
}

/** Values as many at a time as one statement may have. */
export function* partsOf(values: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < values.length; from += limits.identityValuesPerQuery)
    yield values.slice(from, from + limits.identityValuesPerQuery);
}

interface Within {
  readonly column: string;
  readonly values: readonly string[];
}

/** The value of a column of one row, as text; empty for null. */
type Row = (column: string) => string;

async function* tableRows(
  warehouse: Reader,
  config: IdentityConfig,
  read: {
    readonly table: IdentityTable;
    readonly maxRows: number;
    readonly task: string;
    readonly within?: Within | undefined;
  },
): AsyncGenerator<Row> {
  const { maxRows, task, within } = read;
  const table = identityTables(config)[read.table];
  const stored = await warehouse.tableColumns(table);
  if (stored === undefined) return;
  // A table of an earlier release lacks some.
  const columns = identityColumns[read.table]
    .map(({ name }) => name)
    .filter((name) => stored.some((column) => column.name === name));
  const place = new Map(columns.map((column, index) => [column, index]));
  const requests =
    within === undefined
      ? [{ table, columns, maxRows }]
      : [...partsOf(within.values)].map((values) => ({
          ...{ table, columns, maxRows },
          within: { column: within.column, values },
        }));
  for (const request of requests)
    for await (const row of combinationsOf(warehouse, request, task))
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
