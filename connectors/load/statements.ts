import { PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import { loadProblems, mergeKeyOf, strategyOf } from '../../core/loading/load-rules.js';
import { unexplainedRows, type RowCounts } from '../../core/loading/manifest.js';
import type { LoadMarker, LoadRequest, QueryRow } from '../warehouse.js';
import { isVersionTime } from './batch-sql.js';
import type { SqlDialect } from './dialect.js';
import type { EvolutionPlan } from './evolution.js';
import { duckDbSpelling } from '../duckdb/column-sql.js';
import type { MergeNames } from './judge.js';
import { tombstoneTable, type SystemTable } from './system-tables.js';

/** DDL of a system table, safe to repeat. */
export function systemTableDdl({ name, columns }: SystemTable, dialect: SqlDialect): string {
  return `CREATE TABLE IF NOT EXISTS ${dialect.table(name)} (${columns.map((column) => `${dialect.name(column.name)} ${dialect.typeOf(column)}`).join(', ')})`;
}

/** What merging a batch needs to know, for a dialect. `work` names the tables of this load, as SQL. */
export function mergeNames(
  request: LoadRequest,
  plan: EvolutionPlan,
  dialect: SqlDialect,
  work: Pick<MergeNames, 'batch' | 'judged' | 'history'>,
): MergeNames {
  const { config } = request;
  return {
    strategy: strategyOf(config) ?? 'upsert',
    table: dialect.table(config.into),
    tombstones: dialect.table(tombstoneTable(config.into)),
    ...work,
    key: config.key,
    mergeKey: mergeKeyOf(config),
    version: config.version,
    columns: plan.assignments.map(({ column }) => column),
    missing: plan.missing,
    isVersionTime: isVersionTime(
      config,
      plan.assignments.map(({ column, type }) => ({ name: column, sqlType: duckDbSpelling(type) })),
    ),
  };
}

/** @throws PipelineError CONTRACT_BROKEN where the options of the load contradict one another */
export function assertLoadable({ config }: LoadRequest): void {
  const problems = loadProblems(config);
  if (problems.length > 0) throw new PipelineError('CONTRACT_BROKEN', { table: config.into, problems });
}

/** Where the rows of a batch went, as far as the table decides. */
export interface BatchChanges {
  readonly loaded: number;
  readonly unchanged: number;
  readonly superseded: number;
  readonly quarantined: number;
  readonly withheld: number;
}

/**
 * The counts of a load. Deletions of the source that have no row to take away, because every row is kept (`append`) or
 * none of the former rows stays (`replace`), change nothing.
 *
 * @throws PipelineError COUNT_MISMATCH where they do not explain every row
 */
export function countsOf({ loadId, config, manifest }: LoadRequest, changes: BatchChanges): RowCounts {
  const idleDeletions =
    config.disposition === 'merge' ? 0 : manifest.deletes.reduce((sum, { rows }) => sum + rows, 0);
  const counts: RowCounts = {
    extracted: manifest.counts.extracted,
    loaded: manifest.counts.loaded + changes.loaded,
    unchanged: manifest.counts.unchanged + changes.unchanged + idleDeletions,
    superseded: manifest.counts.superseded + changes.superseded,
    quarantined: changes.quarantined,
    withheld: manifest.counts.withheld + changes.withheld,
  };
  if (unexplainedRows(counts) === 0) return counts;
  throw new PipelineError('COUNT_MISMATCH', { loadId, table: config.into, counts: JSON.stringify(counts) });
}

/** A marker from a row of `_millrace_loads` whose instant is ISO text. */
export function markerOf(row: QueryRow): LoadMarker {
  const figure = (name: string) => Number(row[name] ?? 0);
  const cursor = row['cursor'];
  return {
    loadId: String(row['load_id']),
    table: String(row['table_name']),
    fence: figure('fence'),
    counts: {
      extracted: figure('extracted'),
      loaded: figure('loaded'),
      unchanged: figure('unchanged'),
      superseded: figure('superseded'),
      quarantined: figure('quarantined'),
      withheld: figure('withheld'),
    },
    committedAt: String(row['committed_at']),
    ...(typeof cursor === 'string' ? { cursor: JSON.parse(cursor) as JsonValue } : {}),
  };
}
