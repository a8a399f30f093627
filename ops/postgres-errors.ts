/**
 * Errors of a connection to Postgres, by SQLSTATE or the system's code. Source: PostgreSQL documentation, "PostgreSQL
 * Error Codes": class 08, a server that shuts down or starts (57P01 to 57P03), a session that was ended for its idle
 * transaction (25P03), no connection left (53300).
 */
const lostStates = /^08|^57P0[123]$|^25P03$|^53300$/;
const lostSystemCodes = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN)$/;
/** What the driver says without a code. */
const lostMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed)/;

/** The connection was lost; whether the statement was carried out is not known. */
export class LostConnectionError extends Error {
  override readonly name: string = 'LostConnectionError';

  constructor(cause: unknown) {
    super(partsOf(cause).message, { cause });
  }
}

/** No connection could be made just now: nothing was done. */
export class NotConnectedError extends LostConnectionError {
  override readonly name = 'NotConnectedError';
}

/** What the driver throws where a connection is gone, or cannot be made just now. */
export function isLostConnection(error: unknown): boolean {
  const { code, message } = partsOf(error);
  return lostStates.test(code) || lostSystemCodes.test(code) || lostMessages.test(message);
}

/** The transaction was taken back because of another one: serialization failure, deadlock. */
export function isConflict(error: unknown): boolean {
  return /^40(001|P01)$/.test(partsOf(error).code);
}

function partsOf(error: unknown): { readonly code: string; readonly message: string } {
  if (typeof error !== 'object' || error === null) return { code: '', message: String(error) };
  const { code, message, errors } = error as { code?: unknown; message?: unknown; errors?: unknown };
  // A host with several addresses fails with one error for each.
  if (typeof code !== 'string' && Array.isArray(errors) && errors.length > 0) return partsOf(errors[0]);
  return { code: typeof code === 'string' ? code : '', message: typeof message === 'string' ? message : '' };
}
