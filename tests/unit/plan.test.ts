import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { planStep, runVerdict, type TaskStates } from '../../core/run/plan.js';
import { addState, emptyTally } from '../../core/run/state-tally.js';
import { triggerRules, type TaskSpec, type TaskState, type TriggerRule } from '../../core/dag/task-spec.js';
import { judge } from '../../core/run/trigger-rule.js';

interface Drawn {
  readonly rule: TriggerRule;
  readonly upstream: readonly number[];
  readonly ending: 'success' | 'failed' | 'skipped';
  readonly role: 'plain' | 'setup' | 'teardown';
}

const dags = fc.array(
  fc.record({
    rule: fc.constantFrom(...triggerRules),
    upstream: fc.array(fc.nat(20), { maxLength: 3 }),
    ending: fc.constantFrom('success' as const, 'failed' as const, 'skipped' as const),
    role: fc.constantFrom('plain' as const, 'plain' as const, 'setup' as const, 'teardown' as const),
  }),
  { minLength: 1, maxLength: 12 },
);

function build(drawn: readonly Drawn[]): TaskSpec[] {
  return drawn.map(({ rule, upstream, role }, index) => {
    const before = index === 0 ? [] : [...new Set(upstream.map((id) => id % index))];
    const setups = before.filter((at) => drawn[at]?.role === 'setup').map((at) => `t${String(at)}`);
    return {
      id: `t${String(index)}`,
      triggerRule: rule,
      upstream: before.map((at) => `t${String(at)}`),
      ...(role === 'teardown' ? { teardown: { setups, failsRun: false } } : {}),
      ...(role === 'plain' && setups.length > 0 ? { setups } : {}),
    } as unknown as TaskSpec;
  });
}

/**
 * A run the slow and obvious way: one task at a time, in spec order, again and again, each judged only by the final states
 * of its upstream tasks. A rule that does not wait gives the same verdict later as early, so the order does not matter.
 */
function slowRun(tasks: readonly TaskSpec[], drawn: readonly Drawn[]): Record<string, TaskState> {
  const states: Record<string, TaskState> = {};
  for (const [index, task] of tasks.entries()) {
    const of = (ids: readonly string[]): TaskState[] => ids.map((id) => states[id] ?? 'none');
    const upstream = of(task.upstream);
    const setups = of(task.teardown?.setups ?? task.setups ?? []);
    let verdict: string;
    if (task.teardown !== undefined) {
      if (setups.length === 0 || setups.includes('success')) verdict = 'start';
      else verdict = setups.every((state) => state === 'skipped') ? 'skipped' : 'upstream_failed';
    } else if (setups.some((state) => state === 'failed' || state === 'upstream_failed')) {
      verdict = 'upstream_failed';
    } else if (setups.includes('skipped')) verdict = 'skipped';
    else verdict = judge(task.triggerRule, upstream.reduce(addState, emptyTally));
    states[task.id] = verdict === 'start' ? (drawn[index]?.ending ?? 'success') : (verdict as TaskState);
  }
  return states;
}

/** A run through `planStep`, with the tasks under way ending in an order that `pick` decides. */
function plannedRun(
  tasks: readonly TaskSpec[],
  drawn: readonly Drawn[],
  pick: (count: number) => number,
): Record<string, TaskState> {
  const states: Record<string, TaskState> = {};
  const running: string[] = [];
  for (let steps = 0; steps < 500; steps += 1) {
    const { start, settle } = planStep({ tasks }, states);
    for (const { taskId, state } of settle) states[taskId] = state;
    if (settle.length > 0) continue;
    for (const id of start) {
      states[id] = 'running';
      running.push(id);
    }
    if (running.length === 0) return states;
    const [ended] = running.splice(pick(running.length), 1);
    states[ended!] = drawn[Number(ended!.slice(1))]!.ending;
  }
  throw new Error('the plan does not come to an end');
}

test('random DAGs end as the slow and obvious run says, in whatever order their tasks end', () => {
  fc.assert(
    fc.property(dags, fc.infiniteStream(fc.nat()), (drawn, order) => {
      const tasks = build(drawn);
      const planned = plannedRun(tasks, drawn, (count) => (order.next().value as number) % count);
      expect(planned).toEqual(slowRun(tasks, drawn));
    }),
    { numRuns: 500, seed: 7 },
  );
});

test('planning does not depend on the order in which it is asked, and starts nothing twice', () => {
  fc.assert(
    fc.property(dags, (drawn) => {
      const tasks = build(drawn);
      const states: Record<string, TaskState> = {};
      const first = planStep({ tasks }, states);
      for (const id of first.start) states[id] = 'running';
      const second = planStep({ tasks }, states);
      expect(second.start.filter((id) => first.start.includes(id))).toEqual([]);
      expect(planStep({ tasks }, { ...states })).toEqual(second);
    }),
    { numRuns: 200, seed: 8 },
  );
});

const task = (id: string, upstream: string[] = [], extra: object = {}): TaskSpec =>
  ({ id, upstream, triggerRule: 'all_success', ...extra }) as unknown as TaskSpec;

describe('planStep', () => {
  test('starts the most important task first, and tasks of equal weight in spec order', () => {
    const tasks = [
      task('a'),
      task('b', [], { priorityWeight: 5 }),
      task('c'),
      task('d', [], { priorityWeight: 9 }),
    ];
    expect(planStep({ tasks }, {}).start).toEqual(['d', 'b', 'a', 'c']);
  });

  test('instances of a mapped task count one by one', () => {
    const tasks = [
      task('mapped'),
      task('all', ['mapped']),
      task('one', ['mapped'], { triggerRule: 'one_failed' }),
    ];
    const states: TaskStates = { mapped: 'deferred' };
    const tallies = { mapped: { total: 3, success: 1, failed: 1, upstreamFailed: 0, skipped: 0 } };
    expect(planStep({ tasks }, states, tallies)).toEqual({
      start: ['one'],
      settle: [{ taskId: 'all', state: 'upstream_failed' }],
    });
  });
});

describe('runVerdict', () => {
  const tasks = [
    task('a'),
    task('b', ['a']),
    task('clean', ['b'], { teardown: { setups: ['a'], failsRun: false } }),
  ];

  test('leaves decide, and a teardown is none', () => {
    expect(runVerdict({ tasks }, { a: 'success', b: 'success', clean: 'failed' })).toBe('success');
    expect(runVerdict({ tasks }, { a: 'success', b: 'failed', clean: 'success' })).toBe('failed');
  });

  test('a teardown decides where its author asks for it', () => {
    const strict = [
      ...tasks.slice(0, 2),
      task('clean', ['b'], { teardown: { setups: ['a'], failsRun: true } }),
    ];
    expect(runVerdict({ tasks: strict }, { a: 'success', b: 'success', clean: 'failed' })).toBe('failed');
  });

  test('with failOn any, a failure that a later task made good still fails the run', () => {
    const repaired = [task('a'), task('fix', ['a'], { triggerRule: 'all_done' })];
    const states: TaskStates = { a: 'failed', fix: 'success' };
    expect(runVerdict({ tasks: repaired }, states)).toBe('success');
    expect(runVerdict({ tasks: repaired, failOn: 'any' }, states)).toBe('failed');
  });
});
