import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { orAborted } from '../or-aborted.js';
import type { PostgresConnection } from './connection-settings.js';
import { postgresFailure } from './failure.js';

/** A connection as people call it; it holds no secret. */
export function connectionName({ user, host, port, database }: PostgresConnection): string {
  return `${user}@${host}:${String(port)}/${database}`;
}

/**
 * Connects, with TLS as the settings say; it is never left out by itself.
 *
 * @throws PipelineError SOURCE_*, CONFIG_INVALID (`caFile`); the reason of `signal` once it is aborted
 */
export async function connectPostgres(
  connection: PostgresConnection,
  applicationName: string,
  signal: AbortSignal,
): Promise<pg.Client> {
  const { host, port, user, database, password } = connection;
  const client = new pg.Client({
    host,
    port,
    user,
    database,
    // As a function, so that neither the environment nor a password file takes its place.
    password: () => password,
    ssl: await tlsOf(connection),
    application_name: applicationName,
    client_encoding: 'UTF8',
    keepAlive: true,
    keepAliveInitialDelayMillis: limits.postgresKeepAliveMs,
    connectionTimeoutMillis: limits.postgresConnectTimeoutMs,
  });
  // The error of a connection that breaks reaches the statement under way too.
  client.on('error', () => undefined);
  try {
    await orAborted(client.connect(), signal);
    return client;
  } catch (error) {
    void client.end();
    signal.throwIfAborted();
    throw postgresFailure(error, connectionName(connection));
  }
}

async function tlsOf({ sslMode, caFile }: PostgresConnection): Promise<pg.ClientConfig['ssl']> {
  if (sslMode === 'disable') return false;
  if (sslMode === 'require') return { rejectUnauthorized: false };
  if (caFile === undefined) return { rejectUnauthorized: true };
  try {
    return { rejectUnauthorized: true, ca: await readFile(caFile, 'utf8') };
  } catch (error) {
    throw new PipelineError('CONFIG_INVALID', { problems: '"caFile" cannot be read' }, { cause: error });
  }
}

/** Asks the server, over a connection of its own, to end what a backend does. Where that fails, its client is gone soon. */
export async function cancelBackend(
  connection: PostgresConnection,
  applicationName: string,
  backend: string,
): Promise<void> {
  const signal = AbortSignal.timeout(limits.postgresCancelTimeoutMs);
  try {
    const client = await connectPostgres(connection, applicationName, signal);
    await orAborted(client.query('SELECT pg_cancel_backend($1)', [backend]), signal).catch(() => undefined);
    await disconnect(client);
  } catch {
    // Closing the connection, which follows, ends the statement too once the server notices.
  }
}

/** Says good-bye, and waits for the answer for a while only: the network may be gone. */
export async function disconnect(client: pg.Client): Promise<void> {
  await Promise.race([client.end(), sleep(limits.postgresCancelTimeoutMs, undefined, { ref: false })]);
}
