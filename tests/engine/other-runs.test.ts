import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceClient, type BackfillOptions, type BackfillStatus } from 'millrace/client';
import { TestProject, waitUntil } from '../helpers/project.js';
import { notes } from '../helpers/runs.js';
import { otherRuns, waiting } from './feature-dags.js';

// Above every wait, so that a wait says what it waited for.
jest.setTimeout(240_000);

let project: TestProject;
let millrace: MillraceClient;

beforeAll(async () => {
  project = await TestProject.create({ 'other-runs.ts': otherRuns, 'waiting.ts': waiting });
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
  millrace = await MillraceClient.connect({ project: project.folder, env: project.env });
});

afterAll(async () => {
  await millrace.close();
});

/** Starts the runs of some days of March 2026, all at once. */
async function backfill(
  dagId: string,
  from: number,
  to: number,
  options: Partial<BackfillOptions> = {},
): Promise<string> {
  const at = (day: number) => `2026-03-${String(day).padStart(2, '0')}T00:00:00.000Z`;
  const started = await millrace.createBackfill(dagId, {
    from: at(from),
    to: at(to),
    reprocess: 'none',
    maxActiveRuns: 5,
    runBackwards: false,
    dryRun: false,
    wait: false,
    ...options,
  });
  return (started as BackfillStatus).id;
}

/** Waits for the end of a backfill. */
async function ended(id: string): Promise<BackfillStatus> {
  await waitUntil(
    `${id} ends`,
    async () => (await millrace.backfillStatus(id)).state === 'completed',
    240_000,
  );
  return millrace.backfillStatus(id);
}

/** States of the tasks of the run of a day, also of one that failed. */
async function statesOfDay(dagId: string, day: number): Promise<Record<string, string>> {
  const [run] = (await millrace.listRuns(dagId)).filter(({ workflowId }) =>
    workflowId.includes(`2026-03-${String(day + 1).padStart(2, '0')}`),
  );
  const { result } = await millrace.getRun(run?.workflowId ?? '');
  return Object.fromEntries(result?.tasks.map(({ taskId, state }) => [taskId, state]) ?? []);
}

const areRunning = (dagId: string, count: number) => () =>
  millrace.listRuns(dagId).then((runs) => runs.filter(({ status }) => status === 'running').length === count);

describe('the run of the previous interval', () => {
  test('dependsOnPast: a task waits for itself there, and the first run does not wait', async () => {
    const id = await backfill('chained', 1, 4);
    await waitUntil('all runs are under way', areRunning('chained', 3), 240_000);
    await waitUntil('the first works', () => notes(project, 'step').length === 1);
    project.write('step-2026-03-02', '');
    project.write('step-2026-03-03', '');
    project.write('step-2026-03-01', '');
    expect(await ended(id)).toMatchObject({ succeeded: 3 });
    expect(notes(project, 'step')).toEqual(['step 2026-03-01', 'step 2026-03-02', 'step 2026-03-03']);
  });

  test('waitForDownstream: also for what directly follows it there', async () => {
    const id = await backfill('followed', 1, 3);
    await waitUntil('the second task of the first day works', () => notes(project, 'second').length === 1);
    await waitUntil('both runs are under way', areRunning('followed', 2));
    project.write('second-2026-03-02', '');
    project.write('second-2026-03-01', '');
    expect(await ended(id)).toMatchObject({ succeeded: 2 });
    const lines = [...notes(project, 'first'), ...notes(project, 'second')].sort();
    expect(lines).toHaveLength(4);
    const all = notes(project).filter((line) => /^(first|second) /.test(line));
    expect(all).toEqual(['first 2026-03-01', 'second 2026-03-01', 'first 2026-03-02', 'second 2026-03-02']);
  });

  test('dependsOnPast of named tasks: what failed there holds this one back until it is made good', async () => {
    const id = await backfill('named', 1, 3);
    await waitUntil(
      'the first day is over',
      async () => (await millrace.backfillStatus(id)).failed === 1,
      240_000,
    );
    expect(notes(project, 'publish')).toEqual(['publish 2026-03-01']);
    project.write('mended', '');
    expect(await ended(await backfill('named', 1, 2, { reprocess: 'failed' }))).toMatchObject({
      succeeded: 1,
    });
    expect(await ended(id)).toMatchObject({ succeeded: 1, failed: 1 });
    expect(notes(project, 'publish')).toEqual([
      'publish 2026-03-01',
      'publish 2026-03-01',
      'publish 2026-03-02',
    ]);
  });
});

