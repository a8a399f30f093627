import { beforeAll, describe, expect, test } from '@jest/globals';
import { TestProject, waitUntil } from '../helpers/project.js';
import { notes, statesOf, taskOf, triggerRun } from '../helpers/runs.js';
import { lifecycles } from './feature-dags.js';

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({ 'lifecycles.ts': lifecycles });
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

describe('setup and teardown', () => {
  test('a teardown runs after a failure, and does not make the run a success or a failure', async () => {
    const run = await triggerRun(project, 'cleaned');
    expect(statesOf(run)).toEqual({
      state: 'failed',
      tasks: { create: 'success', work: 'failed', later: 'upstream_failed', drop: 'success' },
    });
    expect(notes(project, 'cleaned')).toEqual(['cleaned create', 'cleaned drop']);
  });

  test('without its setup nothing runs, whatever the trigger rules of the tasks after it', async () => {
    expect(statesOf(await triggerRun(project, 'unprepared')).tasks).toEqual({
      create: 'failed',
      work: 'upstream_failed',
      deep: 'upstream_failed',
      drop: 'upstream_failed',
    });
  });

  test('a teardown runs also when the run is cancelled', async () => {
    const { workflowId } = await project.json<{ workflowId: string }>(
      'dag',
      'trigger',
      'cancelled',
      '--name',
      'one',
    );
    await waitUntil('the work runs', () => notes(project, 'cancelled work').length > 0);
    await project.json('run', 'cancel', workflowId);
    await waitUntil('the teardown has run', () => notes(project, 'cancelled drop').length > 0);
    await waitUntil('the run is cancelled', async () => {
      const { runs } = await project.json<{ runs: { status: string }[] }>('dag', 'runs', 'cancelled');
      return runs[0]?.status === 'cancelled';
    });
    expect(notes(project, 'cancelled')).toEqual(['cancelled create', 'cancelled work', 'cancelled drop']);
  });
});

test('a run that takes longer than its dagrunTimeout fails: what has not ended is skipped, teardowns run', async () => {
  const run = await triggerRun(project, 'too-long');
  expect(statesOf(run)).toEqual({
    state: 'failed',
    tasks: { create: 'success', quick: 'success', work: 'skipped', never: 'skipped', drop: 'success' },
  });
  expect(notes(project, 'too-long')).toEqual(['too-long drop', 'too-long run RUN_TIMEOUT']);
});

test('the waits between tries grow, less their jitter, as the default arguments of the DAG say', async () => {
  expect(statesOf(await triggerRun(project, 'backing-off')).state).toBe('success');
  const times = notes(project, 'backing').map((line) => Number(line.split(' ')[1]));
  const waits = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  expect(waits).toHaveLength(3);
  // At least three quarters of 200, 400 and 800 ms.
  expect(waits.every((wait, at) => wait >= 150 * 2 ** at)).toBe(true);
});

test('a try that takes longer than its timeout fails, and the next one begins', async () => {
  const run = await triggerRun(project, 'late-tries');
  expect(taskOf(run, 'slow')).toMatchObject({ state: 'failed', error: { code: 'TASK_TIMEOUT' } });
  expect(notes(project, 'late try')).toHaveLength(2);
});

test('maxActiveTasks bounds the tasks of a run that work at once', async () => {
  expect(statesOf(await triggerRun(project, 'narrow')).state).toBe('success');
  const steps = notes(project, 'narrow').map((line) => Number(line.split(' ')[1]));
  expect(steps).toHaveLength(12);
  const atOnce = steps.map((_step, at) => steps.slice(0, at + 1).reduce((sum, step) => sum + step, 0));
  expect(Math.max(...atOnce)).toBe(2);
});

test('with failOn any, a failed task fails the run though its leaves succeeded', async () => {
  expect(statesOf(await triggerRun(project, 'strict'))).toEqual({
    state: 'failed',
    tasks: { first: 'failed', tidy: 'success' },
  });
});

test('with failFast, the first failure skips what has not started', async () => {
  expect(statesOf(await triggerRun(project, 'fail-fast')).tasks).toEqual({
    first: 'failed',
    slow: 'success',
    'after-slow': 'skipped',
    'after-first': 'skipped',
  });
});

test('with failFast, what only waits for its place is skipped too', async () => {
  expect(statesOf(await triggerRun(project, 'fast-narrow'))).toEqual({
    state: 'failed',
    tasks: { first: 'failed', second: 'skipped', third: 'skipped' },
  });
  expect(notes(project, 'fast-narrow')).toEqual([]);
});

test('callbacks are called for success, failure, retry, skip and deadline, of tasks and of the run', async () => {
  const run = await triggerRun(project, 'told');
  expect(statesOf(run)).toEqual({
    state: 'failed',
    tasks: { flaky: 'success', skips: 'skipped', fails: 'failed', slow: 'success', 'after-skips': 'skipped' },
  });
  expect(taskOf(run, 'flaky').attempts).toBe(3);
  expect(notes(project, 'told').sort()).toEqual([
    'told fails failure TASK_FAILED',
    'told flaky retry TASK_ERROR',
    'told flaky retry TASK_ERROR',
    'told flaky success',
    'told run deadline',
    'told run failure RUN_FAILED',
    'told skips skipped',
    'told slow deadline',
  ]);
});

test('the deadline of a task bounds all its tries together, also where each is told of', async () => {
  const run = await triggerRun(project, 'hurried');
  expect(taskOf(run, 'often').state).toBe('failed');
  expect(notes(project, 'hurried').length).toBeLessThanOrEqual(10);
});

test('the next try comes when the task asked for it', async () => {
  await triggerRun(project, 'patient');
  const times = notes(project, 'patient').map((line) => Number(line.split(' ')[2]));
  expect(times).toHaveLength(2);
  const waitedMs = times[1]! - times[0]!;
  expect(waitedMs).toBeGreaterThanOrEqual(690);
  expect(waitedMs).toBeLessThan(30_000);
});

test('short tasks run one after another inside one workflow task', async () => {
  const run = await triggerRun(project, 'quick');
  expect(run.result.state).toBe('success');
  expect(run.result.tasks).toHaveLength(20);
  const events = await project.history(run.workflowId);
  expect(events.filter((type) => type === 'EVENT_TYPE_MARKER_RECORDED')).toHaveLength(20);
  expect(events.filter((type) => type === 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED')).toEqual([]);
  expect(events.filter((type) => type === 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED')).toHaveLength(1);
});
