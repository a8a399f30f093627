import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { systemErrorCode } from '../system-error.js';

/**
 * Conditions that pass by themselves, by SQLSTATE or its class: lost connections, lack of resources, serialization
 * failures and deadlocks, locks that were not to be had, a server that shuts down or starts, trouble of its machine.
 * Source: PostgreSQL documentation, "PostgreSQL Error Codes".
 */
const passing = /^(08|53|58)|^(40001|40P01|55P03|57P01|57P02|57P03)$/;
/** Classes whose messages name objects, never values of rows. */
const nameOnly = /^(08|25|28|3D|3F|40|42|53|55|57|58)/;
const certificateTrouble = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|^ERR_TLS|^ERR_SSL/;

/**
 * What the driver threw as an error of the catalogue. Messages of the server that could repeat a value stay out of it,
 * and so do the driver's own, which may repeat settings.
 *
 * @param connection says which one to renew where the server refuses its credentials.
 */
export function postgresFailure(error: unknown, connection: string): PipelineError {
  if (isPipelineError(error)) return error;
  const state = sqlState(error);
  if (state === undefined) return driverFailure(error, connection);
  if (state.startsWith('28'))
    return new PipelineError('SOURCE_AUTH', { source: 'postgres', status: state, connection });
  const reason = nameOnly.test(state) ? messageOf(error) : 'the server could not carry out the statement';
  if (passing.test(state))
    return new PipelineError('SOURCE_UNAVAILABLE', { source: 'postgres', reason: `${state}: ${reason}` });
  return new PipelineError('SOURCE_REFUSED', { source: 'postgres', status: state, reason });
}

function driverFailure(error: unknown, connection: string): PipelineError {
  const code = systemErrorCode(error);
  if (code !== undefined && certificateTrouble.test(code))
    return new PipelineError('SOURCE_REFUSED', {
      source: 'postgres',
      status: code,
      reason: 'the certificate of the server is not trusted; give "caFile", or correct "host"',
    });
  // The driver ends the exchange by itself, for example for want of a password.
  if (messageOf(error).startsWith('SASL'))
    return new PipelineError('SOURCE_AUTH', { source: 'postgres', status: 'SASL', connection });
  if (messageOf(error) === 'The server does not support SSL connections')
    return new PipelineError('SOURCE_REFUSED', {
      source: 'postgres',
      status: 'no TLS',
      reason: 'the server does not offer TLS; turn it on there, or set "sslMode": "disable"',
    });
  return new PipelineError('SOURCE_UNAVAILABLE', {
    source: 'postgres',
    reason: code ?? 'the connection ended',
  });
}

/** Five characters of the server's answer; codes of Node have letters only, or more of them. */
function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}
