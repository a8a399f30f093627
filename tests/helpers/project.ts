import { afterAll } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  existsSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { devServerSettings } from '../../client/temporal/dev-server-settings.js';
import type { RunResult } from '../../core/run/run-result.js';
import { findTemporalCli } from '../../client/temporal/obtain-cli.js';
import { CommandProcess, isForCommandProcess, type CommandOutcome } from './command-process.js';
import { productEnv } from './product-env.js';
import { root } from '../architecture/source-tree.js';

/** A process of the product that runs until it is ended. */
export interface RunningProcess {
  readonly child: ChildProcess;
  /** What it has written by now, to both outputs. */
  stderr(): string;
  /** What it has written to its standard output alone. */
  stdout(): string;
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<void>;
  /** Resolves when it has ended by itself, or by a fault point. */
  readonly ended: Promise<void>;
}

const { temporal } = proto;
const projects = new Set<TestProject>();

afterAll(async () => {
  for (const project of projects) await project.close();
});

/**
 * A project folder in which the built product runs as a person runs it: a real Temporal server, workers and gateways as
 * processes of their own. Everything ends, and the folder goes, after the tests of the file.
 */
export class TestProject {
  readonly folder: string;
  temporalPort: number;
  readonly #running = new Set<RunningProcess>();
  #temporal: RunningProcess | undefined;
  #commands: CommandProcess | undefined;

  private constructor(folder: string, temporalPort: number) {
    this.folder = folder;
    this.temporalPort = temporalPort;
  }

