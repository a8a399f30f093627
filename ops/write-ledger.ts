import type { ExpressionBuilder, Kysely } from 'kysely';
import {
  endedRank,
  hasEnded,
  type LedgerBatch,
  type RunRecord,
  type TaskRecord,
} from '../core/run/ledger.js';
import { limits } from '../core/limits.js';
import { toLogRow, toRunRow, toTaskRow } from './rows.js';
import type { OpsTables } from './tables.js';

type Db = Kysely<OpsTables>;

/**
 * Writes records in one transaction. A record replaces what is stored only where its state is at least as far; a member
 * that it lacks keeps its stored value. So a repeat changes nothing, and the order of arrival does not matter.
 */
export async function writeBatch(db: Db, batch: LedgerBatch): Promise<void> {
  const { runs = [], tasks = [], logs = [] } = batch;
  if (runs.length + tasks.length + logs.length === 0) return;
  await db.transaction().execute(async (transaction) => {
    for (const rows of parts(runs.map(toRunRow), runKey)) await upsertRuns(transaction, rows);
    for (const rows of parts(tasks.map(toTaskRow), tryKey)) await upsertTasks(transaction, rows);
    for (const rows of parts(logs.map(toLogRow), lineKey)) {
      await transaction
        .insertInto('task_logs')
        .values(rows)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
    for (const task of tasks) {
      if (task.tryNumber > 1 + (task.priorTries ?? 0)) await endLostTries(transaction, task);
    }
    const ended = runs.filter(({ state }) => hasEnded(state));
    for (const run of await withOpenTries(transaction, ended)) await endOpenTries(transaction, run);
  });
}

async function upsertRuns(db: Db, rows: OpsTables['runs'][]): Promise<void> {
  await db
    .insertInto('runs')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['workflow_id', 'run_id'])
        .doUpdateSet(({ ref, fn }) => ({
          interval_start: fn.coalesce('excluded.interval_start', 'runs.interval_start'),
          interval_end: fn.coalesce('excluded.interval_end', 'runs.interval_end'),
          logical_at: fn.coalesce('excluded.interval_start', 'runs.interval_start', 'excluded.logical_at'),
          state: ref('excluded.state'),
          state_rank: ref('excluded.state_rank'),
          started_at: ref('excluded.started_at'),
          ended_at: fn.coalesce('excluded.ended_at', 'runs.ended_at'),
          counts: fn.coalesce('excluded.counts', 'runs.counts'),
          params: ref('excluded.params'),
          note: fn.coalesce('excluded.note', 'runs.note'),
          triggered_by: fn.coalesce('excluded.triggered_by', 'runs.triggered_by'),
          former_run_id: fn.coalesce('excluded.former_run_id', 'runs.former_run_id'),
        }))
        .whereRef('excluded.state_rank', '>=', 'runs.state_rank'),
    )
    .execute();
}

async function upsertTasks(db: Db, rows: OpsTables['task_tries'][]): Promise<void> {
  await db
    .insertInto('task_tries')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['workflow_id', 'run_id', 'task_id', 'map_index', 'try_number'])
        .doUpdateSet((eb) => ({
          label: eb.fn.coalesce('excluded.label', 'task_tries.label'),
          state: eb.ref('excluded.state'),
          state_rank: eb.ref('excluded.state_rank'),
          started_at: eb.fn.coalesce('excluded.started_at', 'task_tries.started_at'),
          ended_at: eb.fn.coalesce('excluded.ended_at', 'task_tries.ended_at'),
          worker: eb.fn.coalesce('excluded.worker', 'task_tries.worker'),
          error_code: keptError(eb, 'error_code'),
          error_message: keptError(eb, 'error_message'),
          counts: eb.fn.coalesce('excluded.counts', 'task_tries.counts'),
        }))
        .whereRef('excluded.state_rank', '>=', 'task_tries.state_rank'),
    )
    .execute();
}

type UpsertBuilder = ExpressionBuilder<
  OpsTables & { excluded: OpsTables['task_tries'] },
  'task_tries' | 'excluded'
>;

