import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { authorizedSender } from './credentials.js';
import { requestScope } from './request-scope.js';
import type { HttpRequest, HttpResponse } from './types.js';

/**
 * Sends one request, and again where that may help: at most `limits.connectorMaxTries` tries within
 * `limits.connectorRetryMaxMs`, with full jitter, never sooner than `Retry-After`. When the source asks for a longer
 * wait than that budget, the error carries it (`retryAfterMs`) and the caller's scheduler waits instead. With
 * `request.credentials`, a 401 renews them and repeats the request, once. Within a request scope each try waits for the
 * connection's budget, and the repeats are those that the whole task has.
 *
 * @throws PipelineError SOURCE_UNAVAILABLE, SOURCE_RATE_LIMITED, SOURCE_AUTH, SOURCE_REFUSED, SOURCE_PROTOCOL,
 * CONFIG_INVALID, OAUTH_*, SECRET_*; or the reason of `request.signal` when that was aborted.
 */
export async function httpRequest(request: HttpRequest): Promise<HttpResponse> {
  const scope = requestScope();
  // Waiting for a turn is no part of it.
  const clock = () => performance.now() - (scope?.waitedMs ?? 0);
  const endsAtMs = clock() + limits.connectorRetryMaxMs;
  const send = authorizedSender(request);
  try {
    return await pRetry(send, {
      retries: limits.connectorMaxTries - 1,
      minTimeout: 0,
      signal: request.signal,
      shouldRetry: ({ error }) => isPipelineError(error) && error.retryable,
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        if (!isPipelineError(error) || !error.retryable || retriesLeft === 0) return;
        const delayMs = nextDelayMs(error, attemptNumber);
        if (clock() + delayMs > endsAtMs || scope?.takeRepeat() === false) throw error;
        await sleep(delayMs, undefined, { signal: request.signal });
      },
    });
  } catch (error) {
    if (request.signal.aborted) throw request.signal.reason;
    throw withWait(error);
  }
}

/** Full jitter over an exponential ceiling; a `Retry-After` is a floor under it. */
function nextDelayMs(error: PipelineError, attemptNumber: number): number {
  const ceilingMs = limits.connectorRetryBaseMs * 2 ** (attemptNumber - 1);
  return (error.retryAfterMs ?? 0) + Math.random() * ceilingMs;
}

/** A rate limit that named no time still tells the scheduler to wait. */
function withWait(error: unknown): unknown {
  if (!isPipelineError(error) || error.code !== 'SOURCE_RATE_LIMITED' || error.retryAfterMs !== undefined) {
    return error;
  }
  return new PipelineError(error.code, error.context, { retryAfterMs: limits.rateLimitDefaultWaitMs });
}
