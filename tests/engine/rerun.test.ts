import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { cancelRuns, retryRuns } from '../../client/bulk-runs.js';
import { clearRuns, retryRun, type ClearedRun } from '../../client/clear-runs.js';
import { triggerRun } from '../../client/runs.js';
import type { RunResult } from '../../core/run/run-result.js';
import { waitUntil, type RunningProcess, type TestProject } from '../helpers/project.js';
import { notes } from '../helpers/runs.js';
import { startRerunProject } from './rerun-project.js';

let project: TestProject;
let client: Client;
let worker: RunningProcess;
const by = { by: 'tester', taskQueue: 'millrace', latest: false, dryRun: false };
const plain = { upstream: false, downstream: false, onlyFailed: false };
const here = { ...plain, past: false, future: false, recursive: false };

beforeAll(async () => {
  ({ project, worker, client } = await startRerunProject());
}, 240_000);

afterAll(async () => {
  await client.connection.close();
});

const forget = (): void => {
  project.write('notes.txt', '');
};
const breakIt = (): void => {
  project.write('broken', '');
};
const mend = (): void => {
  rmSync(join(project.folder, 'broken'), { force: true });
};
const dayOf = (n: number) => ({
  start: `2026-01-0${String(n)}T00:00:00.000Z`,
  end: `2026-01-0${String(n + 1)}T00:00:00.000Z`,
});

/** Starts the run of a day, waits for its end, whatever it is. */
async function run(dagId: string, day: number, name: string): Promise<string> {
  const started = await triggerRun(client, dagId, { taskQueue: 'millrace', interval: dayOf(day), name });
  await started.result().catch(() => undefined);
  return started.workflowId;
}

const result = async (workflowId: string): Promise<RunResult> =>
  (await client.workflow.getHandle(workflowId).result()) as RunResult;

interface Shown {
  readonly run: { readonly state: string; readonly triggeredBy?: string };
  readonly tasks: readonly {
    readonly taskId: string;
    readonly state: string;
    readonly tries: readonly { readonly tryNumber: number; readonly state: string }[];
  }[];
}

/** What `run show` prints of a run whose task failed twice and was retried. */
async function expectTries(id: string): Promise<void> {
  let shown: Shown | undefined;
  let fragile: Shown['tasks'][number] | undefined;
  // What is read from the histories comes one execution after another.
  await waitUntil('the ledger has the end of the run, and of the one before it', async () => {
    const { stdout } = await project.run('run', 'show', id, '--json');
    shown = stdout === '' ? undefined : (JSON.parse(stdout) as Shown);
    fragile = shown?.tasks.find(({ taskId }) => taskId === 'fragile');
    return shown?.run.state === 'success' && (fragile?.tries.length ?? 0) >= 3;
  });
  expect(shown?.run.triggeredBy).toBe('clear by tester');
  expect(fragile?.state).toBe('success');
  expect(fragile?.tries.map(({ tryNumber, state }) => `${String(tryNumber)} ${state}`)).toEqual([
    '1 up_for_retry',
    '2 failed',
    '3 success',
  ]);
  expect(shown?.tasks.find(({ taskId }) => taskId === 'store')?.state).toBe('success');
  expect(shown?.tasks.find(({ taskId }) => taskId === 'no')?.state).toBe('skipped');
}
const tasksOf = (runs: readonly ClearedRun[]) => runs.map(({ workflowId, taskIds }) => [workflowId, taskIds]);