/** An error belongs to its state: another state brings its own, or has none. */
function keptError(eb: UpsertBuilder, column: 'error_code' | 'error_message') {
  return eb
    .case()
    .when('excluded.state', '=', eb.ref('task_tries.state'))
    .then(eb.fn.coalesce(`excluded.${column}`, `task_tries.${column}`))
    .else(eb.ref(`excluded.${column}`))
    .end();
}

const lost = { error_code: 'TASK_TIMEOUT', error_message: 'the worker went away during this try' };

/**
 * A later try has begun: earlier ones without an end were on a worker that went away, and so was the one before where it
 * was not even begun here.
 */
async function endLostTries(db: Db, task: TaskRecord): Promise<void> {
  const { startedAt: endedAt, counts: _none, errorCode: _other, errorMessage: _text, ...own } = task;
  const before = { ...own, tryNumber: task.tryNumber - 1, state: 'up_for_retry' as const };
  await db
    .insertInto('task_tries')
    .values({ ...toTaskRow(before), worker: null, ended_at: null, ...lost })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await db
    .updateTable('task_tries')
    .set({ state: 'up_for_retry', state_rank: endedRank, ended_at: endedAt ?? null, ...lost })
    .where('workflow_id', '=', task.workflowId)
    .where('run_id', '=', task.runId)
    .where('task_id', '=', task.taskId)
    .where('map_index', '=', task.mapIndex)
    .where('try_number', '>', 0)
    .where('try_number', '<', task.tryNumber)
    .where('state_rank', '<', endedRank)
    .execute();
}

/** Of runs that have ended, those with a try that has not: few, so that all are asked for at once. */
async function withOpenTries(db: Db, runs: readonly RunRecord[]): Promise<RunRecord[]> {
  const found: RunRecord[] = [];
  for (let at = 0; at < runs.length; at += limits.ledgerStatementRows) {
    const asked = runs.slice(at, at + limits.ledgerStatementRows);
    const open = await db
      .selectFrom('task_tries')
      .select('run_id')
      .distinct()
      .where(
        'workflow_id',
        'in',
        asked.map(({ workflowId }) => workflowId),
      )
      .where(
        'run_id',
        'in',
        asked.map(({ runId }) => runId),
      )
      .where('state_rank', '<', endedRank)
      .execute();
    const runIds = new Set(open.map(({ run_id }) => run_id));
    found.push(...asked.filter(({ runId }) => runIds.has(runId)));
  }
  return found;
}

/** The run has ended: a try without an end will not report any more, or late, and then its own report counts. */
async function endOpenTries(db: Db, run: RunRecord): Promise<void> {
  const isCancelled = run.state === 'cancelled';
  await db
    .updateTable('task_tries')
    .set({
      state: isCancelled ? 'skipped' : 'failed',
      state_rank: endedRank,
      ended_at: run.endedAt ?? null,
      error_code: isCancelled ? 'CANCELLED' : 'TASK_TIMEOUT',
      error_message: isCancelled ? 'the run was cancelled' : 'the run ended before this try reported',
    })
    .where('workflow_id', '=', run.workflowId)
    .where('run_id', '=', run.runId)
    .where('state_rank', '<', endedRank)
    .execute();
}

const runKey = (row: OpsTables['runs']) => JSON.stringify([row.workflow_id, row.run_id]);
const tryKey = (row: OpsTables['task_tries']) =>
  JSON.stringify([row.workflow_id, row.run_id, row.task_id, row.map_index, row.try_number]);
const lineKey = (row: OpsTables['task_logs']) =>
  JSON.stringify([row.workflow_id, row.run_id, row.task_id, row.map_index, row.try_number, row.line]);

/**
 * Rows of one statement each. A statement of Postgres changes a row once, so rows of one key follow each other in several;
 * and all writers take rows in one order, so that they seldom block one another.
 */
function parts<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Row[][] {
  const rounds: Map<string, Row>[] = [];
  const seen = new Map<string, number>();
  for (const row of rows) {
    const key = keyOf(row);
    const round = seen.get(key) ?? 0;
    seen.set(key, round + 1);
    (rounds[round] ??= new Map()).set(key, row);
  }
  return rounds.flatMap((round) => {
    const ordered = [...round].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
    const found: Row[][] = [];
    for (let at = 0; at < ordered.length; at += limits.ledgerStatementRows)
      found.push(ordered.slice(at, at + limits.ledgerStatementRows));
    return found;
  });
}
