import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';

/** What BigQuery's connector says of a warehouse, said of a source. `undefined` for what is no failure of BigQuery. */
export function sourceFailure(error: unknown): unknown {
  if (!isPipelineError(error)) return error;
  const reason = String(error.context['reason'] ?? 'not found');
  switch (error.code) {
    case 'WAREHOUSE_AUTH':
      return new PipelineError(
        'SOURCE_AUTH',
        { source: 'ga4', status: reason, connection: '-' },
        { cause: error },
      );
    case 'WAREHOUSE_QUOTA':
      return new PipelineError(
        'SOURCE_RATE_LIMITED',
        { source: 'ga4', retryAfterMs: limits.rateLimitDefaultWaitMs },
        { retryAfterMs: limits.rateLimitDefaultWaitMs, cause: error },
      );
    case 'WAREHOUSE_UNAVAILABLE':
      return new PipelineError('SOURCE_UNAVAILABLE', { source: 'ga4', reason }, { cause: error });
    case 'WAREHOUSE_COST':
    case 'WAREHOUSE_STATEMENT':
    case 'WAREHOUSE_CONFLICT':
      return new PipelineError(
        'SOURCE_REFUSED',
        { source: 'ga4', status: error.code === 'WAREHOUSE_CONFLICT' ? 404 : 400, reason },
        { cause: error },
      );
    default:
      return error;
  }
}

/** The table is not there, or no longer. */
export function isMissing(error: unknown): boolean {
  return isPipelineError(error) && error.code === 'WAREHOUSE_CONFLICT';
}
