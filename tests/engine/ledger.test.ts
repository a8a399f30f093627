import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { summariseTasks, type RunRecord, type TaskRecord } from '../../core/run/ledger.js';
import { openOpsStore, type OpsStore } from '../../ops/store.js';
import { TestProject, waitUntil, type RunningProcess } from '../helpers/project.js';
import { runOf } from '../ops/records.js';
import { daily, etl, gated, rowSchema, verdicts } from './dag-files.js';

const logging = `
import { defineDag } from 'millrace';
export default defineDag({
  id: 'talking', schedule: 'manual', params: { who: 'nobody' },
  tasks: ({ task, extract, validate, load }) => {
    const raw = extract('pull', { read: 'full', from: async function* ({ log }) {
      log.info('reading by hand');
      yield { id: 'a', value: 1, at: '2026-01-01T00:00:00Z' };
      yield { id: 'b', value: -1, at: '2026-01-01T00:00:00Z' };
    } });
    const stored = load('store', validate('check', raw, { schema: 'row.v1', quarantineOver: 0.9 }), { into: 'talk', key: ['id'], version: ['at'], disposition: 'merge' });
    task('say', { after: [stored], retries: 1, retryDelay: '10ms', run: async ({ log, attempt, params }) => {
      log.warn('hello ' + params.who, { attempt });
      if (attempt === 1) throw new Error('once');
    } });
    task('flood', { run: async ({ log }) => {
      for (let n = 0; n < 1200; n += 1) log.info('line ' + n);
      log.error('x'.repeat(5000), { big: 'y'.repeat(5000) });
    } });
  },
});`;

const mortal = `
import { defineDag } from 'millrace';
export default defineDag({
  id: 'mortal', schedule: 'manual',
  tasks: ({ task }) => { task('work', { timeout: '3s', retryDelay: '10ms', run: async () => ({}) }); },
});`;

let project: TestProject;
let worker: RunningProcess;
let store: OpsStore;

const path = () => join(project.folder, '.millrace', 'ops.db');

beforeAll(async () => {
  project = await TestProject.create({
    'etl.ts': etl(daily),
    'verdicts.ts': verdicts,
    'gated.ts': gated('gated'),
    'talking.ts': logging,
    'mortal.ts': mortal,
  });
  project.write('schemas/row.v1.schema.json', rowSchema);
  await project.startTemporal();
  await project.json('deploy');
  worker = await project.startWorker();
  store = await openOpsStore({ path: path() });
}, 240_000);

afterAll(() => store.close());

