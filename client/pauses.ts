import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTemporalSchedules } from '../activities/schedules/temporal-schedules.js';
import { fireTimes } from '../core/schedule/fire-times.js';
import { writeNote } from '../core/schedule/gaps.js';
import { continuousWorkflowId, dagScheduleId, runWorkflowId, streamWorkflowId } from '../core/ids.js';
import { limits } from '../core/limits.js';
import { hasFireTimes } from '../core/schedule/schedule-spec.js';
import { pauseSignal, resumeSignal } from '../workflows/messages.js';
import { pauseAssetQueue } from './asset-queues.js';
import { getDag, type DeployedDag } from './deployment.js';
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
  const asked = new Date();
  await client.schedule
    .getHandle(dagScheduleId(dagId))
    .unpause(writeNote(reason, 'resumed', asked.toISOString()));
  const answered = new Date();
  await signalCompanions(client, dagId, resumeSignal);
  await pauseAssetQueue(client, dag.spec, false);
  if (dag.pausedAt === undefined) return { intervals: [] };
  const to = await endOfPause(client, dag, asked, answered);
  await tellResumed(client, dagId, { from: dag.pausedAt, to, reason: dag.pauseReason });
  return gapOfPause(client, dag, dag.pausedAt, to);
}

/**
 * Up to when a pause held runs back, ISO 8601 UTC. The server heard of its end some time between the question and the answer,
 * and drops a run that was due before: such a fire time belongs to the pause where its run does not come.
 */
async function endOfPause(
  client: Client,
  { spec: { id, schedule } }: DeployedDag,
  asked: Date,
  answered: Date,
): Promise<string> {
  let to = asked.toISOString();
  if (!hasFireTimes(schedule) || schedule.jitterMs > 0) return to;
  const schedules = createTemporalSchedules(client);
  const times = fireTimes(schedule);
  const last = Math.min(answered.getTime(), Date.parse(schedule.endAt ?? answered.toISOString()));
  const deadline = Date.now() + limits.resumeConfirmMs;
  let fire = times.after(new Date(asked.getTime() - 1));
  for (; fire !== undefined && fire.getTime() <= last; fire = times.after(fire)) {
    const workflowId = runWorkflowId(id, fire.toISOString());
    let hasRun = await schedules.hasRun(workflowId);
    for (; !hasRun && Date.now() < deadline; hasRun = await schedules.hasRun(workflowId))
      await sleep(limits.resumeConfirmEveryMs);
    // Those after it run as well; one that waits for the end of another comes later.
    if (hasRun || (await schedules.describe(id))?.waiting !== 0) return to;
    to = new Date(fire.getTime() + 1).toISOString();
  }
  return to;
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
