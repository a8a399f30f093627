import { createHash } from 'node:crypto';
import type { Anomaly, AnomalyDecision, GateVerdict } from '../core/anomaly.js';
import { findAnomalies } from '../core/anomaly-rules.js';
import { describeAnomaly } from '../core/describe-anomaly.js';
import type { AnomalyGateTask } from '../core/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { intervalKey } from '../core/interval.js';
import { canonicalJson } from '../core/json.js';
import type { BatchVerdict } from '../core/quality.js';
import type { StageRequest } from '../core/run.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';
import { partitionKey } from './element-source.js';
import { profileBatch } from './profile-batch.js';

/**
 * The gate before a load: compares the figures of a batch with those of the last accepted ones, remembers them, and raises
 * an alarm for what differs. A batch is known by its content: a repeat finds the verdict and what a person decided about it.
 *
 * @throws PipelineError CHECK_INVALID, ANOMALY_REJECTED, STAGING_*
 */
export function createCompareBatch(deps: ActivityDeps): Stage<StageRequest<AnomalyGateTask>, GateVerdict> {
  return async ({ context, task, input }, io) => {
    if (input === undefined)
      throw new PipelineError('INTERNAL', { where: `task "${task.id}"`, reason: 'no input manifest' });
    const { quality } = deps;
    const key = await partitionKey(deps, intervalKey(context.interval), context);
    const profileId = createHash('sha256')
      .update(canonicalJson({ dag: context.dagId, task: task.id, key, content: input.contentHash }))
      .digest('hex')
      .slice(0, 16);
    if (quality === undefined) return { manifest: input, profileId, open: 0 };
    const { config } = task;
    const verdict =
      (await quality.findBatch(profileId)) ??
      (await compare(deps, quality, { context, task, input }, profileId, io));
    await tell(deps, { context, task, input }, profileId, verdict, io);
    if (verdict.status === 'rejected' && config.onAnomaly === 'wait') {
      const rejected = verdict.anomalies.find(({ status }) => status === 'rejected');
      throw new PipelineError('ANOMALY_REJECTED', {
        task: `${context.dagId}/${task.id}`,
        by: rejected?.decidedBy ?? 'nobody',
        comment: rejected?.comment ?? '',
      });
    }
    const open = verdict.anomalies.filter(({ status }) => status === 'open').length;
    return { manifest: input, profileId, open };
  };
}

type Judged = Required<Pick<StageRequest<AnomalyGateTask>, 'context' | 'task' | 'input'>>;

async function compare(
  deps: ActivityDeps,
  quality: NonNullable<ActivityDeps['quality']>,
  { context, task, input }: Judged,
  id: string,
  io: StageIo,
): Promise<BatchVerdict> {
  const { columns } = input;
  const { config } = task;
  const unknown = (config.columns ?? []).filter((name) => columns?.some((own) => own.name === name) !== true);
  if (columns === undefined || unknown.length > 0)
    throw new PipelineError('CHECK_INVALID', {
      task: `${context.dagId}/${task.id}`,
      problems:
        columns === undefined
          ? ['a gate needs typed columns: put a validate task before it']
          : unknown.map((name) => `there is no column "${name}"`),
    });
  const profile = await profileBatch(deps, input, columns, io);
  const baseline = await quality.baseline(context.dagId, task.id, config.loads);
  const findings = findAnomalies(profile, baseline, config);
  io.log.info(
    baseline.length < config.warmUp
      ? `warming up: ${String(baseline.length)} of ${String(config.warmUp)} batches`
      : `compared with ${String(baseline.length)} batches`,
    { rows: profile.rows, anomalies: findings.length },
  );
  return quality.saveBatch(
    {
      id,
      dagId: context.dagId,
      taskId: task.id,
      workflowId: context.workflowId,
      profile,
      at: new Date().toISOString(),
      isWaiting: config.onAnomaly === 'wait',
    },
    findings,
  );
}

/** Raises the alarm of a batch that has open anomalies, and ends it with one that has none. */
async function tell(
  { alarms }: ActivityDeps,
  { context, task }: Judged,
  profileId: string,
  { anomalies }: BatchVerdict,
  io: StageIo,
): Promise<void> {
  const open = anomalies.filter(({ status }) => status === 'open');
  for (const anomaly of open) io.log.warn(describeAnomaly(anomaly), { anomaly: anomaly.id });
  const alarm = { dagId: context.dagId, kind: 'anomaly', subject: task.id } as const;
  const at = new Date().toISOString();
  if (open.length === 0) await alarms?.recover({ ...alarm, at });
  else await alarms?.raise({ ...alarm, at, occurrence: profileId, message: messageOf(context.dagId, open) });
}

function messageOf(dagId: string, open: readonly Anomaly[]): string {
  const [first] = open;
  const what = first === undefined ? '' : describeAnomaly(first);
  const more = open.length > 1 ? ` and ${String(open.length - 1)} more` : '';
  const waiting = first?.isWaiting === true ? 'the run waits; ' : '';
  return `DAG "${dagId}": ${what}${more}; ${waiting}"millrace anomalies list --dag ${dagId}" lists them`;
}

/** Keeps what a person decided about a batch through its run, and ends its alarm. */
export function createSettleBatch(
  deps: Pick<ActivityDeps, 'quality' | 'alarms'>,
): Stage<AnomalyDecision, null> {
  return async (decision) => {
    const [first] = (await deps.quality?.decideBatch(decision)) ?? [];
    if (first !== undefined)
      await deps.alarms?.recover({
        dagId: first.dagId,
        kind: 'anomaly',
        subject: first.taskId,
        at: new Date().toISOString(),
      });
    return null;
  };
}
