import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { delimiter, join } from 'node:path';
import { PipelineError } from '../../core/errors/index.js';

/** Version of the Temporal CLI that is built when none can be found or downloaded (server 1.29.1). */
export const temporalCliVersion = '1.5.1';

/** Where a Temporal CLI came from. */
export interface TemporalCli {
  readonly path: string;
  readonly source: 'env' | 'path' | 'cache' | 'download' | 'go';
}

export interface ObtainOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line for a person, such as a step begun. */
  onProgress(line: string): void;
}

const executable = platform() === 'win32' ? 'temporal.exe' : 'temporal';

/** Folder for what Millrace fetches or builds once for every project: `$MILLRACE_CACHE`, or the user's cache folder. */
export function cacheDirectory(env: ObtainOptions['env']): string {
  return env['MILLRACE_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'millrace');
}

/** A Temporal CLI that is already on this machine: `$TEMPORAL_CLI`, then `PATH`, then the cache. */
export function findTemporalCli(env: ObtainOptions['env']): TemporalCli | undefined {
  const explicit = env['TEMPORAL_CLI'];
  if (explicit !== undefined && isExecutable(explicit)) return { path: explicit, source: 'env' };
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && isExecutable(join(folder, executable)))
      return { path: join(folder, executable), source: 'path' };
  }
  const cached = cachedPath(env);
  return isExecutable(cached) ? { path: cached, source: 'cache' } : undefined;
}

/**
 * Finds a Temporal CLI, or gets one: by the SDK's own download, else by building it with Go. Whatever is got lands in
 * the cache, whole or not at all.
 *
 * @throws PipelineError TEMPORAL_UNAVAILABLE naming every way tried and what to do.
 */
export async function obtainTemporalCli(options: ObtainOptions): Promise<TemporalCli> {
  const found = findTemporalCli(options.env);
  if (found !== undefined) return found;
  const reasons = [
    'TEMPORAL_ADDRESS is not set',
    'no "temporal" on PATH',
    `no CLI in ${cacheDirectory(options.env)}`,
  ];
  for (const way of [downloadCli, buildCli]) {
    try {
      return await way(options);
    } catch (error) {
      reasons.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  }
  throw new PipelineError('TEMPORAL_UNAVAILABLE', {
    reasons: [
      ...reasons,
      'set TEMPORAL_ADDRESS to a running server, put the Temporal CLI on PATH, allow downloads, or install Go 1.23 or later',
    ],
  });
}

async function downloadCli({ env, onProgress }: ObtainOptions): Promise<TemporalCli> {
  const folder = join(cacheDirectory(env), 'temporal', 'download');
  mkdirSync(folder, { recursive: true });
  onProgress('Temporal server: downloading the CLI (about 50 MB) …');
  try {
    // Loaded when it is needed: it brings the whole worker.
    const { TestWorkflowEnvironment } = await import('@temporalio/testing');
    const server = await TestWorkflowEnvironment.createLocal({
      server: { executable: { type: 'cached-download', downloadDir: folder } },
    });
    await server.teardown();
  } catch (error) {
    throw new Error(`download failed (${rootCause(error)})`, { cause: error });
  }
  const file = readdirSync(folder).find(
    (name) => name.startsWith('temporal') && isExecutable(join(folder, name)),
  );
  if (file === undefined) throw new Error('download left no executable');
  return { path: place(join(folder, file), env), source: 'download' };
}

async function buildCli({ env, onProgress }: ObtainOptions): Promise<TemporalCli> {
  const target = cachedPath(env);
  const folder = `${target}.build-${String(process.pid)}`;
  mkdirSync(folder, { recursive: true });
  const started = Date.now();
  let packages = 0;
  const tell = () => {
    const seconds = Math.round((Date.now() - started) / 1000);
    onProgress(
      `Temporal server: building the CLI with Go, once (about six minutes on two cores): ${String(seconds)} s, ${String(packages)} packages …`,
    );
  };
  tell();
  const timer = setInterval(tell, 5_000);
  try {
    await run(
      'go',
      ['install', '-v', `github.com/temporalio/cli/cmd/temporal@v${temporalCliVersion}`],
      { ...env, GOBIN: folder },
      () => {
        packages += 1;
      },
    );
    return { path: place(join(folder, executable), env), source: 'go' };
  } finally {
    clearInterval(timer);
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(command: string, args: string[], env: ObtainOptions['env'], onLine: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let last = '';
    child.stderr.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString('utf8').split('\n')) {
        if (line.trim() === '') continue;
        last = line.trim();
        onLine();
      }
    });
    child.on('error', (error) => {
      reject(new Error(`Go is not installed (${error.message})`));
    });
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`go install failed (${last})`));
    });
  });
}

function cachedPath(env: ObtainOptions['env']): string {
  return join(cacheDirectory(env), 'temporal', temporalCliVersion, executable);
}

function place(from: string, env: ObtainOptions['env']): string {
  const target = cachedPath(env);
  mkdirSync(join(target, '..'), { recursive: true });
  renameSync(from, target);
  return target;
}

function isExecutable(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function rootCause(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split(': ').slice(-1)[0] ?? text;
}
