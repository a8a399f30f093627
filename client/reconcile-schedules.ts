import {
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleOptions,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import type { DagSpec } from '../core/dag/dag-spec.js';
import { dagDefaults } from '../core/dag/dag-defaults.js';
import { reconcileScheduleId } from '../core/ids.js';
import type { ReconcileSpec } from '../core/reconcile/reconcile-spec.js';
import type { PinnedSpec, ReconcileTableInput } from '../workflows/messages.js';
import { dagAttribute, modeAttribute } from '../workflows/search-attributes.js';
import { temporalTimes } from './temporal/schedule-times.js';

/**
 * Makes the schedules that compare tables by themselves equal to what the DAG says, one for each load with `reconcile`.
 * Safe to repeat.
 *
 * @returns their ids.
 */
export async function deployReconciles(
  client: Client,
  pinned: PinnedSpec,
  options: { readonly previous: DagSpec | undefined; readonly taskQueue: string; readonly now: Date },
): Promise<string[]> {
  const { spec } = pinned;
  const wanted = reconcilesOf(spec);
  for (const { taskId, reconcile } of wanted) {
    const next = scheduleOptions(pinned, taskId, reconcile, options);
    const handle = client.schedule.getHandle(next.scheduleId);
    const isKnown = await orMissing(handle.describe());
    if (!isKnown) await client.schedule.create(next);
    else
      await handle.update(({ state }) => ({
        spec: next.spec,
        policies: next.policies ?? {},
        action: next.action,
        state,
      }));
  }
  const ids = wanted.map(({ taskId }) => reconcileScheduleId(spec.id, taskId));
  if (options.previous !== undefined) await removeReconciles(client, options.previous, ids);
  return ids;
}

/** Removes the schedules of a DAG's comparisons but for those that are to stay. */
export async function removeReconciles(
  client: Client,
  spec: DagSpec,
  kept: readonly string[] = [],
): Promise<void> {
  for (const { taskId } of reconcilesOf(spec)) {
    const id = reconcileScheduleId(spec.id, taskId);
    if (!kept.includes(id)) await orMissing(client.schedule.getHandle(id).delete());
  }
}

function reconcilesOf({ tasks }: DagSpec): { readonly taskId: string; readonly reconcile: ReconcileSpec }[] {
  return tasks.flatMap((task) =>
    task.kind === 'load' && task.reconcile !== undefined
      ? [{ taskId: task.id, reconcile: task.reconcile }]
      : [],
  );
}

function scheduleOptions(
  pinned: PinnedSpec,
  taskId: string,
  { schedule, inFlightMs, windowMs, heal }: ReconcileSpec,
  { taskQueue, now }: { readonly taskQueue: string; readonly now: Date },
): ScheduleOptions {
  const { id, mode } = pinned.spec;
  const input: ReconcileTableInput = {
    ...pinned,
    taskId,
    inFlightMs,
    ...(windowMs === undefined ? {} : { windowMs }),
    ...(heal === undefined ? {} : { heal }),
  };
  const scheduleId = reconcileScheduleId(id, taskId);
  return {
    scheduleId,
    spec: temporalTimes(schedule, now),
    // A comparison that was missed is made up for by the next one.
    policies: {
      overlap: ScheduleOverlapPolicy.SKIP,
      catchupWindow: dagDefaults.noCatchupWindowMs,
      pauseOnFailure: false,
    },
    action: {
      type: 'startWorkflow',
      workflowType: 'reconcileTable',
      workflowId: scheduleId,
      taskQueue,
      args: [input],
      typedSearchAttributes: new TypedSearchAttributes([
        { key: dagAttribute, value: id },
        { key: modeAttribute, value: mode },
      ]),
    },
  };
}

/** False where there is no such schedule. */
async function orMissing(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return false;
    throw error;
  }
}
