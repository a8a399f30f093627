import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { continuousWorkflowId, streamWorkflowId, watchWorkflowId } from '../core/ids.js';
import { hasDataInterval, hasFireTimes, type ScheduleSpec } from '../core/schedule/schedule-spec.js';
import { deploySignal, pauseSignal, stopSignal, type PinnedSpec } from '../workflows/messages.js';
import { pausedSignal, type WatchInput } from '../workflows/schedule-messages.js';
import { dagAttribute, modeAttribute } from '../workflows/search-attributes.js';

/** A pause that a DAG begins its life with: since when it holds runs back, and why. */
export interface FirstPause {
  /** ISO 8601 UTC. */
  readonly from: string;
  readonly reason: string;
}

/** The workflows that go on beside a deployed DAG: its stream, the one that starts continuous runs, its watch. */
interface Companion {
  readonly workflowType: string;
  readonly workflowId: (dagId: string) => string;
  isFor(schedule: ScheduleSpec): boolean;
}

const companions: readonly Companion[] = [
  { workflowType: 'streamDag', workflowId: streamWorkflowId, isFor: ({ kind }) => kind === 'stream' },
  {
    workflowType: 'continuousDag',
    workflowId: continuousWorkflowId,
    isFor: ({ kind }) => kind === 'continuous',
  },
  { workflowType: 'watchDag', workflowId: watchWorkflowId, isFor: hasDataInterval },
];

/**
 * Starts what goes on beside a DAG, hands a changed spec on, and stops what the DAG no longer needs. Safe to repeat: what
 * runs already is left alone.
 */
export async function deployCompanions(
  client: Client,
  pinned: PinnedSpec,
  options: {
    readonly taskQueue: string;
    readonly isUpdate: boolean;
    readonly now: Date;
    readonly pause?: FirstPause | undefined;
  },
): Promise<void> {
  const { spec } = pinned;
  const { pause } = options;
  for (const { workflowType, workflowId, isFor } of companions) {
    if (!isFor(spec.schedule)) {
      if (options.isUpdate) await stopWorkflow(client, workflowId(spec.id));
      continue;
    }
    const input: WatchInput = { ...pinned, since: firstLook(spec.schedule, options.now) };
    const start = {
      workflowId: workflowId(spec.id),
      workflowIdConflictPolicy: 'USE_EXISTING' as const,
      taskQueue: options.taskQueue,
      args: [workflowType === 'streamDag' ? pinned : input],
      typedSearchAttributes: new TypedSearchAttributes([
        { key: dagAttribute, value: spec.id },
        { key: modeAttribute, value: spec.mode },
      ]),
    };
    // One call, so that nothing is done before the pause is known.
    const handle =
      pause === undefined
        ? await client.workflow.start(workflowType, start)
        : workflowType === 'watchDag'
          ? await client.workflow.signalWithStart(workflowType, {
              ...start,
              signal: pausedSignal,
              signalArgs: [pause],
            })
          : await client.workflow.signalWithStart(workflowType, { ...start, signal: pauseSignal });
    if (options.isUpdate) await handle.signal(deploySignal, pinned);
  }
}

/** Ends everything that goes on beside a DAG; a batch or run under way is finished first. */
export async function stopCompanions(client: Client, dagId: string): Promise<void> {
  for (const { workflowId } of companions) await stopWorkflow(client, workflowId(dagId));
}

/**
 * From when on intervals are due: the past since `startAt`, as far as the catch-up window reaches, for a DAG that catches
 * up and for a continuous one; else what comes after the deploy.
 */
export function firstLook(schedule: ScheduleSpec, now: Date): string {
  const startAt = 'startAt' in schedule ? schedule.startAt : undefined;
  if (startAt === undefined) return now.toISOString();
  if (schedule.kind === 'continuous') return startAt;
  if (!hasFireTimes(schedule) || !schedule.catchup) return now.toISOString();
  const earliest = new Date(now.getTime() - schedule.catchupWindowMs).toISOString();
  return [startAt, earliest].sort().at(-1) ?? startAt;
}

async function stopWorkflow(client: Client, workflowId: string): Promise<void> {
  try {
    await client.workflow.getHandle(workflowId).signal(stopSignal);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
