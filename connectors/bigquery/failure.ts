import { isPipelineError, PipelineError, type ErrorCode } from '../../core/errors/index.js';

/** Reasons of BigQuery's errors that mean more than "the statement is wrong" (documentation, "Error messages"). */
const meanings: Readonly<Record<string, ErrorCode>> = {
  accessDenied: 'WAREHOUSE_AUTH',
  blocked: 'WAREHOUSE_AUTH',
  billingNotEnabled: 'WAREHOUSE_AUTH',
  billingTierLimitExceeded: 'WAREHOUSE_COST',
  bytesBilledLimitExceeded: 'WAREHOUSE_COST',
  resourcesExceeded: 'WAREHOUSE_COST',
  quotaExceeded: 'WAREHOUSE_QUOTA',
  rateLimitExceeded: 'WAREHOUSE_QUOTA',
  jobRateLimitExceeded: 'WAREHOUSE_QUOTA',
  userRateLimitExceeded: 'WAREHOUSE_QUOTA',
  backendError: 'WAREHOUSE_UNAVAILABLE',
  internalError: 'WAREHOUSE_UNAVAILABLE',
  jobBackendError: 'WAREHOUSE_UNAVAILABLE',
  jobInternalError: 'WAREHOUSE_UNAVAILABLE',
  tableUnavailable: 'WAREHOUSE_UNAVAILABLE',
  stopped: 'WAREHOUSE_UNAVAILABLE',
  timeout: 'WAREHOUSE_UNAVAILABLE',
  notFound: 'WAREHOUSE_CONFLICT',
};

/** What BigQuery says of transactions that were in each other's way. */
const conflict =
  /aborted due to concurrent|concurrent update|could not serialize|was aborted|concurrent transaction/i;

/** What the client says, as a catalogued error. */
export function bigQueryFailure(error: unknown, table: string): unknown {
  if (isPipelineError(error) || !(error instanceof Error)) return error;
  const details = (error as { errors?: readonly { reason?: string; message?: string }[] }).errors ?? [];
  const message = (details[0]?.message ?? error.message).split('\n')[0] ?? '';
  const reason = message.slice(0, 300);
  if (conflict.test(message)) return new PipelineError('WAREHOUSE_CONFLICT', { table }, { cause: error });
  const meaning = meanings[details[0]?.reason ?? ''] ?? byStatus(error);
  switch (meaning) {
    case undefined:
      return new PipelineError('WAREHOUSE_STATEMENT', { table, reason }, { cause: error });
    case 'WAREHOUSE_CONFLICT':
      return new PipelineError(meaning, { table }, { cause: error });
    case 'WAREHOUSE_COST':
      return new PipelineError(meaning, { warehouse: 'bigquery', table, reason }, { cause: error });
    default:
      return new PipelineError(meaning, { warehouse: 'bigquery', reason }, { cause: error });
  }
}

function byStatus(error: Error): ErrorCode | undefined {
  const { code } = error as Error & { code?: number | string };
  if (code === 401 || code === 403) return 'WAREHOUSE_AUTH';
  if (code === 404) return 'WAREHOUSE_CONFLICT';
  if (code === 429) return 'WAREHOUSE_QUOTA';
  if (typeof code === 'number') return code >= 500 ? 'WAREHOUSE_UNAVAILABLE' : undefined;
  if (typeof code === 'string' && /^E[A-Z_]+$/.test(code)) return 'WAREHOUSE_UNAVAILABLE';
  if (/invalid_grant|invalid_client|default credentials|refresh access token/i.test(error.message))
    return 'WAREHOUSE_AUTH';
  return isNetworkFailure(error) ? 'WAREHOUSE_UNAVAILABLE' : undefined;
}

/** True where nobody knows whether the request arrived. */
export function isNetworkFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as Error & { code?: number | string };
  if (typeof code === 'number') return code >= 500;
  if (typeof code === 'string' && /^E[A-Z_]+$/.test(code)) return true;
  return /socket hang up|ECONN|EPIPE|premature close|network|fetch failed|timed? ?out|aborted/i.test(
    error.message,
  );
}
