import { beforeAll, expect, test } from '@jest/globals';
import { TestProject } from '../helpers/project.js';
import { statesOf, taskOf, triggerRun } from '../helpers/runs.js';
import { rowSchema } from './dag-files.js';
import { mapping } from './feature-dags.js';

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({ 'mapping.ts': mapping });
  project.write('schemas/row.v1.schema.json', rowSchema);
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

/** What a task handed on, read from the history of its run. */
async function handedOn(workflowId: string, taskId: string): Promise<unknown> {
  return (await project.results(workflowId))[taskId];
}

test('a task runs once for each combination, in order, with what is the same for all', async () => {
  const run = await triggerRun(project, 'mapped');
  expect(statesOf(run).state).toBe('success');
  expect(taskOf(run, 'size').mapped).toEqual({
    total: 6,
    success: 6,
    failed: 0,
    upstreamFailed: 0,
    skipped: 0,
  });
  expect(await handedOn(run.workflowId, 'sum')).toEqual({
    count: 6,
    last: { file: 'f2', mode: 'b', at: 50 },
    total: 150,
  });
});

test('instances count one by one: the others go on, and their results reach what comes after', async () => {
  const run = await triggerRun(project, 'kwargs');
  expect(statesOf(run)).toEqual({
    state: 'failed',
    tasks: { each: 'failed', good: 'success', alarm: 'success', never: 'upstream_failed' },
  });
  expect(taskOf(run, 'each')).toMatchObject({
    mapped: { total: 3, success: 2, failed: 1 },
    mappedFailures: [{ mapIndex: 1, error: { code: 'TASK_FAILED' } }],
  });
  expect(await handedOn(run.workflowId, 'good')).toEqual([2, 30]);
});

test('a group runs as a whole for each element, rows and all', async () => {
  const run = await triggerRun(project, 'shops');
  expect(run.result.tasks.flatMap(({ error }) => error ?? [])).toEqual([]);
  expect(statesOf(run)).toEqual({
    state: 'success',
    tasks: {
      list: 'success',
      'shop.pull': 'success',
      'shop.check': 'success',
      'shop.store': 'success',
      'shop.tell': 'success',
      end: 'success',
    },
  });
  expect(run.result.counts).toMatchObject({ extracted: 6, loaded: 6 });
  expect(await project.rows('SELECT id FROM shop_rows ORDER BY id')).toEqual(
    ['east0', 'east1', 'north0', 'north1', 'south0', 'south1'].map((id) => ({ id })),
  );
});

test('an empty list skips, and what is no list fails with a clear error', async () => {
  const run = await triggerRun(project, 'none');
  expect(statesOf(run).tasks).toEqual({
    empty: 'success',
    each: 'skipped',
    after: 'skipped',
    text: 'success',
    wrong: 'failed',
  });
  expect(taskOf(run, 'wrong').error).toMatchObject({ code: 'MAPPING_INVALID' });
});

test('1,000 instances run in child workflows, and no history grows long', async () => {
  const count = 1_000;
  const run = await triggerRun(project, 'many', { count });
  expect(run.result.tasks.flatMap(({ error }) => error ?? [])).toEqual([]);
  expect(statesOf(run).state).toBe('success');
  expect(taskOf(run, 'double').mapped).toMatchObject({ total: count, success: count });
  expect(await handedOn(run.workflowId, 'sum')).toEqual({ count, total: count * (count - 1) });
  expect((await project.history(run.workflowId)).length).toBeLessThan(300);
  for (const first of [0, 400, 800])
    expect((await project.history(`${run.workflowId}/double/${String(first)}`)).length).toBeLessThan(4_096);
}, 240_000);
