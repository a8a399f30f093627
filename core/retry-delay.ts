import type { RetrySpec } from './task-spec.js';

/**
 * The wait before the try after `attempt` (from 1), in milliseconds: exponential, less a random share of it, so that tasks
 * that failed together do not come back together. Undefined, without jitter, leaves the same exponential wait to the server.
 *
 * @param random - From 0 to below 1.
 */
export function jitteredDelayMs(
  { jitter, initialIntervalMs, backoffCoefficient, maximumIntervalMs }: RetrySpec,
  attempt: number,
  random: number,
): number | undefined {
  if (jitter === undefined || jitter === 0) return undefined;
  const fullMs = Math.min(initialIntervalMs * backoffCoefficient ** (attempt - 1), maximumIntervalMs);
  return Math.max(1, Math.round(fullMs * (1 - jitter * random)));
}
