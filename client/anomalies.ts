import type { Client } from '@temporalio/client';
import type { Settings } from '../config.js';
import type { Anomaly, AnomalyStatus } from '../core/quality/anomaly.js';
import { isPipelineError, PipelineError } from '../core/errors/index.js';
import type { OpsStore } from '../ops/store.js';
import { decide } from './approvals.js';
import { configuredSinks } from './alarms.js';

export interface AnomalyFilter {
  readonly dagId?: string;
  /** Default: those that nobody has decided about. */
  readonly status?: AnomalyStatus | 'all';
  readonly limit: number;
}

/** Anomalies, newest first. */
export async function listAnomalies(
  ops: Pick<OpsStore, 'quality'>,
  { dagId, status = 'open', limit }: AnomalyFilter,
): Promise<readonly Anomaly[]> {
  return ops.quality.list({
    limit,
    ...(dagId === undefined ? {} : { dagId }),
    ...(status === 'all' ? {} : { status }),
  });
}

/** @throws PipelineError ANOMALY_NOT_FOUND */
export async function getAnomaly(ops: Pick<OpsStore, 'quality'>, id: string): Promise<Anomaly> {
  const anomaly = await ops.quality.get(id);
  if (anomaly === undefined) throw new PipelineError('ANOMALY_NOT_FOUND', { id });
  return anomaly;
}

export interface DecideAnomalyOptions {
  readonly decision: 'accepted' | 'rejected';
  readonly by: string;
  readonly comment?: string;
}

/**
 * Accepts or rejects an anomaly; the first decision counts. Once all anomalies of a batch are accepted, the batch joins what
 * later ones are compared with, and a run that waits goes on; with the first rejected one it stays out, and a run that waits
 * fails. Saying the same again tells a waiting run again.
 *
 * @throws PipelineError ANOMALY_NOT_FOUND, USAGE (decided otherwise before), TEMPORAL_UNAVAILABLE (no worker answers)
 */
export async function decideAnomaly(
  { client, ops, settings }: { client: Client; ops: OpsStore; settings: Settings },
  id: string,
  { decision, by, comment = '' }: DecideAnomalyOptions,
): Promise<Anomaly> {
  const decided = await ops.quality.decide(id, { decision, by, comment });
  if (decided === undefined) throw new PipelineError('ANOMALY_NOT_FOUND', { id });
  const { anomaly, batch } = decided;
  if (anomaly.status !== decision)
    throw new PipelineError('USAGE', {
      problem: `Anomaly "${id}" was ${anomaly.status} by ${anomaly.decidedBy ?? 'somebody'} before`,
      hint: 'The first decision counts',
    });
  if (batch === 'open') return anomaly;
  const { dagId, taskId, workflowId } = anomaly;
  const open = await ops.quality.list({ dagId, status: 'open', limit: 1_000 });
  if (!open.some((other) => other.taskId === taskId))
    await ops.alarms
      .book({ sinks: configuredSinks(settings), routes: settings.alarms.routes })
      .recover({ dagId, kind: 'anomaly', subject: taskId, at: new Date().toISOString() });
  if (anomaly.isWaiting)
    await tellRun(client, workflowId, {
      taskId,
      decision: batch === 'rejected' ? 'rejected' : 'approved',
      by,
      comment,
    });
  return anomaly;
}

/** A run that has ended, or was answered before, waits no more. */
async function tellRun(
  client: Client,
  workflowId: string,
  answer: Parameters<typeof decide>[2],
): Promise<void> {
  try {
    await decide(client, workflowId, answer);
  } catch (error) {
    if (isPipelineError(error) && (error.code === 'RUN_NOT_FOUND' || error.code === 'USAGE')) return;
    throw error;
  }
}
