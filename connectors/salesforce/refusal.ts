import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { answeredAtMs, parseRetryAfter } from '../http/index.js';
import type { RefusedAnswer } from '../http/index.js';

/**
 * What a refusal means (REST API Developer Guide, "Status Codes and Error Responses"): a spent limit comes with 403, and a
 * query that ran too long with 400. A session that ended (401) is left to its status, so that it is renewed. The messages
 * stay out: they can repeat values of records.
 */
export function explainRefusal({ status, headers, body }: RefusedAnswer): PipelineError | undefined {
  const { code, isConcurrency } = errorOf(body);
  if (code === undefined || status === 401) return undefined;
  if (code === 'REQUEST_LIMIT_EXCEEDED') {
    // The requests of a day are counted over the last 24 hours: how long it takes is not told.
    const waitMs = isConcurrency ? limits.rateLimitDefaultWaitMs : limits.retryAfterMaxMs;
    const retryAfterMs = parseRetryAfter(headers.get('retry-after'), answeredAtMs(headers)) ?? waitMs;
    return new PipelineError('SOURCE_RATE_LIMITED', { source: 'salesforce', retryAfterMs }, { retryAfterMs });
  }
  if (code === 'QUERY_TIMEOUT')
    return new PipelineError('SOURCE_UNAVAILABLE', {
      source: 'salesforce',
      reason:
        'QUERY_TIMEOUT: its query ran too long; where that stays so, read fewer fields, or with bulk "always"',
    });
  if (status === 403 || status === 408 || status === 429 || status >= 500) return undefined;
  return new PipelineError('SOURCE_REFUSED', { source: 'salesforce', status, reason: code });
}

/** Whether a query cannot be paged on: its locator ended, or was pushed out by newer ones. */
export function isLocatorLost(error: unknown): boolean {
  return (
    isPipelineError(error) &&
    error.code === 'SOURCE_REFUSED' &&
    error.context['reason'] === 'INVALID_QUERY_LOCATOR'
  );
}

function errorOf(body: string): { readonly code?: string; readonly isConcurrency: boolean } {
  try {
    const [error] = JSON.parse(body) as { errorCode?: unknown; message?: unknown }[];
    const code = error?.errorCode;
    const isConcurrency = typeof error?.message === 'string' && /concurrent/i.test(error.message);
    return typeof code === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(code)
      ? { code, isConcurrency }
      : { isConcurrency };
  } catch {
    return { isConcurrency: false };
  }
}
