import type { Info } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { TaskSpec } from '../../core/dag/dag-spec.js';
import type { TaskRecord } from '../../core/run/ledger.js';
import { isManifest } from '../../core/loading/manifest.js';
import type { StageRequest } from '../../core/run/run.js';
import type { LedgerWriter } from './ledger-buffer.js';
import type { TryKey } from '../worker/task-log.js';

/** Tells the run ledger of one try of a task: its start, and one end. */
export interface TryRecorder {
  /** Undefined where the activity is no task of a run. */
  readonly key: TryKey | undefined;
  started(): void;
  succeeded(result: unknown): void;
  failed(failure: Error, signal: AbortSignal): void;
  /** The source throttled it: the try goes on later. */
  throttled(failure: Error): void;
}

/** Workflows whose activities are tasks of a run. A stream repeats its tasks without end and keeps no tries. */
const runWorkflows: ReadonlySet<string> = new Set(['runDag', 'mapTasks']);

const silent: TryRecorder = {
  key: undefined,
  started: () => undefined,
  succeeded: () => undefined,
  failed: () => undefined,
  throttled: () => undefined,
};

export function createTryRecorder(
  request: unknown,
  info: Pick<Info, 'workflowType' | 'attempt'>,
  ledger: LedgerWriter | undefined,
): TryRecorder {
  if (ledger === undefined || !runWorkflows.has(info.workflowType ?? '') || !isStageRequest(request))
    return silent;
  const { context, task, priorTries = 0 } = request;
  const key: TryKey = {
    workflowId: context.workflowId,
    runId: context.runId,
    taskId: task.id,
    mapIndex: context.mapIndex ?? -1,
    // The looks of a sensor are one try.
    tryNumber: priorTries + ('poke' in task ? 1 : info.attempt),
  };
  const startedAt = new Date().toISOString();
  const base = {
    ...key,
    ...(priorTries === 0 ? {} : { priorTries }),
    kind: task.kind,
    startedAt,
    worker: ledger.worker,
  };
  const end = (members: Pick<TaskRecord, 'state'> & Partial<TaskRecord>) => {
    ledger.recordTask({ ...base, ...members, endedAt: new Date().toISOString() });
  };
  return {
    key,
    started: () => {
      ledger.recordTask({ ...base, state: 'running' });
    },
    succeeded: (result) => {
      end({ state: 'success', ...(isManifest(result) ? { counts: result.counts } : {}) });
    },
    failed: (failure, signal) => {
      if (failure instanceof CancelledFailure) end(cancelledTry(signal));
      else if (failure instanceof ApplicationFailure && failure.type === 'NOT_YET')
        ledger.recordTask({ ...base, state: 'up_for_reschedule' });
      else if (failure instanceof ApplicationFailure && failure.type === 'TASK_SKIPPED')
        end({ state: 'skipped' });
      else {
        end({
          state: willRetry(failure, info.attempt, task.retry) ? 'up_for_retry' : 'failed',
          ...reasonOf(failure),
        });
      }
    },
    throttled: (failure) => {
      ledger.recordTask({ ...base, state: 'deferred', ...reasonOf(failure) });
    },
  };
}

function reasonOf(failure: Error): Pick<TaskRecord, 'errorCode' | 'errorMessage'> {
  const errorCode = (failure instanceof ApplicationFailure ? failure.type : undefined) ?? 'INTERNAL';
  return { errorCode, errorMessage: failure.message };
}

/** A run that is cancelled ends its tasks; a try that is stopped for another reason starts again elsewhere. */
function cancelledTry(signal: AbortSignal): Pick<TaskRecord, 'state' | 'errorCode' | 'errorMessage'> {
  const reason = signal.reason instanceof Error ? signal.reason.message : 'CANCELLED';
  if (reason === 'CANCELLED')
    return { state: 'skipped', errorCode: 'CANCELLED', errorMessage: 'the run was cancelled' };
  if (reason === 'TIMED_OUT')
    return { state: 'up_for_retry', errorCode: 'TASK_TIMEOUT', errorMessage: 'the try took too long' };
  return { state: 'up_for_retry', errorCode: 'CANCELLED', errorMessage: `the try was stopped (${reason})` };
}

function willRetry(failure: Error, attempt: number, { maximumAttempts }: TaskSpec['retry']): boolean {
  if (failure instanceof ApplicationFailure && failure.nonRetryable === true) return false;
  return attempt < maximumAttempts;
}

function isStageRequest(request: unknown): request is StageRequest<TaskSpec> {
  if (typeof request !== 'object' || request === null) return false;
  const { context, task } = request as Partial<StageRequest<TaskSpec>>;
  return context?.runId !== undefined && task?.id !== undefined;
}
