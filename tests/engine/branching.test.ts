import { beforeAll, expect, test } from '@jest/globals';
import { TestProject } from '../helpers/project.js';
import { statesOf, taskOf, triggerRun } from '../helpers/runs.js';
import { branching } from './feature-dags.js';

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({ 'branching.ts': branching });
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

test('a branch runs what it chose; the rest is skipped, and a join sees through it', async () => {
  expect(statesOf(await triggerRun(project, 'branched'))).toEqual({
    state: 'success',
    tasks: {
      pick: 'success',
      left: 'success',
      right: 'skipped',
      more: 'skipped',
      join: 'success',
      'strict-join': 'skipped',
    },
  });
  const right = statesOf(await triggerRun(project, 'branched', { choose: ['right'] }));
  expect(right.tasks).toMatchObject({ left: 'skipped', right: 'success', more: 'success', join: 'success' });
});

test('a branch that chooses nothing that follows it fails, and names what does', async () => {
  const run = await triggerRun(project, 'wrong-branch');
  expect(statesOf(run)).toEqual({ state: 'failed', tasks: { pick: 'failed', a: 'upstream_failed' } });
  expect(taskOf(run, 'pick').error).toMatchObject({ code: 'BRANCH_UNKNOWN' });
  expect(taskOf(run, 'pick').error?.message).toContain('Return one of: a');
});

test('a switch chooses by a value, also a whole group', async () => {
  const run = async (country: string) => statesOf(await triggerRun(project, 'switched', { country })).tasks;
  expect(await run('fr')).toMatchObject({
    france: 'success',
    'germany.vat': 'skipped',
    'germany.tax': 'skipped',
    world: 'skipped',
  });
  expect(await run('de')).toMatchObject({
    france: 'skipped',
    'germany.vat': 'success',
    'germany.tax': 'success',
    world: 'skipped',
  });
  expect(await run('toString')).toMatchObject({
    france: 'skipped',
    'germany.vat': 'skipped',
    world: 'success',
  });
});

test('a short circuit skips everything after it, or leaves the rest to the trigger rules', async () => {
  expect(statesOf(await triggerRun(project, 'short-circuit')).tasks).toEqual({
    go: 'success',
    a: 'skipped',
    b: 'skipped',
    soft: 'success',
    c: 'skipped',
    d: 'success',
  });
  expect(statesOf(await triggerRun(project, 'short-circuit', { go: true })).tasks).toMatchObject({
    a: 'success',
    b: 'success',
  });
});

test('edges to and from a group are edges of its first and last tasks; its ids have its path before them', async () => {
  const run = await triggerRun(project, 'grouped');
  expect(run.result.tasks.map(({ taskId }) => taskId)).toEqual([
    'start',
    'outer.one',
    'outer.inner.two',
    'outer.inner.three',
    'end',
  ]);
  const { spec } = await project.json<{ spec: { tasks: { id: string; upstream: string[] }[] } }>(
    'dag',
    'show',
    'grouped',
  );
  expect(Object.fromEntries(spec.tasks.map(({ id, upstream }) => [id, upstream]))).toEqual({
    start: [],
    'outer.one': ['start'],
    'outer.inner.two': ['outer.one'],
    'outer.inner.three': ['outer.one'],
    end: ['outer.inner.two', 'outer.inner.three'],
  });
});
