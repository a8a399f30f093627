import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import mysql from 'mysql2/promise';
import { filesOfMariadb } from '../peers/mariadb.js';
import { findMariadb } from '../peers/peers.js';
import { waitUntil } from './project.js';

/** A real MySQL or MariaDB server, with a database of its own. */
export interface MysqlServer {
  readonly port: number;
  /** Settings of a connection for the source. */
  connection(more?: Record<string, string | number>): Record<string, string | number>;
  /** A session of its own, for what other people do meanwhile. Closed with the server. */
  client(): Promise<mysql.Connection>;
  /** Statements one after another in a session of their own. */
  run(...statements: readonly string[]): Promise<void>;
  /** Ends the server and its sessions, as for a restart. */
  halt(): Promise<void>;
  /** Starts it again on its data and port. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** Settings that make a throw-away server quick. */
const settings = [
  '--innodb-buffer-pool-size=32M',
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-doublewrite=OFF',
  '--skip-log-bin',
  '--performance-schema=OFF',
  '--bind-address=127.0.0.1',
  '--skip-name-resolve',
  '--max-connections=30',
  '--character-set-server=utf8mb4',
];

/** `mysql://root:password@host:3306` of a server to run the tests against in place of the one that they start. */
export const givenUrl = process.env['MILLRACE_TEST_MYSQL_URL'];

/** The program of the server, or the given server; `undefined` where there is neither. */
export const mysqlProgram: string | undefined = givenUrl ?? (await findMariadb());

/**
 * Starts a server in a temporary folder, with files beside the folder of its data; its user is `root`, without a password on
 * this machine.
 */
export async function startMysql(
  more: readonly string[] = [],
  files: Readonly<Record<string, string>> = {},
): Promise<MysqlServer> {
  const database = `t_${randomBytes(6).toString('hex')}`;
  if (givenUrl !== undefined) return giveMysql(new URL(givenUrl), database);
  if (mysqlProgram === undefined) throw new Error('there is no MariaDB server; run "npm run peers"');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-mysql-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  const { share, libraries } = filesOfMariadb(mysqlProgram);
  const port = await freePort();
  const options = {
    cwd: folder,
    env: {
      ...process.env,
      TZ: 'UTC',
      ...(libraries.length > 0 && { LD_LIBRARY_PATH: libraries.join(delimiter) }),
    },
  };
  const data = join(folder, 'data');
  const common = ['--no-defaults', `--datadir=${data}`, `--lc-messages-dir=${share}`, ...settings];
  // Without this, a server that root starts refuses to run.
  if (process.getuid?.() === 0) common.push('--user=root');
  const tables = ['mysql_system_tables.sql', 'mysql_system_tables_data.sql'];
  const sql = [
    // The server takes one statement a line here.
    'CREATE DATABASE mysql;',
    'USE mysql;',
    'SET @auth_root_socket = NULL;',
    ...tables.map((name) => readFileSync(join(share, name), 'utf8')),
    `CREATE DATABASE ${database};`,
  ].join('\n');
  mkdirSync(data);
  const made = spawnSync(mysqlProgram, [...common, '--bootstrap'], {
    ...options,
    input: sql,
    encoding: 'utf8',
  });
  if (made.status !== 0)
    throw new Error(`mariadbd --bootstrap failed: ${made.stderr}${String(made.error ?? '')}`);
  const users = join(folder, 'users.sql');
  writeFileSync(
    users,
    `CREATE USER IF NOT EXISTS root@'127.0.0.1';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n`,
  );
  let log = '';
  const start = async (): Promise<ChildProcess> => {
    const args = [
      `--port=${String(port)}`,
      `--socket=${join(folder, 'socket')}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--init-file=${users}`,
    ];
    const child = spawn(mysqlProgram, [...common, ...args, ...more], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')));
    await waitUntil(
      'MariaDB answers',
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`mariadbd ended: ${log}`);
        const probe = await mysql
          .createConnection({ host: '127.0.0.1', port, user: 'root' })
          .catch(() => undefined);
        await probe?.end();
        return probe !== undefined;
      },
      240_000,
    );
    return child;
  };
  let child = await start();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  const place = { host: '127.0.0.1', port, user: 'root', database };
  const sessions = sessionsOf(place);
  return {
    port,
    connection: (added = {}) => ({ connector: 'mysql', ...place, ...added }),
    ...sessions,
    halt: () => end('SIGTERM'),
    async resume() {
      child = await start();
    },
    async stop() {
      await sessions.close();
      // What is not written is thrown away anyway.
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A database of a server that somebody else runs, which is not stopped. */
async function giveMysql(
  { hostname, port, username, password }: URL,
  database: string,
): Promise<MysqlServer> {
  const access = {
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
  const first = await mysql.createConnection(access);
  await first.query(`CREATE DATABASE ${database}`);
  await first.end();
  const place = { ...access, database };
  const sessions = sessionsOf(place);
  const refuse = () => Promise.reject(new Error('a given server is not stopped'));
  return {
    port: place.port,
    connection: (added = {}) => ({ connector: 'mysql', ...place, ...added }),
    ...sessions,
    halt: refuse,
    resume: refuse,
    async stop() {
      await sessions.run(`DROP DATABASE ${database}`);
      await sessions.close();
    },
  };
}

function sessionsOf(place: mysql.ConnectionOptions) {
  const clients = new Set<mysql.Connection>();
  const client = async (): Promise<mysql.Connection> => {
    const opened = await mysql.createConnection({ ...place, charset: 'utf8mb4' });
    opened.on('error', () => undefined);
    await opened.query(`SET time_zone = '+00:00', sql_mode = ''`);
    clients.add(opened);
    return opened;
  };
  return {
    client,
    async run(...statements: readonly string[]) {
      const own = await client();
      for (const statement of statements) await own.query(statement);
      clients.delete(own);
      await own.end();
    },
    async close() {
      for (const opened of clients) opened.destroy();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
