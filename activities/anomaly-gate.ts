import { createHash } from 'node:crypto';
import {
  reviewTimeout,
  type Anomaly,
  type AnomalyDecision,
  type BatchDecision,
  type GateVerdict,
} from '../core/quality/anomaly.js';
import { findAnomalies } from '../core/quality/anomaly-rules.js';
import { describeAnomaly } from '../core/quality/describe-anomaly.js';
import type { AnomalyGateTask } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { intervalKey } from '../core/interval.js';
import { canonicalJson, type JsonObject } from '../core/json.js';
import type { Manifest } from '../core/loading/manifest.js';
import type { BatchVerdict, QualityStore } from '../core/quality/quality.js';
import type { StageRequest } from '../core/run/run.js';
import { correctBatch, type GatedBatch } from './judge/correct-batch.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';
import { partitionKey } from './read/element-source.js';
import { profileBatch } from './judge/profile-batch.js';

/**
 * The gate before a load: compares the figures of a batch with those of the last accepted ones, remembers them, and raises
 * an alarm for what differs and no declared rule corrects. A batch is known by its content: a repeat finds the verdict and
 * what a person decided about it, and corrects the same. Rows of a replay pass: a person has chosen them.
 *
 * @throws PipelineError CHECK_INVALID, ANOMALY_REJECTED, STAGING_*, and as the check stage does
 */
export function createCompareBatch(deps: ActivityDeps): Stage<StageRequest<AnomalyGateTask>, GateVerdict> {
  return async ({ context, task, input, replayQuarantineIds }, io) => {
    if (input === undefined)
      throw new PipelineError('INTERNAL', { where: `task "${task.id}"`, reason: 'no input manifest' });
    const { quality } = deps;
    const { config } = task;
    const key = await partitionKey(deps, intervalKey(context.interval), context);
    // Other rules make another batch of the same rows.
    const rules = config.correct === undefined ? {} : { correct: config.correct as unknown as JsonObject };
    const profileId = createHash('sha256')
      .update(canonicalJson({ dag: context.dagId, task: task.id, key, content: input.contentHash, ...rules }))
      .digest('hex')
      .slice(0, 16);
    if (quality === undefined || replayQuarantineIds !== undefined)
      return { manifest: input, profileId, open: 0 };
    const batch: GatedBatch = { context, task, input };
    const known = await quality.findBatch(profileId);
    const { manifest, verdict } =
      known === undefined
        ? await judge(deps, quality, batch, profileId, io)
        : {
            manifest: (await correctBatch(deps, batch, known.anomalies.filter(isCorrected), io)).manifest,
            verdict: known,
          };
    await tell(deps, batch, profileId, verdict, io);
    if (verdict.status === 'rejected' && config.onAnomaly === 'wait') {
      const rejected = verdict.anomalies.find(({ status }) => status === 'rejected');
      throw new PipelineError('ANOMALY_REJECTED', {
        task: `${context.dagId}/${task.id}`,
        by: rejected?.decidedBy ?? 'nobody',
        comment: rejected?.comment ?? '',
      });
    }
    const open = verdict.anomalies.filter(({ status }) => status === 'open').length;
    return { manifest, profileId, open };
  };
}

function isCorrected({ status }: Anomaly): boolean {
  return status === 'corrected';
}

/** Compares a batch that was not seen before, corrects what a rule is declared for, and remembers the verdict. */
async function judge(
  deps: ActivityDeps,
  quality: QualityStore,
  batch: GatedBatch,
  id: string,
  io: StageIo,
): Promise<{ readonly manifest: Manifest; readonly verdict: BatchVerdict }> {
  const { context, task, input } = batch;
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
  const found = findAnomalies(profile, baseline, config);
  io.log.info(
    baseline.length < config.warmUp
      ? `warming up: ${String(baseline.length)} of ${String(config.warmUp)} batches`
      : `compared with ${String(baseline.length)} batches`,
    { rows: profile.rows, anomalies: found.length },
  );
  const { manifest, findings } = await correctBatch(deps, batch, found, io);
  const verdict = await quality.saveBatch(
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
  return { manifest, verdict };
}

/** Raises the alarm of a batch that has open anomalies, and ends it with one that has none at all. */
async function tell(
  { alarms }: ActivityDeps,
  { context, task }: GatedBatch,
  profileId: string,
  { anomalies }: BatchVerdict,
  io: StageIo,
): Promise<void> {
  const open = anomalies.filter(({ status }) => status === 'open');
  const corrected = anomalies.filter(isCorrected);
  for (const anomaly of [...open, ...corrected])
    io.log.warn(describeAnomaly(anomaly), { anomaly: anomaly.id, status: anomaly.status });
  const alarm = { dagId: context.dagId, kind: 'anomaly', subject: task.id } as const;
  const at = new Date().toISOString();
  if (open.length > 0)
    await alarms?.raise({ ...alarm, at, occurrence: profileId, message: messageOf(context.dagId, open) });
  else if (anomalies.length === 0)
    for (const subject of [task.id, overdue(task.id)]) await alarms?.recover({ ...alarm, subject, at });
}

function messageOf(dagId: string, open: readonly Anomaly[]): string {
  const [first] = open;
  const what = first === undefined ? '' : describeAnomaly(first);
  const more = open.length > 1 ? ` and ${String(open.length - 1)} more` : '';
  const waiting = first?.isWaiting === true ? 'the run waits; ' : '';
  return `DAG "${dagId}": ${what}${more}; ${waiting}"millrace anomalies list --dag ${dagId}" lists them`;
}

/** What the alarm is about that nobody has reviewed a batch in time. */
function overdue(taskId: string): string {
  return `${taskId}, review overdue`;
}

/**
 * Keeps what a person, or the end of the time for review, decided about a batch; the first decision counts and is returned.
 * The alarm of the batch ends; where nobody has decided, one about that is raised, which the next usual batch ends.
 */
export function createSettleBatch(
  deps: Pick<ActivityDeps, 'quality' | 'alarms'>,
): Stage<AnomalyDecision, BatchDecision | null> {
  return async (decision) => {
    const decided = ((await deps.quality?.decideBatch(decision)) ?? []).filter(
      (anomaly) => !isCorrected(anomaly),
    );
    const rejected = decided.find(({ status }) => status === 'rejected');
    const first = rejected ?? decided[0];
    const verdict = rejected === undefined ? ('accepted' as const) : ('rejected' as const);
    if (first === undefined) return null;
    const { dagId, taskId, decidedBy = decision.by, comment = decision.comment } = first;
    const alarm = { dagId, kind: 'anomaly', at: new Date().toISOString() } as const;
    await deps.alarms?.recover({ ...alarm, subject: taskId });
    if (decidedBy === reviewTimeout)
      await deps.alarms?.raise({
        ...alarm,
        subject: overdue(taskId),
        occurrence: decision.profileId,
        message: `DAG "${dagId}": nobody reviewed a batch in time, so it counts as ${verdict}: ${describeAnomaly(first)}`,
      });
    return { decision: verdict, by: decidedBy, comment };
  };
}
