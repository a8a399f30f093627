import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { faultPoint } from '../connectors/fault-point.js';
import type { TaskSpec } from '../core/dag/dag-spec.js';
import { isPipelineError, PipelineError } from '../core/errors/index.js';
import type { JsonValue } from '../core/json.js';
import { limits } from '../core/limits.js';
import { jitteredDelayMs } from '../core/rates/retry-delay.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';
import { createTryRecorder } from './ledger/record-try.js';
import { createTryLog } from './worker/task-log.js';
import { countedTries, type CountedTries, type WaitDetail } from './tries.js';

/**
 * Turns a stage into a Temporal activity. It is the one place where errors become `ApplicationFailure`s, where
 * heartbeats and cancellation are wired, where the size of a result is checked, and where the run ledger hears of each try.
 *
 * A catalogued error carries its own verdict on retries. Any other error is tried again as the task's retry policy says,
 * like a failed task of Airflow: a durable engine cannot know that a bug will not pass.
 */
export function toActivity<Request, Result>(
  stage: Stage<Request, Result>,
  deps: Pick<ActivityDeps, 'logger' | 'ledger'>,
): (request: Request) => Promise<Result> {
  return async (request) => {
    const context = Context.current();
    const { info } = context;
    const logger = deps.logger.child({
      workflowId: info.workflowExecution?.workflowId,
      activity: info.activityType,
      attempt: info.attempt,
    });
    const tries = countedTries(request, info);
    const tryInExecution = numberOf(request, 'tryNumber') ?? tries?.number ?? info.attempt;
    if (tries?.isBeyond === true) throw lastTryLost();
    const recorder = createTryRecorder(request, { ...info, attempt: tryInExecution }, deps.ledger);
    const tryLog = createTryLog(
      logger,
      recorder.key,
      (line) => deps.ledger?.appendLog(line),
      tries?.throttled,
    );
    // What the try before said last stands until this one says something: a try that ends early loses nothing.
    let details = tries === undefined ? (info.heartbeatDetails as JsonValue | undefined) : tries.lastDetails;
    const beat = (): void => {
      context.heartbeat(tries === undefined ? details : tries.details(details));
    };
    const io: StageIo = {
      signal: context.cancellationSignal,
      attempt: tryInExecution + (numberOf(request, 'priorTries') ?? 0),
      lastDetails: details,
      logger,
      log: tryLog.log,
      goesOn: () => isGoingOn(context.cancellationSignal.reason),
      heartbeat: (next) => {
        details = next;
        beat();
      },
    };
    // A stage that waits on a slow statement is alive: the timer says so, and brings cancellation back.
    const timer = setInterval(beat, limits.heartbeatEveryMs);
    recorder.started();
    try {
      const result = await stage(request, io);
      assertFits(result, info.activityType);
      tryLog.finish();
      recorder.succeeded(result);
      faultPoint('before-report');
      return result;
    } catch (error) {
      const throttledMs = throttledWaitMs(error, request, tries);
      const isThrottled = throttledMs !== undefined;
      const failure = toFailure(error, context.cancellationSignal, {
        ...{ request, attempt: tryInExecution, throttledMs },
        isLast: tries?.isLast === true,
        throttled: (tries?.throttled ?? 0) + Number(isThrottled),
      });
      if (isThrottled && tries !== undefined) context.heartbeat(tries.throttledDetails(details));
      tryLog.finish(isThrottled ? undefined : endOf(failure));
      if (isThrottled) recorder.throttled(failure);
      else recorder.failed(failure, context.cancellationSignal);
      throw failure;
    } finally {
      clearInterval(timer);
    }
  };
}

/** What the log of a try that failed ends with. */
function endOf(failure: Error): string | undefined {
  return failure instanceof ApplicationFailure && failure.type !== 'NOT_YET'
    ? `failed with ${failure.type ?? 'INTERNAL'}: ${failure.message}`
    : undefined;
}

/** The SDK's word for an abort is the message of its reason. */
function isGoingOn(reason: unknown): boolean {
  return reason instanceof CancelledFailure && reason.message !== 'CANCELLED';
}

/** A count of tries that the workflow keeps, where it does. */
function numberOf(request: unknown, name: 'tryNumber' | 'priorTries'): number | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  const value = (request as Partial<Record<typeof name, unknown>>)[name];
  return value === undefined ? undefined : Number(value);
}

/** @throws PipelineError LIMIT_EXCEEDED */
function assertFits(result: unknown, activityType: string): void {
  const bytes = Buffer.byteLength(JSON.stringify(result ?? null), 'utf8');
  if (bytes <= limits.payloadMaxBytes) return;
  throw new PipelineError('LIMIT_EXCEEDED', {
    what: `The result of "${activityType}"`,
    actual: bytes,
    limit: 'payloadMaxBytes',
    allowed: limits.payloadMaxBytes,
  });
}

