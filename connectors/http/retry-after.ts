import { limits } from '../../core/limits.js';

/**
 * Milliseconds that a `Retry-After` header asks for, between zero and `limits.retryAfterMaxMs`; `undefined` where the
 * header is absent or unreadable. Both forms of RFC 9110 §10.2.3 are read: seconds (fractions too, which some shops
 * send) and HTTP date.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim();
  if (!text) return undefined;
  const waitMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : dateWaitMs(text, nowMs);
  if (waitMs === undefined) return undefined;
  return Math.min(Math.max(Math.ceil(waitMs), 0), limits.retryAfterMaxMs);
}

function dateWaitMs(text: string, nowMs: number): number | undefined {
  if (!/^[A-Z][a-z]+, /.test(text)) return undefined;
  const instantMs = Date.parse(text);
  return Number.isNaN(instantMs) ? undefined : instantMs - nowMs;
}
