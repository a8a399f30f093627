import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { PostgresConnection } from './connection-settings.js';
import { postgresFailure } from './failure.js';

/** A row of a small result, values as text (NULL stays `null`). */
export type CatalogRow = Readonly<Record<string, string | null>>;

/** One connection with one transaction: read-only, and all its statements see the same snapshot. */
export interface Session {
  /** A small result. Values are bound, never written into the text. */
  rows(sql: string, values?: readonly unknown[]): Promise<readonly CatalogRow[]>;
  /** Names and type oids of the columns that a statement has; it is not run to its end. */
  columnsOf(sql: string): Promise<readonly { readonly name: string; readonly typeOid: number }[]>;
  /** Bytes of a `COPY … TO STDOUT`; one at a time. */
  copy(sql: string): Readable;
  /** Ends the connection, and on the server whatever it still does for it. */
  close(): Promise<void>;
}

/** Settings of the transaction under which each type has one text form, whatever the server's own are. */
const textForms = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'iso_8601',
  bytea_output: 'hex',
  extra_float_digits: '3',
} as const;

const connectionName = ({ user, host, port, database }: PostgresConnection): string =>
  `${user}@${host}:${String(port)}/${database}`;

/**
 * Opens a session. When `signal` is aborted, the statement under way is cancelled on the server.
 *
 * @throws PipelineError SOURCE_*, CONFIG_INVALID (`caFile`); the reason of `signal` once it is aborted
 */
export async function openSession(
  connection: PostgresConnection,
  applicationName: string,
  signal: AbortSignal,
): Promise<Session> {
  signal.throwIfAborted();
  const client = await connect(connection, applicationName, signal);
  let backend = '';
  let copying: Readable | undefined;
  let cancelling: Promise<void> | undefined;
  const cancel = (): Promise<void> => (cancelling ??= cancelBackend(connection, applicationName, backend));
  // Where the cancel does not reach the server, the reader is let go all the same, and closing the connection ends the rest.
  const onAbort = (): void => void cancel().finally(() => copying?.destroy());
  const orFailure = (error: unknown): never => {
    signal.throwIfAborted();
    throw postgresFailure(error, connectionName(connection));
  };
  const session: Session = {
    async rows(sql, values = []) {
      const result = await client.query({ text: sql, values: [...values], types: asText }).catch(orFailure);
      return result.rows as CatalogRow[];
    },
    async columnsOf(sql) {
      // The extended protocol takes one statement only, whatever the text holds.
      const query = { text: sql, types: asText, queryMode: 'extended' };
      const { fields } = await client.query(query).catch(orFailure);
      return fields.map(({ name, dataTypeID }) => ({ name, typeOid: dataTypeID }));
    },
    copy(sql) {
      const stream = client.query(copyTo(sql, { highWaterMark: limits.postgresCopyBufferBytes }));
      copying = stream;
      stream.once('end', () => (copying = undefined));
      // A stream that is left before its end fails when its connection goes.
      stream.on('error', () => (copying = undefined));
      return stream;
    },
    async close() {
      signal.removeEventListener('abort', onAbort);
      if (copying !== undefined || cancelling !== undefined) await cancel();
      await endOf(client);
    },
  };
  try {
    // A worker that is killed sends no cancel: the server looks by itself whether anybody is still there, where it can.
    await client
      .query(`SET client_connection_check_interval = ${String(limits.postgresClientCheckMs)}`)
      .catch(() => undefined);
    await begin(session, connection);
    backend = (await session.rows('SELECT pg_backend_pid() AS pid'))[0]?.['pid'] ?? '';
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    return session;
  } catch (error) {
    await endOf(client);
    throw error;
  }
}

/** Runs `work` with what the driver throws as errors of the catalogue, and the abort before them. */
export async function* orPostgresFailure<Item>(
  items: AsyncIterable<Item>,
  connection: PostgresConnection,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  try {
    yield* items;
  } catch (error) {
    signal.throwIfAborted();
    throw postgresFailure(error, connectionName(connection));
  }
}

/** Every type as the server writes it. */
const asText: pg.CustomTypesConfig = { getTypeParser: () => (text: unknown) => text };

async function begin(session: Session, { statementTimeoutMs }: PostgresConnection): Promise<void> {
  const own = {
    ...textForms,
    statement_timeout: String(statementTimeoutMs),
    lock_timeout: String(limits.postgresLockTimeoutMs),
  };
  await session.rows('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await setLocal(session, own);
}

/** Settings of the transaction, by name. */
export async function setLocal(
  session: Pick<Session, 'rows'>,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await session.rows(
    `SELECT set_config(name, setting, true) FROM unnest($1::text[], $2::text[]) AS v(name, setting)`,
    [Object.keys(settings), Object.values(settings)],
  );
}

async function connect(
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
async function cancelBackend(
  connection: PostgresConnection,
  applicationName: string,
  backend: string,
): Promise<void> {
  const signal = AbortSignal.timeout(limits.postgresCancelTimeoutMs);
  try {
    const client = await connect(connection, applicationName, signal);
    await orAborted(client.query('SELECT pg_cancel_backend($1)', [backend]), signal).catch(() => undefined);
    await endOf(client);
  } catch {
    // Closing the connection, which follows, ends the statement too once the server notices.
  }
}

/** Says good-bye, and waits for the answer for a while only: the network may be gone. */
async function endOf(client: pg.Client): Promise<void> {
  await Promise.race([client.end(), sleep(limits.postgresCancelTimeoutMs, undefined, { ref: false })]);
}

async function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
