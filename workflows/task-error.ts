import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { isPipelineError } from '../core/errors/index.js';
import type { TaskError } from '../core/run/run-result.js';

/** Code and message of what ended a task, read from the failure that Temporal hands back. */
export function taskError(error: unknown): TaskError {
  const cause =
    error instanceof ActivityFailure || error instanceof ChildWorkflowFailure ? error.cause : error;
  // The server ends a wait with its last look where the next one would come too late.
  if (isNotYet(cause)) return { code: 'TASK_TIMEOUT', message: 'what it waited for did not come in time' };
  if (isPipelineError(cause)) return { code: cause.code, message: cause.message };
  if (cause instanceof ApplicationFailure) return { code: cause.type ?? 'INTERNAL', message: cause.message };
  if (cause instanceof TimeoutFailure) {
    // A task that used up its time with tries that failed is judged by its last failure, which is its cause.
    if (cause.cause instanceof ApplicationFailure && cause.cause.type !== 'NOT_YET')
      return { code: cause.cause.type ?? 'INTERNAL', message: cause.cause.message };
    return { code: 'TASK_TIMEOUT', message: `the task timed out (${cause.timeoutType})` };
  }
  return { code: 'INTERNAL', message: cause instanceof Error ? cause.message : String(cause) };
}

/** Whether an activity ended for want of time. */
export function isTimeout(error: unknown): boolean {
  return error instanceof ActivityFailure && (error.cause instanceof TimeoutFailure || isNotYet(error.cause));
}

function isNotYet(cause: unknown): boolean {
  return (
    (cause instanceof ApplicationFailure && cause.type === 'NOT_YET') ||
    (isPipelineError(cause) && cause.code === 'NOT_YET')
  );
}
