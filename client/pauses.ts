import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { writeNote } from '../core/gaps.js';
import { continuousWorkflowId, dagScheduleId, streamWorkflowId } from '../core/ids.js';
import { pauseSignal, resumeSignal } from '../workflows/messages.js';
import { pauseAssetQueue } from './asset-queues.js';
import { getDag } from './deployment.js';
import { gapOfPause, tellPaused, tellResumed, type PauseGap } from './watches.js';

/**
 * Starts no further runs of a DAG; a stream stops draining after its batch. The reason and the time stay with the schedule.
 * A DAG that is paused already keeps its first reason.
 *
 * @throws PipelineError DAG_NOT_FOUND
 */
export async function pauseDag(client: Client, dagId: string, reason: string): Promise<void> {
  const { spec, isPaused } = await getDag(client, dagId);
  if (isPaused) return;
  const from = new Date().toISOString();
  await client.schedule.getHandle(dagScheduleId(dagId)).pause(writeNote(reason, 'paused', from));
  await signalCompanions(client, dagId, pauseSignal);
  await pauseAssetQueue(client, spec, true);
  await tellPaused(client, dagId, from, reason);
}

/**
 * Starts runs of a DAG again. What did not run meanwhile is not made up for by itself: it is returned, for a backfill.
 *
 * @throws PipelineError DAG_NOT_FOUND
 */
export async function resumeDag(client: Client, dagId: string, reason: string): Promise<PauseGap> {
  const dag = await getDag(client, dagId);
  const to = new Date().toISOString();
  await client.schedule.getHandle(dagScheduleId(dagId)).unpause(writeNote(reason, 'resumed', to));
  await signalCompanions(client, dagId, resumeSignal);
  await pauseAssetQueue(client, dag.spec, false);
  if (dag.pausedAt === undefined) return { intervals: [] };
  await tellResumed(client, dagId, { from: dag.pausedAt, to, reason: dag.pauseReason });
  return gapOfPause(client, dag, dag.pausedAt, to);
}

async function signalCompanions(
  client: Client,
  dagId: string,
  signal: typeof pauseSignal | typeof resumeSignal,
): Promise<void> {
  for (const workflowId of [streamWorkflowId(dagId), continuousWorkflowId(dagId)]) {
    try {
      await client.workflow.getHandle(workflowId).signal(signal);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
}
