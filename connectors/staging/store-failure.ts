import pRetry from 'p-retry';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { statusOf } from '../buckets/status.js';

/**
 * An error of a client as one of the catalogue. Statuses that pass (408, 409, 429, 5xx but 501) and broken connections
 * may be tried again; the rest needs a person.
 */
export function storeFailure(url: string, error: unknown): PipelineError {
  if (isPipelineError(error)) return error;
  const { name = 'Error', message = '' } = error as Partial<Error>;
  const status = statusOf(error);
  const reason = [status === undefined ? undefined : String(status), name, message.split('\n')[0]]
    .filter((part) => part !== undefined && part !== '' && part !== 'Error')
    .join(' ');
  const isTransient =
    status === undefined
      ? !/Credentials|Could not load the default|Could not refresh|invalid_grant/i.test(`${name} ${message}`)
      : status === 408 || status === 409 || status === 429 || (status >= 500 && status !== 501);
  return new PipelineError(
    isTransient ? 'STAGING_UNAVAILABLE' : 'STAGING_REFUSED',
    { url, reason },
    { cause: error },
  );
}

/** Tries again, at most `limits.connectorMaxTries` times with random delays, what may pass by itself. */
export function retrying<Result>(work: () => Promise<Result>): Promise<Result> {
  return pRetry(work, {
    retries: limits.connectorMaxTries - 1,
    minTimeout: limits.connectorRetryBaseMs,
    randomize: true,
    shouldRetry: ({ error }) => isPipelineError(error) && error.retryable && error.code !== 'DISK_FULL',
  });
}
