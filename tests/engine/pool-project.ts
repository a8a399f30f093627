import { afterAll } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import type { PoolView } from '../../core/pools/pool-state.js';
import type { BackfillProgress } from '../../workflows/messages.js';
import { TestProject, waitUntil, type RunningProcess } from '../helpers/project.js';

/** Functions of the DAG files below: each writes a line when it starts and when it ends, to one file of all workers. */
const helpers = `
import { appendFileSync, existsSync } from 'node:fs';
import { defineDag } from 'millrace';
const note = (...words) => appendFileSync('trace.txt', words.join(' ') + '\\n');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const work = (ms = 250, slots = 1) => async ({ dagId, workflowId, taskId }) => {
  note('start', dagId, workflowId, taskId, process.pid, slots);
  await pause(ms);
  note('end', dagId, workflowId, taskId, process.pid, slots);
};
const gated = (file, ms = 0) => async ({ dagId, workflowId, taskId, signal }) => {
  note('start', dagId, workflowId, taskId, process.pid, 1);
  while (!existsSync(file) && !signal.aborted) await pause(20);
  if (signal.aborted) throw new Error('stopped');
  await pause(ms);
  note('end', dagId, workflowId, taskId, process.pid, 1);
};
const daily = { cron: '0 0 * * *', timezone: 'UTC', catchup: false };
const retries = { retries: 50, retryDelay: '100ms', maxRetryDelay: '500ms' };
`;

const connections: Connection[] = [];

afterAll(async () => {
  for (const connection of connections) await connection.close();
});

/** A DAG file: the helpers, and this text. */
export const dagFile = (text: string): string => `${helpers}${text}`;

/** `count` tasks that need nothing of one another. */
export const independent = (
  id: string,
  count: number,
  options: string,
  body = 'work()',
  extra = '',
): string =>
  `export const ${id} = defineDag({ id: '${id}', schedule: daily, ${extra} tasks: ({ task }) => {
  for (let n = 0; n < ${String(count)}; n += 1) task('t' + n, { ...retries, ${options}, run: ${body} });
} });\n`;

export interface TraceLine {
  readonly what: 'start' | 'end' | 'killed';
  readonly dagId: string;
  readonly workflowId: string;
  readonly taskId: string;
  readonly pid: number;
  readonly slots: number;
}

/** What is under way after each line, in the order in which the lines were written. */
function* underWay(lines: readonly TraceLine[]): Generator<readonly TraceLine[]> {
  const open = new Map<string, TraceLine>();
  for (const line of lines) {
    const key = `${line.workflowId} ${line.taskId}`;
    if (line.what === 'start') open.set(key, line);
    else if (line.what === 'end') open.delete(key);
    else for (const [other, { pid }] of open) if (pid === line.pid) open.delete(other);
    yield [...open.values()];
  }
}

/** The most slots that were used at one time. */
export function mostAtOnce(lines: readonly TraceLine[]): number {
  const used = [...underWay(lines)].map((open) => open.reduce((sum, { slots }) => sum + slots, 0));
  return Math.max(0, ...used);
}

/** What a process is doing now. */
export function doneBy(lines: readonly TraceLine[], pid: number | undefined): readonly TraceLine[] {
  return ([...underWay(lines)].at(-1) ?? []).filter((line) => line.pid === pid);
}

/** A project whose DAGs share pools, with as many workers as wanted. */
export class PoolProject {
  readonly project: TestProject;
  readonly temporal: Client;

  private constructor(project: TestProject, temporal: Client) {
    this.project = project;
    this.temporal = temporal;
  }

  static async create(dags: Readonly<Record<string, string>>, settings: object): Promise<PoolProject> {
    const project = await TestProject.create(dags, settings);
    await project.startTemporal();
    const connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
    connections.push(connection);
    return new PoolProject(project, new Client({ connection }));
  }

  startWorker(name: string): Promise<RunningProcess> {
    return this.project.startWorker(undefined, { MILLRACE_WAREHOUSE_PATH: `${name}.duckdb` });
  }

  /** Starts `runs` runs of a DAG at once. */
  async start(dag: string, runs: number): Promise<string> {
    const to = new Date(Date.UTC(2026, 0, 1 + runs)).toISOString().slice(0, 10);
    const args = ['create', dag, '--from', '2026-01-01', '--to', to, '--max-active-runs', String(runs)];
    return (await this.project.json<{ id: string }>('backfill', ...args)).id;
  }

  /** What a workflow returned. It asks again and again: a call that waits would outlive a test that fails. */
  async result(workflowId: string, maxMs = 120_000): Promise<unknown> {
    const handle = this.temporal.workflow.getHandle(workflowId);
    await waitUntil(
      `${workflowId} ends`,
      async () => (await handle.describe()).status.name !== 'RUNNING',
      maxMs,
    );
    return handle.result();
  }

  /** Waits until all runs of `start` have succeeded. */
  async succeeded(backfill: string, runs: number, maxMs?: number): Promise<void> {
    const { succeeded } = (await this.result(backfill, maxMs)) as BackfillProgress;
    if (succeeded !== runs) throw new Error(`${String(succeeded)} of ${String(runs)} runs succeeded`);
  }

  pool(name: string): Promise<PoolView> {
    return this.temporal.workflow.getHandle(`millrace.pool.${name}`).query<PoolView>('pool');
  }

  /** Workflow ids of those who gave back or withdrew, from the history of a coordinator. */
  async releasesOf(pool: string): Promise<string[]> {
    const { events } = await this.temporal.workflow.getHandle(`millrace.pool.${pool}`).fetchHistory();
    return (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
      const data = signal?.signalName === 'releaseSlot' ? signal.input?.payloads?.[0]?.data : undefined;
      if (data === undefined || data === null) return [];
      return [(JSON.parse(Buffer.from(data).toString()) as { workflowId: string }).workflowId];
    });
  }

  async waitForPool(what: string, name: string, condition: (view: PoolView) => boolean): Promise<void> {
    await waitUntil(what, async () => condition(await this.pool(name)), 120_000);
  }

  trace(dagIds: readonly string[]): TraceLine[] {
    return this.project
      .read('trace.txt')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [what, dagId = '', workflowId = '', taskId = '', pid, slots] = line.split(' ');
        return {
          what: what as TraceLine['what'],
          dagId,
          workflowId,
          taskId,
          pid: Number(pid),
          slots: Number(slots),
        };
      })
      .filter(({ what, dagId }) => what === 'killed' || dagIds.includes(dagId));
  }
}