describe('the run of another DAG', () => {
  test('waitForDag waits for named tasks of the interval that lies executionDelta before', async () => {
    const reading = await backfill('reader', 11, 12);
    await waitUntil('it waits', areRunning('reader', 1));
    expect(notes(project, 'read')).toEqual([]);
    project.write('step-2026-03-10', '');
    expect(await ended(await backfill('chained', 10, 11))).toMatchObject({ succeeded: 1 });
    expect(await ended(reading)).toMatchObject({ succeeded: 1 });
    expect(notes(project, 'read')).toEqual(['read 2026-03-11']);
  });

  test('waitForDag fails where that run failed', async () => {
    rmSync(join(project.folder, 'mended'));
    await backfill('named', 1, 2, { reprocess: 'completed' }).then(ended);
    expect(await ended(await backfill('trusting', 1, 2))).toMatchObject({ failed: 1 });
    expect(await statesOfDay('trusting', 1)).toEqual({ whole: 'failed', use: 'upstream_failed' });
  });
});

test('latestOnly skips what follows it where the interval is not the newest', async () => {
  expect(await ended(await backfill('fresh-only', 1, 2))).toMatchObject({ succeeded: 1 });
  expect(await statesOfDay('fresh-only', 1)).toEqual({ latest: 'success', mail: 'skipped', load: 'success' });
});

describe('an approval', () => {
  test('is given through the typed client, once', async () => {
    const run = await millrace.triggerRun('asked', { name: 'typed' });
    await waitUntil('the task asks', async () => (await millrace.listApprovals('asked')).length === 1);
    const [pending] = await millrace.listApprovals('asked');
    expect(pending).toEqual({
      dagId: 'asked',
      workflowId: run.workflowId,
      taskId: 'release',
      subject: 'Send the campaign?',
    });
    await millrace.decide(run.workflowId, { taskId: 'release', decision: 'approved', by: 'ann' });
    expect((await run.result()).state).toBe('success');
    expect(notes(project, 'sent')).toEqual(['sent by ann']);
    await expect(
      millrace.decide(run.workflowId, { taskId: 'release', decision: 'rejected', by: 'bob' }),
    ).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });

  test('is given by a Temporal signal, with the same result; a run that waits replays', async () => {
    const run = await millrace.triggerRun('asked', { name: 'signalled' });
    await waitUntil('the task asks', async () => (await millrace.listApprovals('asked')).length === 1);
    const replayed = await project.json<{ outcomes: { name: string; isCompatible: boolean }[] }>(
      ...['replay', '--running', '--dag', 'asked'],
    );
    expect(replayed.outcomes).toEqual([{ name: run.workflowId, isCompatible: true }]);
    await millrace.temporal.workflow
      .getHandle(run.workflowId)
      .signal('decide', { taskId: 'release', decision: 'approved', by: 'cleo' });
    expect((await run.result()).state).toBe('success');
    expect(notes(project, 'sent')).toEqual(['sent by ann', 'sent by cleo']);
  });
});

test('a run of another DAG with params that do not fit is not started', async () => {
  const before = (await millrace.listRuns('child')).length;
  const run = await millrace.triggerRun('careless');
  await run.result().catch(() => undefined);
  const [task] = (await millrace.getRun(run.workflowId)).result?.tasks ?? [];
  expect(task).toMatchObject({ state: 'failed', error: { code: 'PARAMS_INVALID' } });
  expect(task?.error?.message).toContain('other');
  expect(await millrace.listRuns('child')).toHaveLength(before);
});

test('a name of a run that is under way joins that run', async () => {
  const first = await millrace.triggerRun('asked', { name: 'joined' });
  const second = await millrace.triggerRun('asked', { name: 'joined' });
  expect(second.workflowId).toBe(first.workflowId);
  await waitUntil('the task asks', async () => (await millrace.listApprovals('asked')).length === 1);
  await millrace.temporal.workflow
    .getHandle(first.workflowId)
    .signal('decide', { taskId: 'release', decision: 'perhaps', by: 'cleo' });
  await millrace.decide(first.workflowId, { taskId: 'release', decision: 'approved', by: 'ann' });
  const results = await Promise.all([first.result(), second.result()]);
  expect(results[1]).toEqual(results[0]);
});

test('a backfill backwards is refused where tasks depend on the run before', async () => {
  await expect(backfill('chained', 20, 22, { runBackwards: true })).rejects.toMatchObject({ code: 'USAGE' });
});

test('the typed client refuses params that do not fit, and names runs', async () => {
  await expect(millrace.triggerRun('child', { params: { size: 0 } })).rejects.toMatchObject({
    code: 'PARAMS_INVALID',
  });
  const first = await millrace.triggerRun('child', { name: 'one', params: { size: 2 } });
  await first.result();
  expect(await millrace.getRun(first.workflowId)).toMatchObject({
    dagId: 'child',
    status: 'completed',
    result: { state: 'success' },
  });
  expect((await millrace.listDags()).map(({ dagId }) => dagId)).toContain('child');
});
