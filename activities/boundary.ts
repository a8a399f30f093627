import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { faultPoint } from '../connectors/fault-point.js';
import { isPipelineError, PipelineError } from '../core/errors/index.js';
import type { JsonValue } from '../core/json.js';
import { limits } from '../core/limits.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';

/**
 * Turns a stage into a Temporal activity. It is the one place where errors become `ApplicationFailure`s, where
 * heartbeats and cancellation are wired, and where the size of a result is checked.
 *
 * A catalogued error carries its own verdict on retries. Any other error is tried again as the task's retry policy says,
 * like a failed task of Airflow: a durable engine cannot know that a bug will not pass.
 */
export function toActivity<Request, Result>(
  stage: Stage<Request, Result>,
  deps: Pick<ActivityDeps, 'logger'>,
): (request: Request) => Promise<Result> {
  return async (request) => {
    const context = Context.current();
    const { info } = context;
    const logger = deps.logger.child({
      workflowId: info.workflowExecution?.workflowId,
      activity: info.activityType,
      attempt: info.attempt,
    });
    let details: JsonValue | undefined;
    const io: StageIo = {
      signal: context.cancellationSignal,
      attempt: info.attempt,
      logger,
      heartbeat: (next) => {
        details = next;
        context.heartbeat(next);
      },
    };
    // A stage that waits on a slow statement is alive: the timer says so, and brings cancellation back.
    const timer = setInterval(() => {
      context.heartbeat(details);
    }, limits.heartbeatEveryMs);
    try {
      const result = await stage(request, io);
      assertFits(result, info.activityType);
      faultPoint('before-report');
      return result;
    } catch (error) {
      const failure = toFailure(error, context.cancellationSignal);
      if (failure instanceof ApplicationFailure)
        logger.warn({ code: failure.type, reason: failure.message }, 'task failed');
      throw failure;
    } finally {
      clearInterval(timer);
    }
  };
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

function toFailure(error: unknown, signal: AbortSignal): Error {
  if (error instanceof CancelledFailure) return error;
  if (signal.aborted && !isPipelineError(error))
    return new CancelledFailure('CANCELLED', [], error instanceof Error ? error : undefined);
  const known = isPipelineError(error)
    ? error
    : new PipelineError(
        'INTERNAL',
        { where: 'a task', reason: describe(error) },
        { cause: error, retryable: true },
      );
  const failure = ApplicationFailure.create({
    type: known.code,
    message: cut(known.message),
    nonRetryable: !known.retryable,
    details: [{ kind: known.kind, code: known.code }],
    ...(known.retryAfterMs === undefined ? {} : { nextRetryDelay: known.retryAfterMs }),
  });
  // Paths of the worker's machine are of no use in a history.
  failure.stack = `${known.name}: ${cut(known.message)}`;
  return failure;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function cut(text: string): string {
  return text.length <= limits.failureDetailMaxBytes
    ? text
    : `${text.slice(0, limits.failureDetailMaxBytes - 1)}…`;
}
