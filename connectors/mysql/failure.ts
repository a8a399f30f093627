import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { systemErrorCode } from '../system-error.js';

/**
 * Numbers of the server's errors. Sources: MySQL Reference Manual, "Server Error Message Reference"; MariaDB documentation,
 * "MariaDB Error Codes".
 */
const refusedCredentials = new Set([1045, 1130, 1251, 1698, 1820, 1862, 3118, 3955, 4151]);
/**
 * Conditions that pass by themselves: too many connections, lost ones, a lack of resources, locks and deadlocks, a server
 * that stops, a statement or connection that somebody ended, a table that was altered after the snapshot was taken.
 */
const passing = new Set([
  1021, 1037, 1038, 1040, 1041, 1042, 1043, 1053, 1129, 1135, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1205,
  1206, 1213, 1226, 1317, 1412, 1615, 1637, 1927, 3572, 4031,
]);
/** Errors whose messages name objects, or repeat the author's own SQL, never values of rows. */
const nameOnly = new Set([
  1040, 1044, 1046, 1049, 1051, 1052, 1053, 1054, 1060, 1064, 1066, 1102, 1103, 1109, 1142, 1143, 1146, 1203,
  1205, 1213, 1222, 1226, 1227, 1235, 1248, 1267, 1270, 1271, 1305, 1317, 1356, 1370, 1412, 1449, 1792, 1927,
  1969, 3024, 3159,
]);
const certificateTrouble = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|^ERR_TLS|^ERR_SSL/;

/**
 * What the driver threw as an error of the catalogue. Messages of the server that could repeat a value stay out of it,
 * and so do the driver's own, which may repeat settings.
 *
 * @param connection says which one to renew where the server refuses its credentials.
 */
export function mysqlFailure(error: unknown, connection: string): PipelineError {
  if (isPipelineError(error)) return error;
  const number = serverNumber(error);
  if (number === undefined) return driverFailure(error, connection);
  const status = codeOf(error) ?? String(number);
  if (refusedCredentials.has(number))
    return new PipelineError('SOURCE_AUTH', { source: 'mysql', status, connection });
  const reason = nameOnly.has(number) ? messageOf(error) : 'the server could not carry out the statement';
  if (passing.has(number))
    return new PipelineError('SOURCE_UNAVAILABLE', { source: 'mysql', reason: `${status}: ${reason}` });
  return new PipelineError('SOURCE_REFUSED', { source: 'mysql', status, reason });
}

function driverFailure(error: unknown, connection: string): PipelineError {
  const cause = innermostCode(error);
  if (cause !== undefined && certificateTrouble.test(cause))
    return new PipelineError('SOURCE_REFUSED', {
      source: 'mysql',
      status: cause,
      reason: 'the certificate of the server is not trusted; give "caFile", or correct "host"',
    });
  if (cause === 'HANDSHAKE_NO_SSL_SUPPORT')
    return new PipelineError('SOURCE_REFUSED', {
      source: 'mysql',
      status: 'no TLS',
      reason: 'the server does not offer TLS; turn it on there, or set "sslMode": "disable"',
    });
  // The way in which the user has to show a password is not one of the driver's, or is none without TLS.
  if (cause?.startsWith('AUTH_SWITCH') === true)
    return new PipelineError('SOURCE_AUTH', { source: 'mysql', status: cause, connection });
  return new PipelineError('SOURCE_UNAVAILABLE', {
    source: 'mysql',
    reason: cause ?? 'the connection ended',
  });
}

/** Errors of the server alone carry a state of five characters beside their number. */
function serverNumber(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errno' in error) || !('sqlState' in error))
    return undefined;
  return typeof error.errno === 'number' ? error.errno : undefined;
}

function codeOf(error: unknown): string | undefined {
  const isCoded = typeof error === 'object' && error !== null && 'code' in error;
  return isCoded && typeof error.code === 'string' ? error.code : undefined;
}

function messageOf(error: unknown): string {
  const isTold = typeof error === 'object' && error !== null && 'message' in error;
  return isTold && typeof error.message === 'string' ? error.message : '';
}

/** The driver puts its own code over that of a failed TLS handshake, whose text keeps what was wrong. */
function innermostCode(error: unknown): string | undefined {
  const code = systemErrorCode(error);
  if (code !== 'HANDSHAKE_SSL_ERROR') return code;
  return /certificate|altnames/i.test(messageOf(error)) ? 'ERR_TLS_CERT' : code;
}
