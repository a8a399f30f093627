import { beforeAll, describe, expect, test } from '@jest/globals';
import { TestProject, waitUntil } from '../helpers/project.js';
import { notes, statesOf, taskOf, triggerRun } from '../helpers/runs.js';
import { waiting } from './feature-dags.js';

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({ 'waiting.ts': waiting });
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

describe('sensors', () => {
  test('wait without a slot and hand on what they found; one that may give up is skipped', async () => {
    const running = triggerRun(project, 'sensed');
    await waitUntil('the sensor has looked three times', () => notes(project, 'look').length >= 3);
    project.write('arrived', '');
    const run = await running;
    expect(statesOf(run)).toEqual({
      state: 'success',
      tasks: { file: 'success', use: 'success', never: 'skipped', 'after-never': 'skipped' },
    });
    expect(notes(project, 'use')).toEqual(['use here']);
    const events = await project.history(run.workflowId);
    expect(events.filter((type) => type === 'EVENT_TYPE_ACTIVITY_TASK_STARTED').length).toBeLessThan(6);
  });

  test('fail after their time, or when looking itself fails too often', async () => {
    const run = await triggerRun(project, 'impatient');
    expect(taskOf(run, 'late').error?.code).toBe('TASK_TIMEOUT');
    expect(taskOf(run, 'broken').error).toMatchObject({ code: 'TASK_FAILED' });
    expect(notes(project, 'broken look')).toHaveLength(3);
  });
});

test('a person approves through the command line; who does not answer in time lets it be skipped', async () => {
  const { workflowId } = await project.json<{ workflowId: string }>(
    'dag',
    'trigger',
    'asked',
    '--name',
    'ask',
  );
  await waitUntil('the task asks', async () => {
    const { approvals } = await project.json<{ approvals: { taskId: string }[] }>(
      'approval',
      'list',
      'asked',
    );
    return approvals.some(({ taskId }) => taskId === 'release');
  });
  const wrong = await project.run('approval', 'approve', workflowId, 'send', '--by', 'ann');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('no approval task');
  await project.json('approval', 'approve', workflowId, 'release', '--by', 'ann', '--comment', 'go on');
  await waitUntil('the run ends', () => notes(project, 'sent').length > 0);
  expect(notes(project, 'sent')).toEqual(['sent by ann']);
  const again = await project.run('approval', 'reject', workflowId, 'release', '--by', 'bob', '--json');
  expect(again.code).not.toBe(0);
});

test('a rejection fails the task and says who rejected', async () => {
  const running = triggerRun(project, 'asked', undefined, '--name', 'refuse');
  const workflowId = 'millrace.manual.asked-refuse';
  await waitUntil('the task asks', async () => {
    const { approvals } = await project.json<{ approvals: { workflowId: string }[] }>(
      'approval',
      'list',
      'asked',
    );
    return approvals.some((approval) => approval.workflowId === workflowId);
  });
  await project.json('approval', 'reject', workflowId, 'release', '--by', 'bob', '--comment', 'too early');
  const run = await running;
  expect(statesOf(run).tasks).toEqual({
    release: 'failed',
    send: 'upstream_failed',
    quiet: 'skipped',
    'after-quiet': 'skipped',
  });
  expect(taskOf(run, 'release').error).toMatchObject({ code: 'APPROVAL_REFUSED' });
  expect(taskOf(run, 'release').error?.message).toContain('bob: too early');
});

test('a run starts another DAG with params and waits for it', async () => {
  const run = await triggerRun(project, 'parent');
  expect(statesOf(run).state).toBe('success');
  expect(notes(project, 'child')).toEqual(['child x 3', 'child was run']);
});

test('a run that failed is started anew as often as the task that started it has retries', async () => {
  const run = await triggerRun(project, 'insistent');
  expect(statesOf(run).tasks).toEqual({ flaky: 'success', hopeless: 'failed', single: 'failed' });
  expect(notes(project, 'flaky')).toHaveLength(3);
  expect(notes(project, 'once more')).toHaveLength(2);
  expect(notes(project, 'hopeless')).toHaveLength(3);
});

test('params that do not fit the schema are refused before anything starts, all at once', async () => {
  const outcome = await project.run('dag', 'trigger', 'child', '--params', '{"size":0,"nam":"x"}');
  expect(outcome.code).not.toBe(0);
  expect(outcome.stderr).toContain('size');
  expect(outcome.stderr).toContain('nam');
  const { runs } = await project.json<{ runs: unknown[] }>('dag', 'runs', 'child');
  expect(runs.length).toBeLessThanOrEqual(1);
});

test('timers wait, and a manual run is the latest', async () => {
  expect(statesOf(await triggerRun(project, 'timed'))).toEqual({
    state: 'success',
    tasks: { soon: 'success', after: 'success', latest: 'success', newest: 'success' },
  });
});
