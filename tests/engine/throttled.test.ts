import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readExecution } from '../../activities/ledger/read-execution.js';
import type { TaskRecord } from '../../core/run/ledger.js';
import { openOpsStore, type OpsStore } from '../../ops/store.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { sideBySide } from '../helpers/side-by-side.js';
import { notes, statesOf, taskOf, triggerRun } from '../helpers/runs.js';

/** Each DAG reads a path of the server that has its name. */
const dags = `
import { appendFileSync } from 'node:fs';
import { defineDag, rest } from 'millrace';
const note = (text) => appendFileSync('notes.txt', text + '\\n');
const reads = (id, options) => defineDag({ id, schedule: 'manual', tasks: ({ extract }) => {
  extract('pull', { read: 'full', retryDelay: '20ms', maxRetryDelay: '50ms', ...options,
    from: rest({ connection: id, path: id }) });
} });
export const patient = reads('patient', { retries: 1 });
export const told = reads('told', { retries: 1, onRetry: async ({ error }) => note('told retry ' + error.code) });
export const late = reads('late', { deadline: '4s' });
export const waiting = reads('waiting', { retries: 0, retryDelay: '3s', maxRetryDelay: '3s' });
export const down = reads('down', { retries: 2 });
export const hanging = defineDag({ id: 'hanging', schedule: 'manual', tasks: ({ extract }) => {
  extract('pull', { read: 'full', retries: 1, retryDelay: '20ms', timeout: '2s', from: async function* ({ attempt }) {
    note('hanging ' + attempt);
    await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    yield {};
  } });
} });
`;

const times = (count: number, status: number): number[] => Array.from({ length: count }, () => status);

/** What the server answers, request by request; after that the last answer. A request is repeated at once twice at most. */
const scripts: Readonly<Record<string, readonly number[]>> = {
  patient: [...times(12, 429), ...times(3, 503), ...times(12, 429), 200],
  told: [...times(12, 429), ...times(3, 503), ...times(12, 429), 200],
  late: [429],
  waiting: [429],
  down: [503],
};
const asked = new Map<string, number>();

const server = createServer(({ url = '' }, response) => {
  const path = url.split('/').at(-1) ?? '';
  const count = asked.get(path) ?? 0;
  asked.set(path, count + 1);
  const script = scripts[path] ?? [404];
  const status = script[count] ?? script.at(-1) ?? 404;
  response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '0' }).end('[{"id":"a"}]');
});

let project: TestProject;
let store: OpsStore;
let begun: Readonly<Record<keyof typeof stories, Promise<void>>>;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  // A connection each, as a limit that one of them met holds for all that read through it.
  const connection = { connector: 'rest', baseUrl, allowPrivateNetwork: true };
  const connections = Object.fromEntries(Object.keys(scripts).map((name) => [name, connection]));
  project = await TestProject.create({ 'throttled.ts': dags }, { connections });
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
  store = await openOpsStore({ path: `${project.folder}/.millrace/ops.db` });
  begun = sideBySide(stories);
}, 240_000);

afterAll(async () => {
  await store.close();
  server.close();
});

/** The tries that the run ledger has of the task, once the run has ended there. */
async function triesOf(workflowId: string): Promise<TaskRecord[]> {
  await waitUntil(
    'the end is recorded',
    async () => (await store.ledger.getRun(workflowId))?.endedAt !== undefined,
  );
  const run = await store.ledger.getRun(workflowId);
  return (await store.ledger.listTasks([run!])).filter(({ tryNumber }) => tryNumber > 0);
}

const told = ({ tryNumber, state, errorCode }: TaskRecord) =>
  [tryNumber, state, errorCode ?? ''].join(' ').trim();

const counted = ['1 up_for_retry SOURCE_UNAVAILABLE', '2 success'];

const stories = {
  throttled: async () => {
    const run = await triggerRun(project, 'patient');
    expect(statesOf(run).state).toBe('success');
    expect(asked.get('patient')).toBe(28);
    expect((await triesOf(run.workflowId)).map(told)).toEqual(counted);
  },
  history: async () => {
    await waitUntil('a run is there', () => (asked.get('patient') ?? 0) >= 28);
    const connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
    try {
      const client = new Client({ connection });
      for await (const info of client.workflow.list({ query: `WorkflowType = "runDag"` })) {
        if (!info.workflowId.includes('patient')) continue;
        await client.workflow.getHandle(info.workflowId, info.runId).result();
        const ended = await client.workflow.getHandle(info.workflowId, info.runId).describe();
        const { tasks = [] } = await readExecution(client, ended);
        // Of a try but the last a history tells no more than that it was.
        expect(tasks.map(({ tryNumber, state }) => `${String(tryNumber)} ${state}`)).toEqual([
          '1 up_for_retry',
          '2 success',
        ]);
      }
    } finally {
      await connection.close();
    }
  },
  callback: async () => {
    const run = await triggerRun(project, 'told');
    expect(taskOf(run, 'pull')).toMatchObject({ state: 'success', attempts: 2 });
    expect(notes(project, 'told')).toEqual(['told retry SOURCE_UNAVAILABLE']);
    expect((await triesOf(run.workflowId)).map(told)).toEqual(counted);
  },
  deadline: async () => {
    const run = await triggerRun(project, 'late');
    const { state, error } = taskOf(run, 'pull');
    expect(state).toBe('failed');
    // The end may come while it waits, or while it asks.
    expect(['SOURCE_RATE_LIMITED', 'TASK_TIMEOUT']).toContain(error?.code);
    expect((await triesOf(run.workflowId)).map(({ tryNumber }) => tryNumber)).toEqual([1]);
  },
  waiting: async () => {
    const { workflowId } = await project.json<{ workflowId: string }>('dag', 'trigger', 'waiting');
    await waitUntil('the ledger has the wait', async () => {
      const run = await store.ledger.getRun(workflowId);
      if (run === undefined) return false;
      const [task] = await store.ledger.listTasks([run]);
      return (
        task !== undefined &&
        (asked.get('waiting') ?? 0) > 6 &&
        told(task) === '1 deferred SOURCE_RATE_LIMITED'
      );
    });
    await project.json('run', 'cancel', workflowId);
    expect((await triesOf(workflowId)).map(({ state }) => state)).toEqual(['skipped']);
  },
  down: async () => {
    const run = await triggerRun(project, 'down');
    expect(taskOf(run, 'pull')).toMatchObject({ state: 'failed', error: { code: 'SOURCE_UNAVAILABLE' } });
    expect((await triesOf(run.workflowId)).map(({ state }) => state)).toEqual([
      'up_for_retry',
      'up_for_retry',
      'failed',
    ]);
  },
  hanging: async () => {
    const run = await triggerRun(project, 'hanging');
    expect(taskOf(run, 'pull')).toMatchObject({ state: 'failed', error: { code: 'TASK_TIMEOUT' } });
    // A try may have ended before its function began.
    expect(['hanging 1', 'hanging 2']).toEqual(expect.arrayContaining(notes(project, 'hanging')));
  },
};

test('a try that the source throttles is none of the retries', () => begun.throttled);

test('the history tells the same tries as the ledger', () => begun.history);

test('nor is it where a callback hears of each retry', () => begun.callback);

test('the deadline of the task bounds the waits', () => begun.deadline);

test('while it waits, the ledger says for what', () => begun.waiting);

test('tries that fail otherwise are bounded by the retries', () => begun.down);

test('and so are tries that end without an answer', () => begun.hanging);
