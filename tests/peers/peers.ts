import { afterAll } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../architecture/source-tree.js';
import { waitUntil } from '../helpers/project.js';
import { startBigQueryWire } from './bigquery-wire.js';
import { obtainMariadb } from './mariadb.js';
import {
  hasGo,
  isBigQueryWanted,
  obtainAirflow,
  obtainBigQueryEmulator,
  obtainFakeGcs,
  obtainFakesnow,
  obtainMoto,
  obtainPrefect,
} from './obtain.js';

const tell = (line: string) => process.stderr.write(`${line}\n`);
const children = new Set<ChildProcess>();

afterAll(async () => {
  for (const child of children) await end(child);
});

/**
 * The path of a peer, obtained where it is missing. Where it cannot be had, the tests that need it are skipped by name;
 * with CI=true that is a failure.
 */
export async function find(name: string, obtain: (tell: (line: string) => void) => Promise<string>) {
  try {
    return await obtain(tell);
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    tell(`Skipped, for want of ${name}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

export const findFakesnow = () => find('fakesnow', obtainFakesnow);

/** Where nobody asked for it and it was not built before, there is none, which is no failure. */
export const findBigQueryEmulator = async () => {
  if (isBigQueryWanted) return find('the BigQuery emulator', obtainBigQueryEmulator);
  tell('Skipped: BigQuery; MILLRACE_TEST_BIGQUERY=1 builds its emulator with Go, which takes minutes, once');
  return undefined;
};

export const findMoto = () => find('moto', obtainMoto);

export const findMariadb = () => find('MariaDB', obtainMariadb);

export const findAirflow = () => find('Airflow', obtainAirflow);

export const findPrefect = () => find('Prefect', obtainPrefect);

/** Without Go there is none, which is no failure. */
export const findFakeGcs = async () => {
  if (await hasGo()) return find('fake-gcs-server', obtainFakeGcs);
  tell('Skipped, for want of Go: staging on Google Cloud Storage');
  return undefined;
};

/** What a peer was asked for, in order. */
export interface AskedStatement {
  readonly sql: string;
  readonly binds?: unknown;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** A server that stands for a warehouse. */
export interface Peer {
  readonly url: string;
  asked(): Promise<readonly AskedStatement[]>;
  stop(): Promise<void>;
}

export async function startFakesnow(python: string): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-fakesnow-'));
  const portFile = join(folder, 'port');
  const child = start(python, [join(root, 'tests/peers/fakesnow_wire.py'), portFile], folder);
  await waitUntil('fakesnow listens', () => existsSync(portFile) || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error('fakesnow ended at once');
  const url = `http://127.0.0.1:${readFileSync(portFile, 'utf8')}`;
  return {
    url,
    asked: async () => (await (await fetch(`${url}/tests/requests`)).json()) as AskedStatement[],
    stop: async () => {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A peer that is made anew now and then. */
export interface RenewedPeer extends Peer {
  /** An empty dataset. */
  dataset(): Promise<string>;
  /** Where the Storage Write API of the last dataset is. */
  writeApiUrl(): string;
}

/**
 * The emulator keeps memory for each statement, becomes slower with it, and ends at 4 GB: after so many requests, another
 * takes its place.
 */
const emulatorMaxRequests = 60;

/** The BigQuery emulator behind its wire. A new dataset may come from a new emulator: the former ones are gone then. */
export async function startBigQueryEmulator(binary: string): Promise<RenewedPeer> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bigquery-'));
  let emulator = await startEmulator(binary, folder);
  const wire = await startBigQueryWire(emulator.url);
  return {
    url: wire.url,
    writeApiUrl: () => emulator.writeApiUrl,
    asked: () => Promise.resolve(wire.asked()),
    dataset: async () => {
      if (wire.handedOn() > emulatorMaxRequests) {
        await end(emulator.child);
        emulator = await startEmulator(binary, folder);
        wire.turnTo(emulator.url);
      }
      const datasetId = `t_${randomBytes(6).toString('hex')}`;
      await fetch(`${wire.url}/bigquery/v2/projects/test/datasets`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ datasetReference: { projectId: 'test', datasetId } }),
      });
      return datasetId;
    },
    stop: async () => {
      await wire.close();
      await end(emulator.child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startEmulator(
  binary: string,
  folder: string,
): Promise<{ readonly child: ChildProcess; readonly url: string; readonly writeApiUrl: string }> {
  const [port, grpcPort] = [await freePort(), await freePort()];
  const child = start(
    binary,
    [
      ...['--project=test', '--dataset=setup', '--host=127.0.0.1', '--log-level=error'],
      ...[`--port=${String(port)}`, `--grpc-port=${String(grpcPort)}`],
    ],
    folder,
  );
  const url = `http://127.0.0.1:${String(port)}`;
  await waitUntil('the BigQuery emulator listens', async () => {
    if (child.exitCode !== null) throw new Error('the BigQuery emulator ended at once');
    return (await fetch(`${url}/bigquery/v2/projects/test/datasets`).catch(() => undefined))?.ok === true;
  });
  return { child, url, writeApiUrl: `http://127.0.0.1:${String(grpcPort)}` };
}

/** A server that stands for a bucket's service. */
export interface BucketPeer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Speaks the protocol of S3; keeps everything in memory, and checks no signature. */
export function startMoto(python: string): Promise<BucketPeer> {
  return startBucketPeer('moto', '/moto-api/', (port) => [
    python,
    [...['-m', 'moto.server'], ...['-H', '127.0.0.1', '-p', port]],
  ]);
}

/** Speaks the API of Google Cloud Storage; keeps everything in memory. */
export function startFakeGcs(binary: string): Promise<BucketPeer> {
  return startBucketPeer('fake-gcs-server', '/storage/v1/b?project=test', (port) => [
    binary,
    ['-backend=memory', '-scheme=http', '-host=127.0.0.1', `-port=${port}`, '-log-level=error'],
  ]);
}

async function startBucketPeer(
  name: string,
  path: string,
  commandOf: (port: string) => readonly [command: string, args: readonly string[]],
): Promise<BucketPeer> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bucket-'));
  const port = String(await freePort());
  const child = start(...commandOf(port), folder);
  const url = `http://127.0.0.1:${port}`;
  await waitUntil(
    `${name} listens`,
    async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended at once`);
      return (await fetch(`${url}${path}`).catch(() => undefined))?.ok === true;
    },
    240_000,
  );
  return {
    url,
    stop: async () => {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function start(command: string, args: readonly string[], cwd: string): ChildProcess {
  const child = spawn(command, args, {
    cwd,
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  children.add(child);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
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