test('a retry runs what failed, its setup and what comes after it; everything else keeps its state and result', async () => {
  breakIt();
  const id = await run('mixed', 1, 'retried');
  mend();
  forget();
  const retried = await retryRun(client, id, by);
  expect(retried).toMatchObject({ action: 'restarted', taskIds: ['create', 'fragile', 'drop', 'last'] });
  const { state, tasks, interval, counts } = await result(id);
  expect({ state, interval, counts }).toMatchObject({
    state: 'success',
    interval: dayOf(1),
    counts: { loaded: 1 },
  });
  expect(Object.fromEntries(tasks.map((task) => [task.taskId, task.state]))).toMatchObject({
    quick: 'success',
    no: 'skipped',
    sized: 'success',
    store: 'success',
    last: 'success',
  });
  // The short task's result, the mapped results and the branch's choice come from the former execution; two tries were made.
  expect(notes(project).sort()).toEqual(['create', 'drop', 'fragile 3', 'last 7 60']);
  expect(await retryRun(client, id, by)).toBeUndefined();
  await expectTries(id);
  // The ledger is lost: what is read from the histories counts the tries in the same way.
  await worker.end('SIGTERM');
  for (const end of ['', '-wal', '-shm'])
    rmSync(join(project.folder, `.millrace/ops.db${end}`), { force: true });
  worker = await project.startWorker();
  await expectTries(id);
}, 240_000);

test('clear takes what comes before, and leaves out what did well where only failed tasks are asked for', async () => {
  breakIt();
  const id = await run('mixed', 1, 'scoped');
  mend();
  forget();
  const upstream = { ...here, ...by, upstream: true };
  expect(await clearRuns(client, id, { ...upstream, tasks: ['check'] })).toMatchObject([
    { action: 'restarted', taskIds: ['pull', 'check'] },
  ]);
  await result(id).catch(() => undefined);
  expect(notes(project)).toEqual(['pull 2026-01-01']);
  forget();
  const failed = { ...upstream, tasks: ['last'], onlyFailed: true };
  expect(await clearRuns(client, id, failed)).toMatchObject([
    { action: 'restarted', taskIds: ['create', 'fragile', 'drop', 'last'] },
  ]);
  expect(await result(id)).toMatchObject({ state: 'success' });
  expect(notes(project).sort()).toEqual(['create', 'drop', 'fragile 3', 'last 7 60']);
}, 240_000);

test('a branch that is kept still skips what it did not choose; cleared, it chooses anew', async () => {
  const id = await run('mixed', 2, 'branched');
  forget();
  await clearRuns(client, id, { ...here, ...by, tasks: ['no', 'yes'] });
  expect((await result(id)).tasks.find(({ taskId }) => taskId === 'no')?.state).toBe('skipped');
  expect(notes(project)).toEqual(['yes']);
  forget();
  const cleared = await clearRuns(client, id, { ...here, ...by, tasks: ['pick'], downstream: true });
  await result(id);
  expect(cleared[0]?.taskIds).toEqual(['pick', 'yes', 'no', 'create', 'fragile', 'drop', 'last']);
  expect(notes(project, 'pick')).toHaveLength(1);
}, 240_000);

test('a load that runs again finds its marker and changes nothing; its upstream is not asked again', async () => {
  const id = await run('mixed', 3, 'loaded');
  const before = await project.rows('SELECT * FROM rows_of_mixed ORDER BY id');
  forget();
  const outcome = await project.run('run', 'clear', id, 'store', '--wait', '--json');
  expect(JSON.parse(outcome.stdout)).toMatchObject({ endedWell: true, runs: [{ taskIds: ['store'] }] });
  expect(notes(project)).toEqual([]);
  expect((await result(id)).tasks.find(({ taskId }) => taskId === 'store')).toMatchObject({
    state: 'success',
    loaded: { loaded: 0, unchanged: 1 },
  });
  expect(await project.rows('SELECT * FROM rows_of_mixed ORDER BY id')).toEqual(before);
  const unknown = await project.run('run', 'clear', id, 'nobody');
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('"nobody"') });
}, 240_000);

