import {
  ActivityCancellationType,
  type ActivityOptions,
  type LocalActivityOptions,
} from '@temporalio/workflow';
import type { TaskSpec } from '../core/dag/dag-spec.js';
import type { StageContext } from '../core/run/run.js';

/** How Temporal runs a task's activity. */
export function activityOptions(task: TaskSpec, context: StageContext): ActivityOptions {
  const { retry, timeouts } = task;
  return {
    summary: summaryOf(task, context),
    startToCloseTimeout: timeouts.startToCloseMs,
    scheduleToCloseTimeout: timeouts.scheduleToCloseMs,
    heartbeatTimeout: timeouts.heartbeatMs,
    // A load that is asked to stop says first whether it committed; a source that is read can simply be left.
    cancellationType:
      task.kind === 'extract'
        ? ActivityCancellationType.TRY_CANCEL
        : ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: retry.initialIntervalMs,
      backoffCoefficient: retry.backoffCoefficient,
      maximumInterval: retry.maximumIntervalMs,
      ...(countsTries(task) ? {} : { maximumAttempts: retry.maximumAttempts }),
    },
  };
}

/** Whether the activity bounds its tries itself (see `StageRequest.countsTries`): only a source throttles. */
export function countsTries({ kind }: TaskSpec): boolean {
  return kind === 'extract';
}

/** The same for a short task, which runs on the worker that decides, without a queue between. */
export function localActivityOptions(task: TaskSpec, context: StageContext): LocalActivityOptions {
  const { retry, timeouts } = task;
  return {
    summary: summaryOf(task, context),
    startToCloseTimeout: timeouts.startToCloseMs,
    scheduleToCloseTimeout: timeouts.scheduleToCloseMs,
    retry: {
      initialInterval: retry.initialIntervalMs,
      backoffCoefficient: retry.backoffCoefficient,
      maximumInterval: retry.maximumIntervalMs,
      maximumAttempts: retry.maximumAttempts,
    },
  };
}

/**
 * A look of a sensor is an activity that fails until its condition holds: the server itself waits between two looks, so
 * that neither a worker slot nor the history grows. The looks are retries without a bound; `timeoutMs` ends them.
 */
export function pokeOptions(
  task: TaskSpec,
  context: StageContext,
  poke: { readonly pokeIntervalMs: number; readonly remainingMs: number },
): ActivityOptions {
  return {
    summary: summaryOf(task, context),
    startToCloseTimeout: Math.min(task.timeouts.startToCloseMs, poke.remainingMs),
    scheduleToCloseTimeout: poke.remainingMs,
    heartbeatTimeout: task.timeouts.heartbeatMs,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: {
      initialInterval: poke.pokeIntervalMs,
      backoffCoefficient: 1,
      maximumInterval: poke.pokeIntervalMs,
    },
  };
}

/** What the Temporal UI shows for a task. */
export function summaryOf(task: TaskSpec, { mapIndex, element }: StageContext): string {
  const name = mapIndex === undefined ? task.id : `${task.id} [${instanceName(mapIndex, element)}]`;
  switch (task.kind) {
    case 'extract':
      return `${name} ← ${task.config.from.connector}/${task.config.from.stream}`;
    case 'validate':
      return `${name} · ${task.config.schema.id}`;
    case 'check':
      return `${name} · ${String(task.config.checks.length)} checks`;
    case 'load':
      return `${name} → ${task.config.into} (${task.config.disposition})`;
    case 'identity':
      return `${name} → ${task.config.into} (identity)`;
    case 'dag-sensor':
      return `${name} · waits for ${task.dagId}`;
    case 'trigger-dag':
      return `${name} · starts ${task.dagId}`;
    case 'approval':
      return `${name} · ${task.subject}`;
    default:
      return name;
  }
}

function instanceName(mapIndex: number, element: StageContext['element']): string {
  return element !== undefined && 'label' in element ? element.label : String(mapIndex);
}
