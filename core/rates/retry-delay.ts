import type { RetrySpec } from '../dag/task-spec.js';

/** The wait before the try after `attempt` (from 1), in milliseconds, as the server computes it: exponential, up to a bound. */
export function plainDelayMs(
  {
    initialIntervalMs,
    backoffCoefficient,
    maximumIntervalMs,
  }: Pick<RetrySpec, 'initialIntervalMs' | 'backoffCoefficient' | 'maximumIntervalMs'>,
  attempt: number,
): number {
  return Math.min(initialIntervalMs * backoffCoefficient ** (attempt - 1), maximumIntervalMs);
}

/**
 * The wait before the try after `attempt` (from 1), in milliseconds: exponential, less a random share of it, so that tasks
 * that failed together do not come back together. Undefined, without jitter, leaves the same exponential wait to the server.
 *
 * @param random - From 0 to below 1.
 */
export function jitteredDelayMs(retry: RetrySpec, attempt: number, random: number): number | undefined {
  const { jitter } = retry;
  if (jitter === undefined || jitter === 0) return undefined;
  return Math.max(1, Math.round(plainDelayMs(retry, attempt) * (1 - jitter * random)));
}
