import type mysql from 'mysql2';
import { limits } from '../../core/limits.js';
import { connectionName, connectMysql, disconnect, killStatement } from './connect.js';
import type { MysqlConnection } from './connection-settings.js';
import { mysqlFailure } from './failure.js';
import { RowReader, type ByteRow } from './row-reader.js';

/** A row of a small result, as text (NULL stays `null`). */
export type CatalogRow = Readonly<Record<string, string | null>>;
/** What an author hands to a query. */
export type QueryValue = string | number | boolean;

/** One connection with one transaction: read-only, and all its statements see the same snapshot. */
export interface Session {
  /** As the server tells it, for example `8.4.3` or `10.11.6-MariaDB`. */
  readonly version: string;
  /** A small result. Values are bound, never written into the text. */
  rows(sql: string, values?: readonly string[]): Promise<readonly CatalogRow[]>;
  /** Variables `@millrace_<name>` by name, as text. */
  setVariables(values: Readonly<Record<string, string>>): Promise<void>;
  /** What the columns of a statement are; no row of it is read. */
  columnsOf(sql: string, values: readonly QueryValue[]): Promise<readonly mysql.FieldPacket[]>;
  /** Rows of a statement in chunks; `?` in it are bound. One statement at a time. */
  stream(sql: string, values: readonly QueryValue[]): AsyncIterable<readonly ByteRow[]>;
  /** Ends the connection, and on the server whatever it still does for it. */
  close(): Promise<void>;
}

/**
 * Opens a session. When `signal` is aborted, the statement under way is ended on the server.
 *
 * @param program names the client on the server, where it can.
 * @throws PipelineError SOURCE_*, CONFIG_INVALID (`caFile`); the reason of `signal` once it is aborted
 */
export async function openSession(
  connection: MysqlConnection,
  program: string,
  signal: AbortSignal,
): Promise<Session> {
  signal.throwIfAborted();
  const client = await connectMysql(connection, program, signal);
  const { driver, thread } = client;
  let reading: RowReader | undefined;
  let killing: Promise<void> | undefined;
  const kill = (): Promise<void> => (killing ??= killStatement(connection, program, thread));
  // Where the kill does not reach the server, whoever waits for an answer is let go all the same.
  const onAbort = (): void =>
    void kill().finally(() => {
      reading?.fail(new Error('aborted'));
      client.socket.destroy();
    });
  // A connection that breaks tells its statement only where that has a callback.
  driver.on('error', (error: Error) => reading?.fail(error));
  const orFailure = (error: unknown): never => {
    signal.throwIfAborted();
    throw mysqlFailure(error, connectionName(connection));
  };
  const comment = `/* ${program.replaceAll(/[^\w.: -]/g, '_')} */`;
  const run = (sql: string): Promise<readonly mysql.FieldPacket[]> =>
    new Promise<readonly mysql.FieldPacket[]>((resolve, reject) =>
      driver.query({ sql }, (error, _rows, fields: mysql.FieldPacket[] | undefined) => {
        if (error === null) resolve(fields ?? []);
        else reject(error);
      }),
    ).catch(orFailure);
  const bound = (sql: string, values: readonly QueryValue[] = []): Promise<readonly CatalogRow[]> =>
    new Promise<readonly CatalogRow[]>((resolve, reject) =>
      driver.execute(sql, [...values], (error, rows) => {
        if (error === null) resolve(rows as unknown as CatalogRow[]);
        else reject(error);
      }),
    ).catch(orFailure);
  /** The text of a statement that has no `?` left to bind: values stay apart from it, in variables of the session. */
  const prepared = async (sql: string, values: readonly QueryValue[]): Promise<string> => {
    if (values.length === 0) return `${comment} ${sql}`;
    const names = values.map((_, index) => `@millrace_value${String(index)}`);
    for (const [index, value] of values.entries()) {
      const isInteger =
        typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value));
      await bound(`SET ${names[index] ?? ''} = ${isInteger ? 'CAST(? AS SIGNED)' : '?'}`, [
        isInteger ? String(Number(value)) : value,
      ]);
    }
    await bound('SET @millrace_statement = ?', [`${comment} ${sql}`]);
    await run('PREPARE millrace FROM @millrace_statement');
    return `${comment} EXECUTE millrace USING ${names.join(', ')}`;
  };
  const session: Session = {
    version: '',
    rows: bound,
    async setVariables(values) {
      for (const [name, value] of Object.entries(values)) await bound(`SET @millrace_${name} = ?`, [value]);
    },
    async columnsOf(sql, values) {
      return run(await prepared(sql, values));
    },
    async *stream(sql, values) {
      const text = await prepared(sql, values);
      reading = new RowReader(driver);
      try {
        yield* reading.chunks(text);
      } catch (error) {
        reading = undefined;
        orFailure(error);
      }
      // Not where it is left early. Once it has ended or failed, another statement may have its thread.
      reading = undefined;
    },
    async close() {
      signal.removeEventListener('abort', onAbort);
      if (reading !== undefined || killing !== undefined) {
        await kill();
        client.socket.destroy();
      }
      await disconnect(client);
    },
  };
  try {
    const version = await begin(session, run, connection);
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    return { ...session, version };
  } catch (error) {
    await disconnect(client);
    throw error;
  }
}

/**
 * Settings under which each type has one text form and no row is left out, whatever the server's own are; then the
 * transaction. Sources: MySQL Reference Manual, "Server System Variables", "START TRANSACTION"; MariaDB documentation,
 * "max_statement_time".
 */
async function begin(
  session: Pick<Session, 'rows'>,
  run: (sql: string) => Promise<unknown>,
  { statementTimeoutMs }: MysqlConnection,
): Promise<string> {
  const version = (await session.rows('SELECT VERSION() AS version'))[0]?.['version'] ?? '';
  const seconds = (ms: number): string => String(Math.ceil(ms / 1000));
  const timeout = /mariadb/i.test(version)
    ? `max_statement_time = ${String(statementTimeoutMs / 1000)}`
    : `max_execution_time = ${String(statementTimeoutMs)}`;
  await run('SET NAMES utf8mb4');
  await run(
    `SET SESSION time_zone = '+00:00', sql_mode = 'NO_ENGINE_SUBSTITUTION', sql_select_limit = 18446744073709551615,
       sql_big_selects = 1, sql_auto_is_null = 0, ${timeout},
       lock_wait_timeout = ${seconds(limits.mysqlLockTimeoutMs)}, innodb_lock_wait_timeout = ${seconds(limits.mysqlLockTimeoutMs)},
       net_write_timeout = ${seconds(limits.mysqlReaderPauseMs)}`,
  );
  await run('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await run('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  return version;
}
