import { intervalKey } from '../../core/interval.js';
import type { RowCounts } from '../../core/loading/manifest.js';
import { applySql } from '../load/apply.js';
import { judgeSql, batchColumns, type MergeNames } from '../load/judge.js';
import { quarantineColumns } from '../load/quarantine-sql.js';
import type { StagedBatch } from '../load/stage-batch.js';
import { fenceTable, loadsTable, quarantineTable, systemColumns } from '../load/system-tables.js';
import type { LoadRequest } from '../warehouse.js';
import { guardOf, lockKey, textBind } from './books.js';
import type { Bind, CommitScript, RemoteDialect, Statement } from './engine.js';

/** What a load's transaction is made from. */
export interface CommitPlan {
  readonly request: LoadRequest;
  readonly names: MergeNames;
  readonly staged: StagedBatch;
  /** Temporary tables, by name. */
  readonly tables: { readonly batch: string; readonly judged: string; readonly quarantine: string };
  /** Version of the table's columns that the plan was made with. */
  readonly version: number;
  /** Counts with every row of the batch as loaded; the verdicts, of which there is one a row, divide them up. */
  readonly counts: RowCounts;
}

/** Builds the transaction of a load: lock, change of the table, quarantine, settled rows, marker. */
export function commitScript(plan: CommitPlan, dialect: RemoteDialect): CommitScript {
  const { request, version } = plan;
  const fences = dialect.table(fenceTable(request.config.into));
  return {
    lock: {
      sql: `UPDATE ${fences} SET held_by = ? WHERE interval_key = ?`,
      binds: [request.loadId, lockKey],
    },
    ...guardOf(request, version, dialect),
    statements: (guard) => [
      ...changeTable(plan, dialect, guard),
      ...(plan.staged.quarantine === undefined ? [] : [writeQuarantine(plan, dialect, guard)]),
      ...settle(plan, dialect, guard),
      forgetFences(plan, dialect, guard),
      writeMarker(plan, dialect, guard),
    ],
  };
}

const where = (guard: Statement | undefined, condition?: string): string => {
  const parts = [condition, guard?.sql].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`;
};
const bindsOf = (guard: Statement | undefined): readonly Bind[] => guard?.binds ?? [];

function changeTable(
  { request, names, staged, tables }: CommitPlan,
  dialect: RemoteDialect,
  guard: Statement | undefined,
): Statement[] {
  const { disposition } = request.config;
  const batch = dialect.table(tables.batch);
  const columns = [
    ...names.columns,
    systemColumns.loadId,
    systemColumns.ingestedAt,
    systemColumns.position,
  ].map((name) => dialect.name(name));
  const insert = `INSERT INTO ${names.table} (${columns.join(', ')}) SELECT ${columns.join(', ')} FROM ${batch}${where(guard)}`;
  if (disposition === 'append')
    return staged.batch === undefined ? [] : [{ sql: insert, binds: bindsOf(guard) }];
  if (disposition === 'replace') {
    if (names.columns.length === 0) return [];
    const isSwap = names.strategy === 'staged-swap' && staged.batch !== undefined;
    const statements = isSwap
      ? dialect.replaceRows(names.table, columns, batch, guard?.sql ?? 'TRUE')
      : [
          `DELETE FROM ${names.table} WHERE ${guard?.sql ?? 'TRUE'}`,
          ...(staged.batch === undefined ? [] : [insert]),
        ];
    return statements.map((sql) => ({ sql, binds: bindsOf(guard) }));
  }
  if (staged.batch === undefined) return [];
  const judged = [...batchColumns(names), 'verdict'].map((name) => dialect.name(name));
  return [
    {
      sql: `INSERT INTO ${dialect.table(tables.judged)} (${judged.join(', ')}) ${judgeSql(names, dialect)}${where(guard)}`,
      binds: bindsOf(guard),
    },
    ...applySql(names, dialect).map((sql) => ({ sql, binds: [] })),
  ];
}

function writeQuarantine(
  { tables }: CommitPlan,
  dialect: RemoteDialect,
  guard: Statement | undefined,
): Statement {
  const columns = quarantineColumns.map((name) => dialect.name(name)).join(', ');
  return {
    sql: `INSERT INTO ${dialect.table(quarantineTable.name)} (${columns}) SELECT ${columns} FROM ${dialect.table(tables.quarantine)}${where(guard)}`,
    binds: bindsOf(guard),
  };
}

/** Marks the quarantined rows that a replay has loaded. */
function settle({ request }: CommitPlan, dialect: RemoteDialect, guard: Statement | undefined): Statement[] {
  const { loadId, settlesQuarantineIds: ids = [] } = request;
  if (ids.length === 0) return [];
  return [
    {
      sql: `UPDATE ${dialect.table(quarantineTable.name)} SET status = 'replayed', settled_by_load = ?${where(guard, `quarantine_id IN (${ids.map(() => '?').join(', ')}) AND load_id <> ?`)}`,
      binds: [loadId, ...ids, loadId, ...bindsOf(guard)],
    },
  ];
}

/** Fences of the interval below the one that holds are of no use any more. */
function forgetFences(
  { request }: CommitPlan,
  dialect: RemoteDialect,
  guard: Statement | undefined,
): Statement {
  const { config, interval, fence } = request;
  return {
    sql: `DELETE FROM ${dialect.table(fenceTable(config.into))}${where(guard, `interval_key = ? AND fence < ${String(fence)}`)}`,
    binds: [intervalKey(interval), ...bindsOf(guard)],
  };
}

function writeMarker(
  { request, staged, tables, counts }: CommitPlan,
  dialect: RemoteDialect,
  guard: Statement | undefined,
): Statement {
  const { loadId, dagId, taskId, config, workflowId, runId, attempt, interval, fence, manifest } = request;
  const judged = config.disposition === 'merge' ? staged.batch : undefined;
  const verdicts = (list: string) =>
    judged === undefined
      ? '0'
      : `(SELECT count(*) FROM ${dialect.table(tables.judged)} WHERE verdict IN (${list}))`;
  const base = counts.loaded - (judged?.rows ?? 0);
  const text = textBind(dialect);
  const values: readonly (readonly [string, ...Bind[]])[] = [
    ...[loadId, dagId, taskId, config.into, workflowId, runId].map((value) => [text, value] as const),
    [String(attempt)],
    [text, intervalKey(interval)],
    [dialect.instant, interval?.start ?? null],
    [dialect.instant, interval?.end ?? null],
    [String(fence)],
    [String(counts.extracted)],
    [`${String(base)} + ${verdicts(`'loaded'`)}`],
    [`${String(counts.unchanged)} + ${verdicts(`'unchanged', 'raised'`)}`],
    [`${String(counts.superseded)} + ${verdicts(`'superseded'`)}`],
    [String(counts.quarantined)],
    [String(counts.withheld)],
    [text, manifest.contentHash],
    [text, manifest.cursor === undefined ? null : JSON.stringify(manifest.cursor)],
    [dialect.now],
  ];
  const columns = loadsTable.columns.map(({ name }) => dialect.name(name));
  return {
    sql: `INSERT INTO ${dialect.table(loadsTable.name)} (${columns.join(', ')}) SELECT ${values.map(([sql]) => sql).join(', ')} FROM (SELECT 1 AS one) o${where(guard)}`,
    binds: [...values.flatMap(([, ...binds]) => binds), ...bindsOf(guard)],
  };
}
