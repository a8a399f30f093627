import type { Kysely } from 'kysely';
import type { Anomaly, AnomalyFinding, AnomalyStatus, BatchProfile } from '../core/quality/anomaly.js';
import type { BatchVerdict, QualityStore, SeenBatch } from '../core/quality/quality.js';
import { oneAtATime } from './one-at-a-time.js';
import type { AnomalyRow, OpsTables } from './tables.js';

type Db = Kysely<OpsTables>;

/** Profiles of batches, their anomalies and the last load of each table, in the operations store. */
export function createQualityStore(db: Db): QualityStore {
  return {
    async baseline(dagId, taskId, limit) {
      const rows = await db
        .selectFrom('batch_profiles')
        .select('profile')
        .where('dag_id', '=', dagId)
        .where('task_id', '=', taskId)
        .where('status', '=', 'accepted')
        .orderBy('seen_at', 'desc')
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(({ profile }) => JSON.parse(profile) as BatchProfile);
    },

    findBatch: (id) => verdictOf(db, id),

    async saveBatch(batch, findings) {
      return oneAtATime(db, async (transaction) => {
        const known = await verdictOf(transaction, batch.id);
        if (known !== undefined) return known;
        const { id, dagId, taskId, workflowId, profile, at, isWaiting } = batch;
        await transaction
          .insertInto('batch_profiles')
          .values({
            id,
            dag_id: dagId,
            task_id: taskId,
            profile: JSON.stringify(profile),
            status: judge(findings.map(statusOf)),
            seen_at: at,
          })
          .execute();
        if (findings.length > 0)
          await transaction
            .insertInto('anomalies')
            .values(anomalyRows({ id, dagId, taskId, workflowId, at, isWaiting }, findings))
            .execute();
        return (await verdictOf(transaction, id)) ?? { status: 'accepted', anomalies: [] };
      });
    },

    async recordCorrections(batch, findings) {
      await db
        .insertInto('anomalies')
        .values(anomalyRows({ ...batch, isWaiting: false }, findings))
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
    },

    async list({ dagId, status, limit }) {
      let query = db.selectFrom('anomalies').selectAll();
      if (dagId !== undefined) query = query.where('dag_id', '=', dagId);
      if (status !== undefined) query = query.where('status', '=', status);
      const rows = await query.orderBy('found_at', 'desc').orderBy('id').limit(limit).execute();
      return rows.map(toAnomaly);
    },

    async get(id) {
      const row = await db.selectFrom('anomalies').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? undefined : toAnomaly(row);
    },

    async decide(id, decision) {
      return oneAtATime(db, async (transaction) => {
        await decideWhere(transaction, decision, { id });
        const row = await transaction
          .selectFrom('anomalies')
          .selectAll()
          .where('id', '=', id)
          .executeTakeFirst();
        if (row === undefined) return undefined;
        return { anomaly: toAnomaly(row), batch: await judgeBatch(transaction, row.profile_id) };
      });
    },

    async decideBatch({ profileId, ...decision }) {
      return oneAtATime(db, async (transaction) => {
        await decideWhere(transaction, decision, { profileId });
        await judgeBatch(transaction, profileId);
        return (await verdictOf(transaction, profileId))?.anomalies ?? [];
      });
    },

    async recordLoad({ dagId, taskId, table, committedAt }) {
      await db
        .insertInto('table_loads')
        .values({ dag_id: dagId, task_id: taskId, table_name: table, committed_at: committedAt })
        .onConflict((conflict) =>
          conflict
            .columns(['dag_id', 'task_id', 'table_name'])
            .doUpdateSet({ committed_at: committedAt })
            .where('table_loads.committed_at', '<', committedAt),
        )
        .execute();
    },

    async lastLoads() {
      const rows = await db.selectFrom('table_loads').selectAll().execute();
      return rows.map((row) => ({
        dagId: row.dag_id,
        taskId: row.task_id,
        table: row.table_name,
        committedAt: row.committed_at,
      }));
    },

    async deleteBefore(at) {
      await db.deleteFrom('anomalies').where('found_at', '<', at).execute();
      await db.deleteFrom('batch_profiles').where('seen_at', '<', at).execute();
    },
  };
}

function anomalyRows(
  { id, dagId, taskId, workflowId, at, isWaiting }: Omit<SeenBatch, 'profile'>,
  findings: readonly AnomalyFinding[],
): AnomalyRow[] {
  return findings.map((finding, index) => {
    const isCorrected = statusOf(finding) === 'corrected';
    return {
      id: `${id}-${String(index + 1)}`,
      profile_id: id,
      dag_id: dagId,
      task_id: taskId,
      workflow_id: workflowId,
      finding: JSON.stringify(finding),
      is_waiting: isWaiting && !isCorrected ? 1 : 0,
      status: statusOf(finding),
      found_at: at,
      decided_by: isCorrected ? 'rule' : null,
      decided_at: isCorrected ? at : null,
      comment: isCorrected ? (finding.correction?.rule ?? '') : null,
    };
  });
}

function statusOf({ correction }: AnomalyFinding): AnomalyStatus {
  return correction === undefined ? 'open' : 'corrected';
}

/** What is true of a batch with anomalies of these states: the first of a rejected, an open and a corrected one counts. */
function judge(states: readonly AnomalyStatus[]): AnomalyStatus {
  const order = ['rejected', 'open', 'corrected'] as const;
  return order.find((status) => states.includes(status)) ?? 'accepted';
}

/** The first decision about an anomaly counts. */
async function decideWhere(
  db: Db,
  { decision, by, comment }: { decision: AnomalyStatus; by: string; comment: string },
  which: { readonly id: string } | { readonly profileId: string },
): Promise<void> {
  const query = db
    .updateTable('anomalies')
    .set({ status: decision, decided_by: by, decided_at: new Date().toISOString(), comment })
    .where('status', '=', 'open');
  await (
    'id' in which ? query.where('id', '=', which.id) : query.where('profile_id', '=', which.profileId)
  ).execute();
}

/** A batch is rejected with its first rejected anomaly, and accepted with its last accepted one where none was corrected. */
async function judgeBatch(db: Db, profileId: string): Promise<AnomalyStatus> {
  const rows = await db
    .selectFrom('anomalies')
    .select('status')
    .where('profile_id', '=', profileId)
    .execute();
  const status = judge(rows.map((row) => row.status as AnomalyStatus));
  await db.updateTable('batch_profiles').set({ status }).where('id', '=', profileId).execute();
  return status;
}

async function verdictOf(db: Db, id: string): Promise<BatchVerdict | undefined> {
  const batch = await db
    .selectFrom('batch_profiles')
    .select('status')
    .where('id', '=', id)
    .executeTakeFirst();
  if (batch === undefined) return undefined;
  const rows = await db
    .selectFrom('anomalies')
    .selectAll()
    .where('profile_id', '=', id)
    .orderBy('id')
    .execute();
  return { status: batch.status as AnomalyStatus, anomalies: rows.map(toAnomaly) };
}

function toAnomaly(row: AnomalyRow): Anomaly {
  return {
    id: row.id,
    dagId: row.dag_id,
    taskId: row.task_id,
    workflowId: row.workflow_id,
    foundAt: row.found_at,
    isWaiting: row.is_waiting === 1,
    status: row.status as AnomalyStatus,
    ...(JSON.parse(row.finding) as AnomalyFinding),
    ...(row.decided_by === null ? {} : { decidedBy: row.decided_by }),
    ...(row.decided_at === null ? {} : { decidedAt: row.decided_at }),
    ...(row.comment === null ? {} : { comment: row.comment }),
  };
}
