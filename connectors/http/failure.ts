import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { systemErrorCode } from '../system-error.js';
import { answeredAtMs } from './answered-at.js';
import { rateLimitResetMs } from './rate-limit.js';
import { parseRetryAfter } from './retry-after.js';
import { PrivateAddressError } from './public-network.js';
import type { HttpRequest } from './types.js';

/** Status and headers of an answer. */
export type AnswerHead = Pick<Response, 'status' | 'headers'>;

/**
 * The error class of an answer that is not 2xx: throttled (429), transient (408, 425, 5xx), credentials (401, 403) or
 * permanent. The answer's text stays out of the message: it may hold personal data.
 */
export function statusFailure(request: HttpRequest, response: AnswerHead, body = ''): PipelineError {
  const { status, headers } = response;
  const askedMs = parseRetryAfter(headers.get('retry-after'), answeredAtMs(headers));
  const retryAfterMs =
    status === 429
      ? (askedMs ??
        request.rateLimitWaitMs?.(headers, body) ??
        rateLimitResetMs(headers, answeredAtMs(headers)))
      : askedMs;
  if (status === 429) {
    const waitMs = retryAfterMs ?? limits.rateLimitDefaultWaitMs;
    return new PipelineError(
      'SOURCE_RATE_LIMITED',
      { source: request.source, retryAfterMs: waitMs },
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  }
  if (status === 408 || status === 425 || status >= 500) {
    return new PipelineError(
      'SOURCE_UNAVAILABLE',
      { source: request.source, reason: `status ${status}` },
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  }
  if (status === 401 || status === 403) {
    return new PipelineError('SOURCE_AUTH', {
      source: request.source,
      status,
      connection: request.connection ?? '-',
    });
  }
  return new PipelineError('SOURCE_REFUSED', {
    source: request.source,
    status,
    reason: `${request.method ?? 'GET'} ${request.url.pathname}`,
  });
}

/** An answer that arrived but is not what the protocol promises. */
export function protocolFailure(source: string, reason: string): PipelineError {
  return new PipelineError('SOURCE_PROTOCOL', { source, reason });
}

/**
 * A connection that failed before an answer came. Only the error's code is told: messages of network errors can
 * repeat header values.
 */
export function networkFailure(request: HttpRequest, error: unknown): PipelineError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (cause instanceof PrivateAddressError) {
    return new PipelineError('SOURCE_PRIVATE_NETWORK', {
      source: request.source,
      host: cause.host,
      connection: request.connection ?? '-',
    });
  }
  return new PipelineError('SOURCE_UNAVAILABLE', {
    source: request.source,
    reason: systemErrorCode(error) ?? 'the connection failed',
  });
}
