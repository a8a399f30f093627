import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { TaskSpec, TaskState, TriggerRule } from '../../core/dag-spec.js';
import { triggerRules } from '../../core/dag-spec.js';
import { judge, planStep, runVerdict } from '../../core/plan.js';

const finals = ['success', 'failed', 'skipped', 'upstream_failed'] as const;

/** When a task may start once all its upstream tasks have ended, in the words of Airflow's documentation. */
const mayStart: Record<TriggerRule, (states: readonly TaskState[]) => boolean> = {
  all_success: (states) => states.every((state) => state === 'success'),
  all_failed: (states) => states.every((state) => state === 'failed' || state === 'upstream_failed'),
  all_done: () => true,
  all_done_min_one_success: (states) => states.some((state) => state === 'success'),
  all_skipped: (states) => states.every((state) => state === 'skipped'),
  one_failed: (states) => states.some((state) => state === 'failed' || state === 'upstream_failed'),
  one_success: (states) => states.some((state) => state === 'success'),
  one_done: (states) =>
    states.some((state) => state === 'success' || state === 'failed' || state === 'upstream_failed'),
  none_failed: (states) => states.every((state) => state === 'success' || state === 'skipped'),
  none_failed_min_one_success: (states) =>
    states.every((state) => state === 'success' || state === 'skipped') &&
    states.some((state) => state === 'success'),
  none_skipped: (states) => states.every((state) => state !== 'skipped'),
  always: () => true,
};

/** Every list of up to three final states. */
const lists: TaskState[][] = [1, 2, 3].flatMap((length) => {
  let found: TaskState[][] = [[]];
  for (let at = 0; at < length; at += 1)
    found = found.flatMap((list) => finals.map((state) => [...list, state]));
  return found;
});

describe('judge', () => {
  test.each(triggerRules)(
    '%s starts exactly where its meaning says, for every outcome of up to three upstream tasks',
    (rule) => {
      for (const states of lists)
        expect({ states, start: judge(rule, states) === 'start' }).toEqual({
          states,
          start: mayStart[rule](states),
        });
    },
  );

  test.each(triggerRules)('%s never takes back a verdict when a waiting upstream task ends', (rule) => {
    for (const states of lists) {
      const early = judge(rule, [...states, 'running']);
      if (early === 'wait' || rule === 'always') continue;
      for (const last of finals) {
        const late = judge(rule, [...states, last]);
        expect({
          rule,
          states,
          last,
          kept: early === 'start' ? late === 'start' : late !== 'start',
        }).toMatchObject({ kept: true });
      }
    }
  });

  test('a task without upstream tasks starts', () => {
    for (const rule of triggerRules) expect(judge(rule, [])).toBe('start');
  });
});

test('random DAGs end with every task finished, and only tasks whose rule is met ever run', () => {
  const dag = fc.array(
    fc.record({
      rule: fc.constantFrom(...triggerRules),
      upstream: fc.array(fc.nat(20), { maxLength: 3 }),
      fails: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(dag, (drawn) => {
      const tasks = drawn.map(({ rule, upstream }, index) => ({
        id: `t${String(index)}`,
        triggerRule: rule,
        upstream: index === 0 ? [] : [...new Set(upstream.map((id) => `t${String(id % index)}`))],
      })) as unknown as TaskSpec[];
      const states: Record<string, TaskState> = {};
      for (let steps = 0; ; steps += 1) {
        expect(steps).toBeLessThan(100);
        const { start, settle } = planStep({ tasks }, states);
        if (start.length === 0 && settle.length === 0) break;
        for (const { taskId, state } of settle) states[taskId] = state;
        if (settle.length > 0) continue;
        for (const id of start) {
          const task = tasks.find((candidate) => candidate.id === id)!;
          const upstream = task.upstream.map((name) => states[name] ?? 'none');
          if (upstream.every((state) => state !== 'none') && upstream.length > 0)
            expect(mayStart[task.triggerRule](upstream)).toBe(true);
          states[id] = drawn[Number(id.slice(1))]!.fails ? 'failed' : 'success';
        }
      }
      expect(Object.keys(states)).toHaveLength(tasks.length);
      expect(['success', 'failed']).toContain(runVerdict({ tasks }, states));
    }),
    { numRuns: 300, seed: 3 },
  );
});
