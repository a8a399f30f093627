import { readFile } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { orAborted } from '../or-aborted.js';
import type { MysqlConnection } from './connection-settings.js';
import { mysqlFailure } from './failure.js';

/** A connection of the driver with the socket beneath it. */
export interface MysqlClient {
  readonly driver: mysql.Connection;
  readonly socket: Socket;
  /** What the server calls this connection. */
  readonly thread: number;
}

/** A connection as people call it; it holds no secret. */
export function connectionName({ user, host, port, database }: MysqlConnection): string {
  return `${user}@${host}:${String(port)}/${database}`;
}

/**
 * Connects, with TLS as the settings say; it is never left out by itself.
 *
 * @throws PipelineError SOURCE_*, CONFIG_INVALID (`caFile`); the reason of `signal` once it is aborted
 */
export async function connectMysql(
  connection: MysqlConnection,
  program: string,
  signal: AbortSignal,
): Promise<MysqlClient> {
  const { host, port, user, database, password } = connection;
  const ssl = await tlsOf(connection);
  const socket = host.startsWith('/')
    ? connectSocket(host)
    : connectSocket({
        host,
        port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: limits.mysqlKeepAliveMs,
      });
  const driver = mysql.createConnection({
    stream: () => socket,
    host,
    user,
    database,
    password,
    charset: 'utf8mb4',
    connectTimeout: limits.mysqlConnectTimeoutMs,
    connectAttributes: { program_name: program },
    // The server could ask for files of this machine.
    flags: ['-LOCAL_FILES'],
    ...(ssl !== undefined && { ssl }),
  });
  // The error of a connection that breaks reaches the statement under way too.
  driver.on('error', () => undefined);
  try {
    await orAborted(
      new Promise<void>((resolve, reject) =>
        driver.connect((error) => {
          if (error === null) resolve();
          else reject(error);
        }),
      ),
      signal,
    );
    return { driver, socket, thread: driver.threadId };
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw mysqlFailure(error, connectionName(connection));
  }
}

async function tlsOf({ sslMode, caFile }: MysqlConnection): Promise<mysql.SslOptions | undefined> {
  if (sslMode === 'disable') return undefined;
  if (sslMode === 'require') return { rejectUnauthorized: false };
  const checked = { rejectUnauthorized: true, verifyIdentity: true };
  if (caFile === undefined) return checked;
  try {
    return { ...checked, ca: await readFile(caFile, 'utf8') };
  } catch (error) {
    throw new PipelineError('CONFIG_INVALID', { problems: '"caFile" cannot be read' }, { cause: error });
  }
}

/**
 * Asks the server, over a connection of its own, to end the statement of another one; a user may do so to its own. Where
 * that fails, the client of the statement is gone soon.
 */
export async function killStatement(
  connection: MysqlConnection,
  program: string,
  thread: number,
): Promise<void> {
  const signal = AbortSignal.timeout(limits.mysqlKillTimeoutMs);
  try {
    const client = await connectMysql(connection, program, signal);
    const killed = new Promise<void>((resolve) =>
      client.driver.query(`KILL QUERY ${String(thread)}`, () => resolve()),
    );
    await orAborted(killed, signal).catch(() => undefined);
    await disconnect(client);
  } catch {
    // Closing the connection, which follows, ends the statement too once the server notices.
  }
}

/** Says good-bye, and waits for the answer for a while only: the network may be gone. */
export async function disconnect({ driver, socket }: MysqlClient): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    if (socket.destroyed) return resolve();
    socket.once('close', () => resolve());
    driver.end(() => resolve());
  });
  await Promise.race([ended, sleep(limits.mysqlKillTimeoutMs, undefined, { ref: false })]);
  socket.destroy();
}
