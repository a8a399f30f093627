import { beforeAll, expect, test } from '@jest/globals';
import { triggerRules, type TaskState, type TriggerRule } from '../../core/dag/task-spec.js';
import { TestProject } from '../helpers/project.js';
import { statesOf, triggerRun } from '../helpers/runs.js';

/** Upstream tasks that end in each of the four ways, and for every rule a task after each pair of them. */
const endings = ['success', 'failed', 'skipped', 'upstream_failed'] as const;
const pairs = endings.flatMap((a, at) => endings.slice(at).map((b) => [a, b] as const));

const dag = `
import { defineDag, FailTaskError, SkipTaskError } from 'millrace';
export default defineDag({
  id: 'rules', schedule: 'manual', maxActiveTasks: 50,
  tasks: ({ task }) => {
    const ends = (n) => {
      const failed = task('failed' + n, { short: true, run: async () => { throw new FailTaskError('on purpose'); } });
      return {
        success: task('success' + n, { short: true, run: async () => 1 }),
        failed,
        skipped: task('skipped' + n, { short: true, run: async () => { throw new SkipTaskError('on purpose'); } }),
        upstream_failed: task('upstream_failed' + n, { short: true, after: [failed], run: async () => 1 }),
      };
    };
    const [first, second] = [ends(1), ends(2)];
    for (const rule of ${JSON.stringify(triggerRules)}) {
      for (const [a, b] of ${JSON.stringify(pairs)})
        task(rule + '.' + a + '.' + b, { short: true, after: [first[a], second[b]], triggerRule: rule, run: async () => 1 });
    }
  },
});`;

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({ 'rules.ts': dag });
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

/** What the documentation of Airflow says becomes of a task with this rule after these two. */
const failed = (state: TaskState): boolean => state === 'failed' || state === 'upstream_failed';
const meaning: Record<TriggerRule, (states: readonly TaskState[]) => boolean> = {
  all_success: (states) => states.every((state) => state === 'success'),
  all_failed: (states) => states.every(failed),
  all_done: () => true,
  all_done_min_one_success: (states) => states.includes('success'),
  all_skipped: (states) => states.every((state) => state === 'skipped'),
  one_failed: (states) => states.some(failed),
  one_success: (states) => states.includes('success'),
  one_done: (states) => states.includes('success') || states.includes('failed'),
  none_failed: (states) => !states.some(failed),
  none_failed_min_one_success: (states) => !states.some(failed) && states.includes('success'),
  none_skipped: (states) => !states.includes('skipped'),
  always: () => true,
};
const failureGoesOn: readonly TriggerRule[] = [
  'all_success',
  'all_done_min_one_success',
  'one_success',
  'none_failed',
  'none_failed_min_one_success',
];

test('every rule, after every pair of ends, on the real server', async () => {
  const { tasks } = statesOf(await triggerRun(project, 'rules'));
  const found: Record<string, string | undefined> = {};
  const expected: Record<string, string> = {};
  for (const rule of triggerRules) {
    for (const states of pairs) {
      const id = [rule, ...states].join('.');
      found[id] = tasks[id];
      if (meaning[rule](states)) expected[id] = 'success';
      else expected[id] = failureGoesOn.includes(rule) && states.some(failed) ? 'upstream_failed' : 'skipped';
    }
  }
  expect(found).toEqual(expected);
  expect(Object.keys(found)).toHaveLength(120);
}, 240_000);
