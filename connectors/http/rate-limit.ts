import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../core/limits.js';
import { answeredAtMs } from './answered-at.js';

/** Beginnings of the names by which servers tell their limits: the common ones, and the IETF draft's. */
export const rateLimitFamilies = ['x-ratelimit', 'x-rate-limit', 'ratelimit'] as const;

/**
 * Milliseconds until a limit starts anew, from `…-reset` headers, between zero and `limits.retryAfterMaxMs`; `undefined`
 * where none is told. The value is read as the time that it can only be: milliseconds since 1970, seconds since 1970
 * (GitHub), or seconds from now (Segment; draft-ietf-httpapi-ratelimit-headers).
 */
export function rateLimitResetMs(headers: Headers, nowMs: number): number | undefined {
  for (const family of rateLimitFamilies) {
    const waitMs = resetInMs(headers.get(`${family}-reset`), nowMs);
    if (waitMs !== undefined) return Math.min(Math.max(waitMs, 0), limits.retryAfterMaxMs);
  }
  return undefined;
}

/** The same of one header's value, without bounds. */
export function resetInMs(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (!/^\d+(\.\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return Math.ceil(value >= 1e12 ? value - nowMs : value >= 1e9 ? value * 1000 - nowMs : value * 1000);
}

/** Whether the headers say that no request is left before the reset. */
export function isRateLimitSpent(headers: Headers): boolean {
  return rateLimitFamilies.some((family) => /^0+$/.test(headers.get(`${family}-remaining`)?.trim() ?? ''));
}

/**
 * Waits until the limit starts anew where the answer says that it is spent, so that a long read does not run into
 * 429s. A wait longer than `limits.rateLimitPauseMaxMs` is left to the 429, which the task's scheduler waits for.
 */
export async function pauseForRateLimit(headers: Headers, signal: AbortSignal): Promise<void> {
  if (!isRateLimitSpent(headers)) return;
  const waitMs = rateLimitResetMs(headers, answeredAtMs(headers)) ?? 0;
  if (waitMs > 0 && waitMs <= limits.rateLimitPauseMaxMs)
    await sleep(waitMs + limits.rateLimitMarginMs, undefined, { signal });
}
