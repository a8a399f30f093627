import { ApplicationFailure, CancelledFailure, TimeoutFailure } from '@temporalio/common';
import type { TaskSpec } from '../../core/dag/dag-spec.js';
import type { RunKey, TaskRecord } from '../../core/run/ledger.js';
import { limits } from '../../core/limits.js';
import { isManifest } from '../../core/loading/manifest.js';
import type { StageRequest } from '../../core/run/run.js';
import { waitDetailOf, type WaitDetail } from '../tries.js';
import { textOf, type Failure, type HistoryEvent, type HistoryReader } from './history-reader.js';

/** An activity on its way through a history. */
interface Attempt {
  readonly request: Pick<StageRequest<TaskSpec>, 'task' | 'context'>;
  /** Tries before the first one of this activity. */
  readonly priorTries: number;
  tryNumber: number;
  startedAt?: string;
  worker?: string;
  lastFailure?: Failure;
}

/**
 * Tries of a run's tasks. Temporal writes the start of an activity down when it ends, with the number of its last try and
 * the failure of the one before; of earlier ones only that they were is known.
 */
export async function readTries(
  events: readonly HistoryEvent[],
  { workflowId, runId }: RunKey,
  reader: HistoryReader,
): Promise<TaskRecord[]> {
  const attempts = new Map<string, Attempt>();
  const records: TaskRecord[] = [];
  const base = ({ request: { task, context } }: Attempt) => ({
    workflowId,
    runId,
    taskId: task.id,
    mapIndex: context.mapIndex ?? -1,
    kind: task.kind,
  });
  const end = async (
    id: unknown,
    event: HistoryEvent,
    members: Pick<TaskRecord, 'state'> & Partial<TaskRecord>,
  ) => {
    const key = String(id);
    const attempt = attempts.get(key);
    if (attempt === undefined) return;
    attempts.delete(key);
    records.push(...(await earlierTries(attempt, base(attempt), reader)));
    const endedAt = textOf(event.eventTime);
    records.push({ ...base(attempt), ...startOf(attempt), ...(endedAt && { endedAt }), ...members });
  };
  for (const event of events) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      const [request] = (await reader.values(scheduled.input)) as [Partial<StageRequest<TaskSpec>>?];
      if (request?.task !== undefined && request.context !== undefined) {
        const { task, context } = request;
        const priorTries = (request.priorTries ?? 0) + (request.tryNumber ?? 1) - 1;
        attempts.set(String(event.eventId), {
          request: { task, context },
          priorTries,
          tryNumber: priorTries + 1,
        });
      }
    }
    const started = event.activityTaskStartedEventAttributes;
    const attempt = attempts.get(String(started?.scheduledEventId));
    if (started && attempt !== undefined) Object.assign(attempt, await beginning(attempt, event, reader));
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed) {
      const [result] = await reader.values(completed.result);
      await end(completed.scheduledEventId, event, {
        state: 'success',
        ...(isManifest(result) ? { counts: result.counts } : {}),
      });
    }
    const failed = event.activityTaskFailedEventAttributes;
    if (failed) {
      const failure = await describe(failed.failure, reader);
      await end(failed.scheduledEventId, event, {
        state: (await waitOf(failed.failure, reader)).isThrottled ? 'deferred' : 'failed',
        ...failure,
      });
    }
    const timedOut = event.activityTaskTimedOutEventAttributes;
    if (timedOut) {
      const failure = await describe(timedOut.failure, reader);
      await end(timedOut.scheduledEventId, event, { state: 'failed', ...failure });
    }
    const cancelled = event.activityTaskCanceledEventAttributes;
    if (cancelled)
      await end(cancelled.scheduledEventId, event, {
        state: 'skipped',
        errorCode: 'CANCELLED',
        errorMessage: 'the run was cancelled',
      });
  }
  // Still under way, or left behind by the end of the run, which the ledger then closes.
  for (const attempt of attempts.values())
    records.push({ ...base(attempt), ...startOf(attempt), state: 'running' });
  return records;
}

/** What the start of an activity's last try tells. */
async function beginning(
  { priorTries }: Attempt,
  { activityTaskStartedEventAttributes: started, eventTime }: HistoryEvent,
  reader: HistoryReader,
): Promise<Pick<Attempt, 'tryNumber' | 'startedAt' | 'worker' | 'lastFailure'>> {
  const startedAt = textOf(eventTime);
  const { throttled, isThrottled } = await waitOf(started?.lastFailure, reader);
  return {
    tryNumber: priorTries + (started?.attempt ?? 1) - throttled,
    ...(startedAt && { startedAt }),
    ...(started?.identity && { worker: started.identity }),
    // Of a throttled try the one that took its place tells.
    ...(isThrottled ? {} : { lastFailure: started?.lastFailure }),
  };
}

function startOf({ priorTries, tryNumber, startedAt, worker }: Attempt) {
  return {
    tryNumber,
    ...(priorTries === 0 ? {} : { priorTries }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(worker === undefined ? {} : { worker }),
  };
}

async function earlierTries(
  { priorTries, tryNumber, lastFailure }: Attempt,
  base: Pick<TaskRecord, 'workflowId' | 'runId' | 'taskId' | 'mapIndex' | 'kind'>,
  reader: HistoryReader,
): Promise<TaskRecord[]> {
  const records: TaskRecord[] = [];
  const firstKept = Math.max(priorTries + 1, tryNumber - limits.ledgerReadTries);
  for (let earlier = firstKept; earlier < tryNumber; earlier += 1) {
    records.push({
      ...base,
      tryNumber: earlier,
      ...(priorTries === 0 ? {} : { priorTries }),
      state: 'up_for_retry',
      ...(earlier === tryNumber - 1 ? await describe(lastFailure, reader) : {}),
    });
  }
  return records;
}

async function waitOf(failure: Failure, reader: HistoryReader): Promise<WaitDetail> {
  const error = await reader.failure(failure);
  return waitDetailOf(error instanceof ApplicationFailure ? error.details : undefined);
}

async function describe(
  failure: Failure,
  reader: HistoryReader,
): Promise<Pick<TaskRecord, 'errorCode' | 'errorMessage'>> {
  const error = await reader.failure(failure);
  if (error === undefined) return {};
  if (error instanceof ApplicationFailure)
    return { errorCode: error.type ?? 'INTERNAL', errorMessage: error.message };
  if (error instanceof TimeoutFailure)
    return { errorCode: 'TASK_TIMEOUT', errorMessage: `the task timed out (${error.timeoutType})` };
  if (error instanceof CancelledFailure) return { errorCode: 'CANCELLED', errorMessage: error.message };
  return { errorCode: 'INTERNAL', errorMessage: error.message };
}
