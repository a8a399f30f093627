import pRetry from 'p-retry';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';

/** What an error of an official client says: AWS in `$metadata`, Google in `code` or `response`. */
interface ClientError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Status of the store's answer; undefined where none came. */
export function statusOf(error: unknown): number | undefined {
  const { code, $metadata } = error as ClientError;
  if ($metadata?.httpStatusCode !== undefined) return $metadata.httpStatusCode;
  const status = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code;
  return typeof status === 'number' && status >= 100 && status < 600 ? status : undefined;
}

/**
 * An error of a client as one of the catalogue. Statuses that pass (408, 409, 429, 5xx but 501) and broken connections
 * may be tried again; the rest needs a person.
 */
export function storeFailure(url: string, error: unknown): PipelineError {
  if (isPipelineError(error)) return error;
  const { name = 'Error', message = '' } = error as ClientError;
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
