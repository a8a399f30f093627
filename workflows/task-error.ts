import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';

/** Code and message of what ended a task, read from the failure that Temporal hands back. */
export function taskError(error: unknown): { code: string; message: string } {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) return { code: cause.type ?? 'INTERNAL', message: cause.message };
  if (cause instanceof TimeoutFailure)
    return { code: 'TASK_TIMEOUT', message: `the task timed out (${cause.timeoutType})` };
  return { code: 'INTERNAL', message: cause instanceof Error ? cause.message : String(cause) };
}