test('past, future and recursive reach other runs, oldest first; a dry run changes nothing', async () => {
  const ids: string[] = [];
  for (const day of [4, 5, 6]) ids.push(await run('mixed', day, `row${String(day)}`));
  const waiting = await triggerRun(client, 'waiting', {
    taskQueue: 'millrace',
    interval: dayOf(5),
    name: 'stopped',
  });
  await client.workflow.getHandle(waiting.workflowId).terminate('the test ends it');
  const options = { ...here, ...by, tasks: ['yes'], future: true, past: true, recursive: true, dryRun: true };
  forget();
  let planned: ClearedRun[] = [];
  await waitUntil('the list of runs has caught up', async () => {
    planned = await clearRuns(client, ids[1]!, options);
    const found = new Set(planned.map(({ workflowId }) => workflowId));
    return [...ids, waiting.workflowId].every((id) => found.has(id));
  });
  const days = planned.filter((one) => one.dagId === 'mixed').map((one) => one.interval!.start);
  expect(days).toEqual([...days].sort());
  expect(planned.every((one) => one.action === 'planned')).toBe(true);
  expect(notes(project)).toEqual([]);
  expect(planned.at(-1)).toMatchObject({ dagId: 'waiting', taskIds: ['seen', 'after'] });
  forget();
  const future = await clearRuns(client, ids[1]!, { ...here, ...by, tasks: ['yes'], future: true });
  expect(tasksOf(future)).toEqual([
    [ids[1], ['yes']],
    [ids[2], ['yes']],
  ]);
  await Promise.all(ids.map((id) => result(id)));
  expect(notes(project)).toEqual(['yes', 'yes']);
  forget();
  const recursive = await clearRuns(client, ids[1]!, { ...here, ...by, tasks: ['yes'], recursive: true });
  expect(tasksOf(recursive)).toEqual([
    [ids[1], ['yes']],
    [waiting.workflowId, ['seen', 'after']],
  ]);
  await result(ids[1]!);
  expect(notes(project)).toEqual(['yes']);
  // Its sensor looks for a scheduled run, of which there is none here: it has gone on, and waits.
  const handle = client.workflow.getHandle(waiting.workflowId);
  expect((await handle.describe()).status.name).toBe('RUNNING');
  await handle.terminate('the test ends it');
}, 240_000);

test('a run under way clears what has ended; a cancelled one goes on where it was cut short', async () => {
  const started = await triggerRun(client, 'held', {
    taskQueue: 'millrace',
    interval: dayOf(1),
    name: 'held',
  });
  const id = started.workflowId;
  await waitUntil('the first task has ended', () => notes(project, 'first').length > 0);
  await waitUntil('the second runs', async () => {
    const states = await client.workflow.getHandle(id).query<Record<string, string>>('states');
    return states['second'] === 'running';
  });
  const cleared = await clearRuns(client, id, { ...here, ...by, tasks: [] });
  expect(cleared).toMatchObject([{ action: 'cleared', taskIds: ['first'] }]);
  await waitUntil('it ran again', () => notes(project, 'first').length > 1);
  await waitUntil('the list knows it', async () => {
    const options = { filter: { dagId: 'held', state: 'running' as const }, dryRun: true };
    return (await cancelRuns(client, options)).length === 1;
  });
  const cancel = await project.run('dag', 'cancel', 'held', '--json');
  expect(cancel).toMatchObject({ code: 2, stdout: expect.stringContaining('planned') });
  expect(await project.json('dag', 'cancel', 'held', '--yes')).toMatchObject({
    runs: [{ workflowId: id, action: 'cancel-requested' }],
  });
  await started.result().catch(() => undefined);
  project.write('release', '');
  forget();
  expect(await retryRun(client, id, by)).toMatchObject({ taskIds: ['second'] });
  expect(await result(id)).toMatchObject({ state: 'success' });
  expect(notes(project)).toEqual([]);
}, 240_000);

test('many failed runs are retried by a filter, once each', async () => {
  breakIt();
  const ids = [await run('mixed', 7, 'bulk7'), await run('mixed', 8, 'bulk8')];
  mend();
  const filter = { dagId: 'mixed', state: 'failed' as const, type: 'manual' as const };
  await waitUntil(
    'the list has both',
    async () => (await retryRuns(client, { ...by, filter, dryRun: true })).length === 2,
  );
  expect(await retryRuns(client, { ...by, filter })).toMatchObject(
    ids.map((workflowId) => ({ workflowId, action: 'retried' })),
  );
  for (const id of ids) expect(await result(id)).toMatchObject({ state: 'success' });
  expect(await retryRuns(client, { ...by, filter })).toEqual([]);
}, 240_000);
