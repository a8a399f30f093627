import type { Info } from '@temporalio/activity';
import type { TaskSpec } from '../core/dag/dag-spec.js';
import type { JsonValue } from '../core/json.js';
import { plainDelayMs } from '../core/rates/retry-delay.js';
import type { StageRequest } from '../core/run/run.js';

/**
 * The tries of a task that asked its activity to count them, as one that a source throttles is none of its `retries`. Temporal
 * then bounds them by the task's time alone; how many were throttled travels in the heartbeat from try to try, beside the
 * details of the stage. A try that is lost with its worker counts.
 */
export interface CountedTries {
  /** Number of this try, from 1; a throttled one has the number of the try that takes its place. */
  readonly number: number;
  /** Tries before this one that were throttled. */
  readonly throttled: number;
  /** Whether the tries were used up before this one began: the last one ended without an answer. */
  readonly isBeyond: boolean;
  /** Whether a failure of this try, other than by a limit of the source, is the end. */
  readonly isLast: boolean;
  /** Details of the stage, from the try before. */
  readonly lastDetails: JsonValue | undefined;
  /** Details of the stage, with the count. */
  details(own: JsonValue | undefined): JsonValue;
  /** The details of a try that was throttled. */
  throttledDetails(own: JsonValue | undefined): JsonValue;
  /** How long to wait after it: at least as long as asked, growing with the tries that were throttled; undefined where no try would begin in time. */
  throttledDelayMs(askedMs: number): number | undefined;
}

/** What the details of a failure tell of throttled tries, where there were any. */
export interface WaitDetail {
  /** Tries by now that were throttled. */
  readonly throttled: number;
  /** Whether the one that failed was. */
  readonly isThrottled: boolean;
}

/** Reads it from what a failure has as its details. */
export function waitDetailOf(details: readonly unknown[] | null | undefined): WaitDetail {
  const detail = details?.[0] as Partial<WaitDetail> | null | undefined;
  return { throttled: detail?.throttled ?? 0, isThrottled: detail?.isThrottled === true };
}

type TriesInfo = Pick<
  Info,
  'attempt' | 'heartbeatDetails' | 'scheduledTimestampMs' | 'scheduleToCloseTimeoutMs'
>;

/** Undefined where Temporal counts the tries, or the workflow does. */
export function countedTries(request: unknown, info: TriesInfo): CountedTries | undefined {
  if (!asksToCount(request)) return undefined;
  const { retry } = request.task;
  const carried = readCarried(info.heartbeatDetails);
  const number = info.attempt - carried.throttled;
  const endsAtMs = info.scheduledTimestampMs + info.scheduleToCloseTimeoutMs;
  const withCount = (throttled: number, own: JsonValue | undefined): JsonValue => ({
    throttled,
    ...(own === undefined ? {} : { own }),
  });
  return {
    number,
    throttled: carried.throttled,
    isBeyond: number > retry.maximumAttempts,
    isLast: number >= retry.maximumAttempts,
    lastDetails: carried.own,
    details: (own) => withCount(carried.throttled, own),
    throttledDetails: (own) => withCount(carried.throttled + 1, own),
    throttledDelayMs: (askedMs) => {
      const delayMs = Math.max(askedMs, plainDelayMs(retry, carried.throttled + 1));
      return Date.now() + delayMs < endsAtMs ? delayMs : undefined;
    },
  };
}

function asksToCount(request: unknown): request is Pick<StageRequest<TaskSpec>, 'task'> {
  return typeof request === 'object' && request !== null && 'countsTries' in request;
}

function readCarried(details: unknown): { readonly throttled: number; readonly own: JsonValue | undefined } {
  if (typeof details !== 'object' || details === null || !('throttled' in details))
    return { throttled: 0, own: undefined };
  return {
    throttled: Number(details.throttled),
    own: 'own' in details ? (details.own as JsonValue) : undefined,
  };
}
