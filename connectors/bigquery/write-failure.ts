import { isPipelineError, PipelineError, type ErrorCode } from '../../core/errors/index.js';
import { bigQueryFailure } from './failure.js';

/**
 * Status codes of gRPC that mean more than "the rows are wrong" (https://grpc.io/docs/guides/status-codes;
 * https://cloud.google.com/bigquery/docs/write-api-best-practices#error_handling).
 */
const meanings: Readonly<Record<number, ErrorCode>> = {
  1: 'WAREHOUSE_UNAVAILABLE', // CANCELLED
  2: 'WAREHOUSE_UNAVAILABLE', // UNKNOWN
  4: 'WAREHOUSE_UNAVAILABLE', // DEADLINE_EXCEEDED
  5: 'WAREHOUSE_CONFLICT', // NOT_FOUND
  7: 'WAREHOUSE_AUTH', // PERMISSION_DENIED
  8: 'WAREHOUSE_QUOTA', // RESOURCE_EXHAUSTED
  10: 'WAREHOUSE_UNAVAILABLE', // ABORTED
  13: 'WAREHOUSE_UNAVAILABLE', // INTERNAL
  14: 'WAREHOUSE_UNAVAILABLE', // UNAVAILABLE
  16: 'WAREHOUSE_AUTH', // UNAUTHENTICATED
};

/**
 * Those by which the service takes no rows in this way at all, with what to do about it: a load job may take them. Nothing is
 * wrong with the rows.
 */
const refusals: Readonly<Record<number, readonly [name: string, remedy: string]>> = {
  5: ['NOT_FOUND', 'the table was just made, and the service did not know it in time'],
  7: [
    'PERMISSION_DENIED',
    'grant bigquery.tables.updateData on the dataset (roles/bigquery.dataEditor has it), and enable bigquerystorage.googleapis.com in the project',
  ],
  8: ['RESOURCE_EXHAUSTED', 'ask for more of the quotas of the Storage Write API, or load less often'],
  12: ['UNIMPLEMENTED', 'the address does not offer it'],
};

/** Those after which the same request may go through a moment later: nobody knows whether it arrived. */
const passing: ReadonlySet<number> = new Set([1, 2, 10, 13, 14]);

/** What the Storage Write API says, as a catalogued error. */
export function writeFailure(error: unknown, table: string): unknown {
  if (isPipelineError(error) || !(error instanceof Error)) return error;
  const code = codeOf(error);
  if (code === undefined) return bigQueryFailure(error, table);
  const reason = `${firstLine(error)} (Storage Write API; "loadBy": "load-job" in the connection does without it)`;
  const meaning = meanings[code];
  switch (meaning) {
    case undefined:
      return new PipelineError('WAREHOUSE_STATEMENT', { table, reason }, { cause: error });
    case 'WAREHOUSE_CONFLICT':
      return new PipelineError(meaning, { table }, { cause: error });
    default:
      return new PipelineError(meaning, { warehouse: 'bigquery', reason }, { cause: error });
  }
}

/** True where the same request may be sent again at once. */
export function isPassing(error: unknown): boolean {
  return error instanceof Error && passing.has(codeOf(error) ?? -1);
}

/** True where the service does not know a table: one that was just made may take a moment to be known. */
export function isUnknownTable(error: unknown): boolean {
  return error instanceof Error && codeOf(error) === 5;
}

/** Why the service takes no rows in this way, and what to do; undefined where something else is wrong. */
export function refusalOf(error: unknown): string | undefined {
  const [name, remedy] = (error instanceof Error && refusals[codeOf(error) ?? -1]) || [];
  if (name === undefined || remedy === undefined) return undefined;
  return `${name}: ${firstLine(error as Error)}; ${remedy}; "loadBy": "load-job" in the connection does without it`;
}

/** An error as the client throws it. */
export function statusOf(code: number, message: string): Error & { code: number } {
  return Object.assign(new Error(message), { code });
}

const firstLine = (error: Error) => (error.message.split('\n')[0] ?? '').slice(0, 300);

function codeOf(error: Error): number | undefined {
  const { code } = error as Error & { code?: unknown };
  return typeof code === 'number' && code >= 0 && code <= 16 ? code : undefined;
}
