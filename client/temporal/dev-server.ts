import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { limits } from '../../core/limits.js';
import { PipelineError } from '../../core/errors/index.js';
import { devServerSettings } from './dev-server-settings.js';

/** A development server that is ready for work. */
export interface DevServer {
  readonly address: string;
  readonly uiUrl: string;
  readonly pid: number;
  /** Time from start to ready; 0 when a running server was found and used. */
  readonly startMs: number;
  readonly version: string;
  /** True when a server of an earlier start was still running. */
  readonly isReused: boolean;
  /** Ends the server, also a reused one, and waits until it is gone. */
  stop(): Promise<void>;
}

export interface DevServerOptions {
  readonly cliPath: string;
  /** Folder of the database, the log and the note about the running process. */
  readonly dataDirectory: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
  readonly uiPort?: number;
}

interface RunningNote {
  readonly pid: number;
  readonly address: string;
  readonly uiUrl: string;
}

/**
 * Starts the Temporal development server with its database in the data folder, so that runs outlive it, or finds the
 * one that already serves this folder.
 *
 * @throws PipelineError TEMPORAL_UNAVAILABLE when the server does not become healthy; its log is named.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const notePath = join(options.dataDirectory, 'temporal.json');
  const reused = await findRunning(notePath);
  if (reused !== undefined) return reused;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await launch(options, notePath);
    if (!('hasEnded' in outcome)) return outcome;
    // A port that was free a moment ago may be taken by the time the server listens on it.
    const mayTryAgain =
      outcome.hasEnded && options.port === undefined && attempt < limits.temporalStartMaxTries;
    if (!mayTryAgain) throw outcome.error;
  }
}

async function launch(
  options: DevServerOptions,
  notePath: string,
): Promise<DevServer | { readonly hasEnded: boolean; readonly error: unknown }> {
  mkdirSync(join(options.dataDirectory, 'log'), { recursive: true });
  const logPath = join(options.dataDirectory, 'log', 'temporal.log');
  const port = options.port ?? (await freePort());
  const uiPort = options.uiPort ?? (await freePort());
  const address = `127.0.0.1:${String(port)}`;
  const uiUrl = `http://127.0.0.1:${String(uiPort)}`;
  const log = openSync(logPath, 'a');
  const startedAt = Date.now();
  const child = spawn(
    options.cliPath,
    [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)],
      ...['--log-level', 'warn', ...devServerSettings(join(options.dataDirectory, 'temporal.db'))],
    ],
    // A group of its own: Ctrl-C in a terminal must reach Millrace first, which drains and then ends the server.
    { stdio: ['ignore', log, log], detached: true },
  );
  closeSync(log);
  try {
    const version = await waitUntilHealthy(address, child, logPath);
    const note: RunningNote = { pid: child.pid ?? 0, address, uiUrl };
    writeFileSync(notePath, JSON.stringify(note));
    child.unref();
    return {
      ...note,
      version,
      startMs: Date.now() - startedAt,
      isReused: false,
      stop: () => stopProcess(note.pid, notePath),
    };
  } catch (error) {
    const hasEnded = child.exitCode !== null;
    if (child.pid !== undefined) await stopProcess(child.pid, notePath);
    return { hasEnded, error };
  }
}

async function findRunning(notePath: string): Promise<DevServer | undefined> {
  if (!existsSync(notePath)) return undefined;
  let note: RunningNote;
  try {
    note = JSON.parse(readFileSync(notePath, 'utf8')) as RunningNote;
  } catch {
    return undefined;
  }
  if (!isAlive(note.pid)) return undefined;
  try {
    const version = await serverVersion(note.address);
    return { ...note, version, startMs: 0, isReused: true, stop: () => stopProcess(note.pid, notePath) };
  } catch {
    return undefined;
  }
}

async function waitUntilHealthy(address: string, child: ChildProcess, logPath: string): Promise<string> {
  const deadline = Date.now() + limits.temporalStartMaxMs;
  let spawnError: Error | undefined;
  child.once('error', (error) => {
    spawnError = error;
  });
  while (Date.now() < deadline && child.exitCode === null && spawnError === undefined) {
    try {
      return await serverVersion(address);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const reason =
    spawnError?.message ??
    (child.exitCode === null ? 'not healthy in time' : `exit code ${String(child.exitCode)}`);
  throw new PipelineError('TEMPORAL_UNAVAILABLE', {
    reasons: [`the development server did not start (${reason}); see ${logPath}`],
  });
}

/** Server version, once the default namespace answers; the port alone opens earlier. */
async function serverVersion(address: string): Promise<string> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000 });
  try {
    const info = await connection.workflowService.getSystemInfo({});
    await connection.workflowService.describeNamespace({ namespace: 'default' });
    return info.serverVersion;
  } finally {
    await connection.close();
  }
}

async function stopProcess(pid: number, notePath: string): Promise<void> {
  rmSync(notePath, { force: true });
  if (!isAlive(pid)) return;
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + limits.temporalStopMaxMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) process.kill(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('no free port'));
      });
    });
  });
}