async function temporal<Result>(use: (client: Client) => Promise<Result>): Promise<Result> {
  const connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

/** Runs a DAG to its end and returns what the ledger then has of it. */
async function recorded(dagId: string, ...args: string[]): Promise<{ run: RunRecord; tasks: TaskRecord[] }> {
  const outcome = await project.run('dag', 'trigger', dagId, '--wait', '--json', ...args);
  const { workflowId } = JSON.parse(outcome.stdout) as { workflowId: string };
  return ended(workflowId);
}

async function ended(workflowId: string): Promise<{ run: RunRecord; tasks: TaskRecord[] }> {
  let run: RunRecord | undefined;
  await waitUntil(`the end of ${workflowId} is recorded`, async () => {
    run = await store.ledger.getRun(workflowId);
    return run?.endedAt !== undefined;
  });
  return { run: run!, tasks: await store.ledger.listTasks([run!]) };
}

const statesOf = (tasks: readonly TaskRecord[]) =>
  Object.fromEntries(
    summariseTasks(tasks).map(({ taskId, state, tries }) => [taskId, `${state} ${String(tries.length)}`]),
  );

test('a run is recorded with its interval, counts and times, and each task with its try', async () => {
  const { run, tasks } = await recorded('etl', '--from', '2026-02-01', '--to', '2026-02-02');
  expect(run).toMatchObject({
    dagId: 'etl',
    runType: 'manual',
    state: 'success',
    interval: { start: '2026-02-01T00:00:00.000Z', end: '2026-02-02T00:00:00.000Z' },
    counts: { extracted: 3, loaded: 3 },
    params: {},
  });
  expect(run.startedAt <= run.endedAt!).toBe(true);
  expect(statesOf(tasks)).toEqual({ pull: 'success 1', check: 'success 1', store: 'success 1' });
  for (const task of tasks) {
    expect(task).toMatchObject({ state: 'success', worker: expect.stringMatching(/^\d+@/) });
    expect(task.startedAt! <= task.endedAt!).toBe(true);
  }
  expect(tasks.find(({ taskId }) => taskId === 'store')?.counts).toMatchObject({ loaded: 3 });
});

test('every try is kept, with its error', async () => {
  const { tasks } = await recorded('flaky');
  expect(statesOf(tasks)).toEqual({ count: 'success 3', use: 'success 1' });
  expect(
    tasks
      .filter(({ taskId }) => taskId === 'count')
      .map(({ state, errorCode, errorMessage }) => [state, errorCode, errorMessage?.includes('not yet')]),
  ).toEqual([
    ['up_for_retry', 'TASK_ERROR', true],
    ['up_for_retry', 'TASK_ERROR', true],
    ['success', undefined, undefined],
  ]);
});

test('what no try tells is recorded too: skipped, upstream failed, and the failure of a run', async () => {
  expect(statesOf((await recorded('skipping')).tasks)).toEqual({
    good: 'success 1',
    alarm: 'skipped 0',
    report: 'skipped 0',
    end: 'success 1',
  });
  const { run, tasks } = await recorded('broken');
  expect(run.state).toBe('failed');
  expect(statesOf(tasks)).toEqual({ bad: 'failed 1', after: 'upstream_failed 0' });
  expect(summariseTasks(tasks)[0]?.errorMessage ?? summariseTasks(tasks)[1]?.errorMessage).toBeDefined();
});

describe('log lines', () => {
  const lines = async (run: RunRecord, taskId: string) =>
    store.ledger.logsOf({ ...run, taskId, mapIndex: -1, limit: 5_000 });

  test('of functions, readers and stages are kept by try, bounded, and what is cut is said', async () => {
    const { run } = await recorded('talking', '--params', '{"who":"Ana"}');
    expect(
      (await lines(run, 'say')).map(({ tryNumber, level, message, fields }) => [
        tryNumber,
        level,
        message,
        fields,
      ]),
    ).toEqual([
      [1, 'warn', 'hello Ana', { attempt: 1 }],
      [1, 'error', expect.stringContaining('once'), undefined],
      [2, 'warn', 'hello Ana', { attempt: 2 }],
    ]);
    expect((await lines(run, 'pull')).map(({ message }) => message)).toEqual([
      'reading by hand',
      expect.stringMatching(/^read 2 records of function/),
    ]);
    expect(await lines(run, 'check')).toMatchObject([
      { level: 'warn', message: '1 records do not fit row.v1' },
    ]);
    expect(await lines(run, 'store')).toMatchObject([
      { message: 'committed to talk', fields: { counts: { loaded: 1 } } },
    ]);
    const flood = await lines(run, 'flood');
    expect(flood).toHaveLength(1_001);
    expect(flood.at(-1)?.message).toMatch(/^201 further lines are not kept/);
  });
});

test('a run that is cancelled is recorded as such, with the task that it stopped', async () => {
  const { workflowId } = await project.json<{ workflowId: string }>('dag', 'trigger', 'gated');
  await waitUntil('the task runs', async () => {
    const run = await store.ledger.getRun(workflowId);
    return run !== undefined && (await store.ledger.listTasks([run])).length > 0;
  });
  await temporal((client) => client.workflow.getHandle(workflowId).cancel());
  const { run, tasks } = await ended(workflowId);
  expect(run.state).toBe('cancelled');
  expect(statesOf(tasks)).toEqual({ wait: 'skipped 1', check: 'skipped 0', store: 'skipped 0' });
});

test('what nobody reports comes from Temporal: a run that was terminated, and one that it does not know', async () => {
  const { workflowId } = await project.json<{ workflowId: string }>(
    'dag',
    'trigger',
    'gated',
    '--name',
    'end',
  );
  await waitUntil('the task runs', async () => {
    const run = await store.ledger.getRun(workflowId);
    return run !== undefined && (await store.ledger.listTasks([run])).length > 0;
  });
  await temporal((client) => client.workflow.getHandle(workflowId).terminate('enough'));
  const unknown = runOf({ workflowId: 'forgotten', runId: randomUUID() });
  const old = runOf({ workflowId: 'old', state: 'success', endedAt: '2001-01-01T00:00:00.000Z' });
  await store.ledger.recordRuns([unknown, old]);
  await waitUntil('the list of runs has caught up', async () => {
    await project.json('run', 'sync');
    return (await store.ledger.getRun(workflowId))?.endedAt !== undefined;
  });
  expect(await store.ledger.getRun(workflowId)).toMatchObject({
    state: 'cancelled',
    note: 'terminated: enough',
  });
  expect(await store.ledger.getRun('forgotten')).toMatchObject({
    state: 'failed',
    note: expect.stringContaining('does not know this run'),
  });
  expect(await store.ledger.getRun('old')).toBeUndefined();
  await store.ledger.recordRuns([{ ...unknown, state: 'failed', endedAt: '2001-01-01T00:00:00.000Z' }]);
}, 240_000);

test('lines are followed until the run ends', async () => {
  const { workflowId } = await project.json<{ workflowId: string }>(
    'dag',
    'trigger',
    'gated',
    '--name',
    'tail',
  );
  await waitUntil('the run is recorded', async () => (await store.ledger.getRun(workflowId)) !== undefined);
  const follower = project.spawnProduct(['run', 'logs', workflowId, 'store', '--follow']);
  project.write('release', '');
  await follower.ended;
  expect(follower.child.exitCode).toBe(0);
  expect(follower.stderr()).toMatch(/INFO {2}try 1 {2}committed to gated/);
});

test('a try whose worker died is kept as lost, and the next one does the work', async () => {
  await worker.end();
  const dying = await project.startWorker('before-report');
  const { workflowId } = await project.json<{ workflowId: string }>('dag', 'trigger', 'mortal');
  await dying.ended;
  worker = await project.startWorker();
  const { run, tasks } = await ended(workflowId);
  expect(run.state).toBe('success');
  const [lost, done] = tasks;
  expect([lost, done].map((task) => [task?.tryNumber, task?.state])).toEqual([
    [1, expect.stringMatching(/up_for_retry|success/)],
    [2, 'success'],
  ]);
  expect(lost?.worker).not.toBe(done?.worker);
}, 240_000);

test('a ledger that was lost is read anew from Temporal: runs, states, tries and errors, but no log lines', async () => {
  const before = await snapshot();
  expect(before.length).toBeGreaterThan(5);
  await worker.end();
  await store.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(path() + suffix, { force: true });
  const report = await project.json<{ added: number; isComplete: boolean }>('run', 'sync');
  expect(report).toMatchObject({ added: before.length, isComplete: true });
  store = await openOpsStore({ path: path() });
  expect(await snapshot()).toEqual(before);
  expect(await project.json('run', 'sync')).toMatchObject({ added: 0, corrected: 0 });
}, 240_000);

/**
 * Everything of the ledger that Temporal remembers too. Of a try before the last but one it knows only that it was; a run
 * that is cancelled leaves its tries behind, and hands no counts back.
 */
async function snapshot(): Promise<unknown[]> {
  const runs = await store.ledger.listRuns({ limit: 100 });
  return Promise.all(
    runs.map(async ({ endedAt, counts, ...run }) => {
      const tasks = summariseTasks(await store.ledger.listTasks([run]));
      if (run.state === 'cancelled')
        return { ...run, tasks: tasks.map(({ taskId, state }) => ({ taskId, state })) };
      return {
        ...run,
        counts,
        hasEnded: endedAt !== undefined,
        tasks: tasks.map(({ tries, ...task }) => ({ ...task, tries: tries.map(remembered(tries.length)) })),
      };
    }),
  );
}

function remembered(count: number) {
  return ({ state, tryNumber, errorCode, errorMessage, counts, worker: identity }: TaskRecord) => ({
    ...{ state, tryNumber, counts },
    ...(tryNumber >= count - 1 ? { errorCode } : {}),
    // Of a worker that went away, the ledger knows that and Temporal the timeout.
    ...(tryNumber >= count - 1 && errorCode !== 'TASK_TIMEOUT' ? { errorMessage } : {}),
    ...(tryNumber === count ? { identity } : {}),
  });
}
