import { isPipelineError, PipelineError, type ErrorCode } from '../../core/errors/index.js';

/**
 * Numbers of Snowflake's errors that mean more than "the statement is wrong" (Snowflake documentation and driver source).
 * 3xxxxx are of access and login, 0006xx of execution, 0020xx of objects.
 */
const meanings: Readonly<Record<string, ErrorCode>> = {
  // Login: unknown user or wrong password, locked, blocked by a network policy, expired or wrong token or key.
  '390100': 'WAREHOUSE_AUTH',
  '390101': 'WAREHOUSE_AUTH',
  '390102': 'WAREHOUSE_AUTH',
  '390111': 'WAREHOUSE_UNAVAILABLE',
  '390114': 'WAREHOUSE_UNAVAILABLE',
  '390144': 'WAREHOUSE_AUTH',
  '390189': 'WAREHOUSE_AUTH',
  '390201': 'WAREHOUSE_AUTH',
  '390302': 'WAREHOUSE_AUTH',
  '390303': 'WAREHOUSE_AUTH',
  '390318': 'WAREHOUSE_AUTH',
  '390422': 'WAREHOUSE_AUTH',
  // Rights: insufficient privileges.
  '3001': 'WAREHOUSE_AUTH',
  '3003': 'WAREHOUSE_AUTH',
  // No virtual warehouse is chosen, or it is suspended and may not be resumed, or has not enough credit.
  '606': 'WAREHOUSE_AUTH',
  '57014': 'WAREHOUSE_UNAVAILABLE',
  '90073': 'WAREHOUSE_QUOTA',
  '90109': 'WAREHOUSE_QUOTA',
  '90197': 'WAREHOUSE_QUOTA',
  // Locks: too many wait for one, deadlock, timeout of the lock; the transaction was rolled back.
  '625': 'WAREHOUSE_CONFLICT',
  '1201': 'WAREHOUSE_CONFLICT',
  '80001': 'WAREHOUSE_CONFLICT',
  // The statement was cancelled, or reached the statement's or the warehouse's time limit.
  '604': 'WAREHOUSE_UNAVAILABLE',
  '630': 'WAREHOUSE_UNAVAILABLE',
  // Another changed the tables between plan and statement.
  '904': 'WAREHOUSE_CONFLICT',
  '2001': 'WAREHOUSE_CONFLICT',
  '2003': 'WAREHOUSE_CONFLICT',
  '2043': 'WAREHOUSE_CONFLICT',
  // Service: internal error, too busy, file transfer.
  '253003': 'WAREHOUSE_UNAVAILABLE',
  '261000': 'WAREHOUSE_UNAVAILABLE',
};

/** Errors of the driver itself: the network, the answer, the connection's end. */
const driverCodes = /^40[0-9]{4}$/;

/** What the driver says, as a catalogued error. */
export function snowflakeFailure(error: unknown, table: string): unknown {
  if (isPipelineError(error) || !(error instanceof Error)) return error;
  const { code, sqlState } = error as Error & { code?: string | number; sqlState?: string };
  const reason = (error.message.split('\n')[0] ?? '').slice(0, 300);
  const number = String(code ?? '').replace(/^0+/, '');
  const meaning =
    meanings[number] ??
    (isOfConnection(sqlState) && isNetwork(error, number) ? 'WAREHOUSE_UNAVAILABLE' : undefined);
  switch (meaning) {
    case undefined:
      return new PipelineError('WAREHOUSE_STATEMENT', { table, reason }, { cause: error });
    case 'WAREHOUSE_CONFLICT':
      return new PipelineError(meaning, { table }, { cause: error });
    default:
      return new PipelineError(
        meaning,
        { warehouse: 'snowflake', reason: sqlState === undefined ? reason : `${reason} [${sqlState}]` },
        { cause: error },
      );
  }
}

/** Class 08 of SQLSTATE is of connections: a session that ended has it; what has no state never was a statement's failure. */
function isOfConnection(sqlState: string | undefined): boolean {
  return sqlState?.startsWith('08') ?? true;
}

function isNetwork(error: Error, number: string): boolean {
  if (driverCodes.test(number)) return true;
  if (/^E[A-Z]+$/.test(number)) return true;
  return /Network error|Could not reach|socket hang up|ECONN|timeout/i.test(error.message);
}
