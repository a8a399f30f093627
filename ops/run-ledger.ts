import type { Kysely } from 'kysely';
import type { RunKey, RunLedger } from '../core/run/ledger.js';
import { limits } from '../core/limits.js';
import { toLogLine, toRunRecord, toTaskRecord } from './rows.js';
import type { OpsTables } from './tables.js';
import { writeBatch } from './write-ledger.js';

/** The run ledger in the operations store. */
export function createRunLedger(db: Kysely<OpsTables>): RunLedger {
  return {
    record: (batch) => writeBatch(db, batch),
    recordRuns: (runs) => writeBatch(db, { runs }),
    recordTasks: (tasks) => writeBatch(db, { tasks }),
    appendLogs: (logs) => writeBatch(db, { logs }),

    async listRuns({ dagId, state, runType, since, order = 'started', newestOnly = false, limit }) {
      let query = db.selectFrom('runs').selectAll();
      if (dagId !== undefined) query = query.where('dag_id', '=', dagId);
      if (state !== undefined) query = query.where('state', '=', state);
      if (runType !== undefined) query = query.where('run_type', '=', runType);
      if (since !== undefined) query = query.where('started_at', '>=', since);
      if (newestOnly) {
        query = query.where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('runs as newer')
                .select('newer.run_id')
                .whereRef('newer.workflow_id', '=', 'runs.workflow_id')
                .whereRef('newer.started_at', '>', 'runs.started_at'),
            ),
          ),
        );
      }
      if (order === 'logical') query = query.orderBy('logical_at', 'desc');
      const rows = await query.orderBy('started_at', 'desc').orderBy('run_id').limit(limit).execute();
      return rows.map(toRunRecord);
    },

    async endedRuns({ dagIds, state, after, limit }) {
      let query = db.selectFrom('runs').selectAll().where('ended_at', 'is not', null);
      if (dagIds !== undefined) query = query.where('dag_id', 'in', dagIds);
      if (state !== undefined) query = query.where('state', '=', state);
      if (after !== undefined) {
        const { endedAt, workflowId = '', runId = '' } = after;
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('ended_at', 'workflow_id', 'run_id'), '>', tuple(endedAt, workflowId, runId)),
        );
      }
      const order = after === undefined ? 'desc' : 'asc';
      const rows = await query
        .orderBy('ended_at', order)
        .orderBy('workflow_id', order)
        .orderBy('run_id', order)
        .limit(limit)
        .execute();
      return rows.map(toRunRecord);
    },

    async getRun(workflowId, runId) {
      let query = db.selectFrom('runs').selectAll().where('workflow_id', '=', workflowId);
      if (runId !== undefined) query = query.where('run_id', '=', runId);
      const row = await query.orderBy('started_at', 'desc').limit(1).executeTakeFirst();
      return row === undefined ? undefined : toRunRecord(row);
    },

    async listExecutions(workflowId, limit) {
      const rows = await db
        .selectFrom('runs')
        .selectAll()
        .where('workflow_id', '=', workflowId)
        .orderBy('started_at', 'desc')
        .limit(limit)
        .execute();
      return rows.map(toRunRecord);
    },

    async findRuns(keys) {
      const found = await inParts(keys, (part) =>
        db
          .selectFrom('runs')
          .selectAll()
          .where('workflow_id', 'in', workflowIds(part))
          .where('run_id', 'in', runIds(part))
          .execute(),
      );
      return found.map(toRunRecord);
    },

    async listTasks(runs) {
      const found = await inParts(runs, (part) =>
        db
          .selectFrom('task_tries')
          .selectAll()
          .where('workflow_id', 'in', workflowIds(part))
          .where('run_id', 'in', runIds(part))
          .orderBy('workflow_id')
          .orderBy('run_id')
          .orderBy('task_id')
          .orderBy('map_index')
          .orderBy('try_number')
          .execute(),
      );
      return found.map(toTaskRecord);
    },

    async logsOf({ workflowId, runId, taskId, mapIndex, tryNumber, after, limit }) {
      let query = db
        .selectFrom('task_logs')
        .selectAll()
        .where('workflow_id', '=', workflowId)
        .where('run_id', '=', runId)
        .where('task_id', '=', taskId)
        .where('map_index', '=', mapIndex);
      if (tryNumber !== undefined) query = query.where('try_number', '=', tryNumber);
      if (after !== undefined) {
        query = query.where(({ eb, or, and }) =>
          or([
            eb('try_number', '>', after.tryNumber),
            and([eb('try_number', '=', after.tryNumber), eb('line', '>', after.line)]),
          ]),
        );
      }
      const rows = await query.orderBy('try_number').orderBy('line').limit(limit).execute();
      return rows.map(toLogLine);
    },

    async runtimesMs(dagId, count) {
      const rows = await db
        .selectFrom('runs')
        .select(['started_at', 'ended_at'])
        .where('dag_id', '=', dagId)
        .where('state', '=', 'success')
        .where('ended_at', 'is not', null)
        .orderBy('started_at', 'desc')
        .limit(count)
        .execute();
      return rows.map((row) => Date.parse(row.ended_at ?? '') - Date.parse(row.started_at));
    },

    async unjudgedRuns(limit) {
      const rows = await db
        .selectFrom('runs')
        .selectAll()
        .where('judged_at', 'is', null)
        .where('ended_at', 'is not', null)
        .orderBy('ended_at')
        .orderBy('run_id')
        .limit(limit)
        .execute();
      return rows.map(toRunRecord);
    },

    async markJudged({ workflowId, runId }, at) {
      await db
        .updateTable('runs')
        .set({ judged_at: at })
        .where('workflow_id', '=', workflowId)
        .where('run_id', '=', runId)
        .execute();
    },

    async deleteBefore(endedBefore) {
      for (let deleted = 0; ;) {
        const count = await deletePart(db, endedBefore);
        deleted += count;
        if (count < limits.ledgerDeleteRuns) return deleted;
      }
    },
  };
}

/** Some runs a transaction, so that no other writer waits long. */
async function deletePart(db: Kysely<OpsTables>, endedBefore: string): Promise<number> {
  return db.transaction().execute(async (transaction) => {
    const keys = await transaction
      .selectFrom('runs')
      .select(['workflow_id as workflowId', 'run_id as runId'])
      .where('ended_at', '<', endedBefore)
      .limit(limits.ledgerDeleteRuns)
      .execute();
    if (keys.length === 0) return 0;
    for (const table of ['task_logs', 'task_tries', 'runs'] as const) {
      await transaction
        .deleteFrom(table)
        .where('workflow_id', 'in', workflowIds(keys))
        .where('run_id', 'in', runIds(keys))
        .execute();
    }
    return keys.length;
  });
}

/** Temporal's run ids are unique by themselves; the workflow ids lead to the index. */
function runIds(keys: readonly RunKey[]): string[] {
  return keys.map(({ runId }) => runId);
}

function workflowIds(keys: readonly RunKey[]): string[] {
  return keys.map(({ workflowId }) => workflowId);
}

async function inParts<Row>(
  keys: readonly RunKey[],
  select: (part: readonly RunKey[]) => Promise<Row[]>,
): Promise<Row[]> {
  const found: Row[] = [];
  for (let at = 0; at < keys.length; at += limits.ledgerStatementRows)
    found.push(...(await select(keys.slice(at, at + limits.ledgerStatementRows))));
  return found;
}