  /** Makes the folder with DAG files and settings; `millrace` resolves to this package. */
  static async create(dags: Readonly<Record<string, string>>, settings: object = {}): Promise<TestProject> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-project-'));
    const project = new TestProject(folder, await freePort());
    mkdirSync(join(folder, 'dags'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'millrace'), 'dir');
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', private: true }));
    writeFileSync(join(folder, 'millrace.json'), JSON.stringify({ log: { level: 'warn' }, ...settings }));
    for (const [name, text] of Object.entries(dags)) project.write(`dags/${name}`, text);
    projects.add(project);
    return project;
  }

  write(path: string, text: string): void {
    mkdirSync(join(this.folder, path, '..'), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  get env(): NodeJS.ProcessEnv {
    const { MILLRACE_DATA_DIRECTORY: _data, MILLRACE_FAULT_POINT: _fault, ...env } = productEnv();
    return { ...env, TEMPORAL_ADDRESS: `127.0.0.1:${String(this.temporalPort)}` };
  }

  /** Starts the Temporal server, on the database of an earlier start where there is one, with further arguments. */
  async startTemporal(further: readonly string[] = []): Promise<RunningProcess> {
    const cli = findTemporalCli(process.env);
    if (cli === undefined) throw new Error('no Temporal CLI: run "node dist/client.js temporal install"');
    const isFirst = this.#temporal === undefined;
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const server = this.#spawn(cli.path, [
        ...['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(this.temporalPort)],
        ...['--log-level', 'error', ...devServerSettings(join(this.folder, 'temporal.db')), ...further],
      ]);
      this.#temporal = server;
      let hasEnded = false;
      void server.ended.then(() => (hasEnded = true));
      await waitUntil(
        'the Temporal server answers',
        async () => hasEnded || (await this.isTemporalUp()),
        240_000,
      );
      if (!hasEnded) return server;
      // Another process may have taken the port meanwhile; workers that run already know it, so it stays theirs.
      if (isFirst) this.temporalPort = await freePort();
    }
    throw new Error(`the Temporal server ends at once: ${this.temporal.stderr()}`);
  }

  async isTemporalUp(): Promise<boolean> {
    return (await this.run('dag', 'list', '--json')).code === 0;
  }

  get temporal(): RunningProcess {
    if (this.#temporal === undefined) throw new Error('the Temporal server is not started');
    return this.#temporal;
  }

  /**
   * A worker process; dies at the named fault point where one is given. A second worker needs a warehouse of its own,
   * because one process holds a DuckDB file: `MILLRACE_WAREHOUSE_PATH`.
   */
  async startWorker(faultPoint?: string, env: Record<string, string> = {}): Promise<RunningProcess> {
    const worker = this.#spawn(process.execPath, [join(root, 'dist/worker.js')], {
      ...env,
      ...(faultPoint !== undefined && { MILLRACE_FAULT_POINT: faultPoint }),
    });
    await Promise.race([
      waitUntil('the worker is ready', () => worker.stderr().includes('worker: ready'), 240_000),
      worker.ended,
    ]);
    return worker;
  }

  async startGateway(faultPoint?: string): Promise<RunningProcess & { readonly url: string }> {
    const gateway = this.#spawn(process.execPath, [join(root, 'dist/gateway.js')], {
      MILLRACE_GATEWAY_PORT: '0',
      ...(faultPoint !== undefined && { MILLRACE_FAULT_POINT: faultPoint }),
    });
    await waitUntil('the gateway is ready', () => gateway.stderr().includes('gateway: ready'), 240_000);
    return { ...gateway, url: /ready on (\S+)/.exec(gateway.stderr())?.[1] ?? '' };
  }

  /** Runs one command of the command line to its end, in a process that runs others, too, where that is the same. */
  async run(...args: string[]): Promise<CommandOutcome> {
    if (!isForCommandProcess(args)) return this.runAlone(...args);
    this.#commands ??= new CommandProcess(this.folder, this.env);
    return this.#commands.run(args, this.env);
  }

  /** Runs one command of the command line to its end, in a process of its own. */
  async runAlone(...args: string[]): Promise<CommandOutcome> {
    const child = spawn(process.execPath, [join(root, 'dist/client.js'), ...args], {
      cwd: this.folder,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString('utf8')));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...output };
  }

  /** Runs a command with `--json`, which must end with 0, and returns its document. */
  async json<Result>(...args: string[]): Promise<Result> {
    const outcome = await this.run(...args, '--json');
    if (outcome.code !== 0)
      throw new Error(
        `millrace ${args.join(' ')} ended with ${String(outcome.code)}: ${outcome.stderr}${outcome.stdout}`,
      );
    return JSON.parse(outcome.stdout) as Result;
  }

  /** Rows of a query through the command line. */
  async rows(sql: string): Promise<Record<string, unknown>[]> {
    return (await this.json<{ rows: Record<string, unknown>[] }>('query', sql)).rows;
  }

  remove(path: string): void {
    rmSync(join(this.folder, path));
  }

  /** Types of the events of a workflow's history. */
  async history(workflowId: string): Promise<string[]> {
    const events = await this.#events(workflowId);
    return events.map(({ eventType }) => temporal.api.enums.v1.EventType[eventType ?? 0] ?? '');
  }

  /** What the tasks of a run handed on, by task id, read from its history. */
  async results(workflowId: string): Promise<Record<string, unknown>> {
    const events = await this.#events(workflowId);
    const results: Record<string, unknown> = {};
    const read = (payload: { data?: Uint8Array | null } | undefined): unknown =>
      payload?.data === undefined || payload.data === null
        ? undefined
        : JSON.parse(Buffer.from(payload.data).toString('utf8'));
    for (const { activityTaskCompletedEventAttributes: completed } of events) {
      const scheduled = events.find(({ eventId }) => String(eventId) === String(completed?.scheduledEventId));
      const input = read(scheduled?.activityTaskScheduledEventAttributes?.input?.payloads?.[0]);
      const taskId = (input as { task?: { id: string } } | undefined)?.task?.id;
      if (taskId !== undefined) results[taskId] = read(completed?.result?.payloads?.[0]);
    }
    return results;
  }

  /** Events of each execution of a workflow that continued as new, newest first. */
  async historyLengths(workflowId: string): Promise<number[]> {
    return this.#withClient(async (client) => {
      const lengths: number[] = [];
      let runId: string | undefined;
      do {
        const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
        lengths.push(history.events?.length ?? 0);
        runId =
          history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? undefined;
      } while (runId !== undefined && runId !== '');
      return lengths;
    });
  }

  /** Waits for the end of a run and returns its result, whatever it ended with. */
  async resultOf(workflowId: string): Promise<RunResult> {
    return this.#withClient(async (client) => {
      try {
        return (await client.workflow.getHandle(workflowId).result()) as RunResult;
      } catch (error) {
        const cause = error instanceof Error ? error.cause : undefined;
        const [result] = ((cause as { details?: unknown[] } | undefined)?.details ?? []) as RunResult[];
        if (result === undefined) throw error;
        return result;
      }
    });
  }

  async #withClient<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
    const connection = await Connection.connect({ address: `127.0.0.1:${String(this.temporalPort)}` });
    try {
      return await work(new Client({ connection }));
    } finally {
      await connection.close();
    }
  }

  async #events(workflowId: string) {
    return this.#withClient(
      async (client) => (await client.workflow.getHandle(workflowId).fetchHistory()).events ?? [],
    );
  }

  /** Text of a file of the project, or empty. */
  read(path: string): string {
    return existsSync(join(this.folder, path)) ? readFileSync(join(this.folder, path), 'utf8') : '';
  }

  spawnProduct(args: string[], env: Record<string, string | undefined> = {}): RunningProcess {
    return this.#spawn(process.execPath, [join(root, 'dist/client.js'), ...args], env);
  }

  async close(): Promise<void> {
    await this.#commands?.close();
    for (const running of [...this.#running].reverse()) await running.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(
    command: string,
    args: readonly string[],
    env: Record<string, string | undefined> = {},
  ): RunningProcess {
    const child = spawn(command, args, {
      cwd: this.folder,
      env: { ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      output += chunk.toString('utf8');
    });
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const running: RunningProcess = {
      child,
      ended,
      stderr: () => text,
      stdout: () => output,
      end: async (signal = 'SIGTERM') => {
        if (child.exitCode === null && child.signalCode === null) child.kill(signal);
        await ended;
      },
    };
    this.#running.add(running);
    void ended.then(() => this.#running.delete(running));
    return running;
  }
}

/** Waits for a condition; the time bounds a hang only. */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  maxMs = 180_000,
): Promise<void> {
  const deadline = performance.now() + maxMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
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