/** Codes by which a task says that it waits, or is not needed. */
const benign: ReadonlySet<string> = new Set(['NOT_YET', 'TASK_SKIPPED']);

interface FailedTry {
  readonly request: unknown;
  readonly attempt: number;
  /** Whether no further try follows one that counts. */
  readonly isLast: boolean;
  /** How long it waits, where it does not count. */
  readonly throttledMs: number | undefined;
  /** Tries by now that did not count. */
  readonly throttled: number;
}

/** How long a try waits that does not count, as its source throttled it; `undefined` for one that counts. */
function throttledWaitMs(
  error: unknown,
  request: unknown,
  tries: CountedTries | undefined,
): number | undefined {
  if (!isPipelineError(error) || error.code !== 'SOURCE_RATE_LIMITED' || !error.retryable) return undefined;
  const askedMs = error.retryAfterMs ?? 0;
  if (tries !== undefined) return tries.throttledDelayMs(askedMs);
  return numberOf(request, 'tryNumber') === undefined ? undefined : askedMs;
}

/** The last try ended without an answer: its worker went away, or it took too long. */
function lastTryLost(): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'TASK_TIMEOUT',
    message: 'the task timed out: its last try ended without an answer',
    nonRetryable: true,
  });
}

function toFailure(error: unknown, signal: AbortSignal, failed: FailedTry): Error {
  const retry = taskOf(failed.request)?.retry;
  if (error instanceof CancelledFailure) return error;
  if (signal.aborted && !isPipelineError(error))
    return new CancelledFailure('CANCELLED', [], error instanceof Error ? error : undefined);
  const known = isPipelineError(error) ? error : fromFunction(error, failed);
  const retryDelayMs =
    failed.throttledMs ??
    known.retryAfterMs ??
    (retry === undefined ? undefined : jitteredDelayMs(retry, failed.attempt, Math.random()));
  const failure = ApplicationFailure.create({
    type: known.code,
    message: cut(known.message),
    nonRetryable: !known.retryable || (failed.isLast && failed.throttledMs === undefined),
    // No failure of anything: the SDK neither warns nor counts it.
    ...(benign.has(known.code) ? { category: ApplicationFailureCategory.BENIGN } : {}),
    details: [{ kind: known.kind, code: known.code, ...waitDetail(failed) }],
    // The server takes no wait at all for no further try.
    ...(retryDelayMs === undefined ? {} : { nextRetryDelay: Math.max(retryDelayMs, 1) }),
  });
  // Paths of the worker's machine are of no use in a history.
  failure.stack = `${known.name}: ${cut(known.message)}`;
  return failure;
}

/** For whoever reads tries from a history. */
function waitDetail({ throttledMs, throttled }: FailedTry): Partial<WaitDetail> {
  return throttled === 0 ? {} : { throttled, isThrottled: throttledMs !== undefined };
}

/** Whether the work of a task is a function of its author. */
function isOfAuthor({ kind }: Pick<TaskSpec, 'kind'>): boolean {
  return kind === 'function' || kind === 'branch' || kind === 'short-circuit' || kind === 'sensor';
}

/** What the functions of DAG files throw, as errors of the catalogue. */
function fromFunction(error: unknown, { request }: Pick<FailedTry, 'request'>): PipelineError {
  const task = taskOf(request);
  const name = error instanceof Error ? error.name : '';
  const reason = error instanceof Error ? error.message : String(error);
  const taskId = task?.id ?? '';
  if (name === 'SkipTaskError')
    return new PipelineError('TASK_SKIPPED', { taskId, reason }, { cause: error });
  if (name === 'FailTaskError') return new PipelineError('TASK_FAILED', { taskId, reason }, { cause: error });
  const retryAfterMs =
    error instanceof Error && 'retryAfterMs' in error ? Number(error.retryAfterMs) : undefined;
  const options = { cause: error, retryable: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return task !== undefined && isOfAuthor(task)
    ? new PipelineError('TASK_ERROR', { taskId, reason: describe(error) }, options)
    : new PipelineError('INTERNAL', { where: 'a task', reason: describe(error) }, options);
}

function taskOf(request: unknown): Pick<TaskSpec, 'id' | 'kind' | 'retry'> | undefined {
  if (typeof request !== 'object' || request === null || !('task' in request)) return undefined;
  return request.task as Pick<TaskSpec, 'id' | 'kind' | 'retry'>;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function cut(text: string): string {
  return text.length <= limits.failureDetailMaxBytes
    ? text
    : `${text.slice(0, limits.failureDetailMaxBytes - 1)}…`;
}
