import type { Readable } from 'node:stream';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { limits } from '../../core/limits.js';
import { cancelBackend, connectionName, connectPostgres, disconnect } from './connect.js';
import type { PostgresConnection } from './connection-settings.js';
import { postgresFailure } from './failure.js';

/** A row of a small result, values as text (NULL stays `null`). */
export type CatalogRow = Readonly<Record<string, string | null>>;

/** A column of a statement. */
export interface SessionColumn {
  readonly name: string;
  readonly typeOid: number;
  /** -1: none. */
  readonly typeModifier: number;
}

/** One connection with one transaction: read-only, and all its statements see the same snapshot. */
export interface Session {
  /** A small result. Values are bound, never written into the text. */
  rows(sql: string, values?: readonly unknown[]): Promise<readonly CatalogRow[]>;
  /** Names and types (oid, modifier) of the columns that a statement has; it is not run to its end. */
  columnsOf(sql: string): Promise<readonly SessionColumn[]>;
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
  const client = await connectPostgres(connection, applicationName, signal);
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
      return fields.map(({ name, dataTypeID, dataTypeModifier }) => ({
        name,
        typeOid: dataTypeID,
        typeModifier: dataTypeModifier,
      }));
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
      await disconnect(client);
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
    await disconnect(client);
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
