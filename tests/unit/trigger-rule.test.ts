import { describe, expect, test } from '@jest/globals';
import { addState, emptyTally, type StateTally } from '../../core/run/state-tally.js';
import { triggerRules, type TaskState, type TriggerRule } from '../../core/dag/task-spec.js';
import { judge, judgeSetups, judgeTeardown } from '../../core/run/trigger-rule.js';

/**
 * When a task may start once all its upstream tasks have ended, in the words of Airflow's documentation ("Trigger Rules").
 * `upstream_failed` is a failure that reaches further; only `one_done` asks for a task that ran.
 */
const failed = (state: TaskState): boolean => state === 'failed' || state === 'upstream_failed';
const mayStart: Record<TriggerRule, (states: readonly TaskState[]) => boolean> = {
  all_success: (states) => states.every((state) => state === 'success'),
  all_failed: (states) => states.every(failed),
  all_done: () => true,
  all_done_min_one_success: (states) => states.some((state) => state === 'success'),
  all_skipped: (states) => states.every((state) => state === 'skipped'),
  one_failed: (states) => states.some(failed),
  one_success: (states) => states.some((state) => state === 'success'),
  one_done: (states) => states.some((state) => state === 'success' || state === 'failed'),
  none_failed: (states) => !states.some(failed),
  none_failed_min_one_success: (states) =>
    !states.some(failed) && states.some((state) => state === 'success'),
  none_skipped: (states) => !states.includes('skipped'),
  always: () => true,
};

/** Rules that start as soon as one upstream task has done what they ask for. */
const doesNotWait = new Set<TriggerRule>(['one_failed', 'one_success', 'one_done']);
/** Rules for which a failure upstream is what keeps the task from running, so that the failure goes on. */
const passesFailureOn = new Set<TriggerRule>([
  'all_success',
  'all_done_min_one_success',
  'one_success',
  'none_failed',
  'none_failed_min_one_success',
]);

const finals = ['success', 'failed', 'skipped', 'upstream_failed'] as const;
const isFinal = (state: TaskState): boolean => (finals as readonly TaskState[]).includes(state);

/** Every way in which the tasks that have not ended may end. */
function completions(states: readonly TaskState[]): TaskState[][] {
  return states.reduce<TaskState[][]>(
    (lists, state) =>
      lists.flatMap((list) => (isFinal(state) ? [state] : finals).map((final) => [...list, final])),
    [[]],
  );
}

/** The verdict by trying every completion: slow, and plain to see. */
function expected(rule: TriggerRule, states: readonly TaskState[]): string {
  const meaning = mayStart[rule];
  if (rule === 'always' || states.length === 0) return 'start';
  const ended = states.filter(isFinal);
  if (doesNotWait.has(rule) && meaning(ended)) return 'start';
  if (ended.length === states.length && meaning(states)) return 'start';
  const possible = new Set(
    completions(states).map((ends) => {
      if (meaning(ends)) return 'wait';
      return passesFailureOn.has(rule) && ends.some(failed) ? 'upstream_failed' : 'skipped';
    }),
  );
  return possible.size === 1 ? [...possible].join() : 'wait';
}

/** Every multiset of up to three upstream states, ended or not. */
function multisets(): TaskState[][] {
  const all: TaskState[] = [...finals, 'running'];
  const found: TaskState[][] = [];
  const grow = (list: TaskState[], from: number): void => {
    if (list.length > 0) found.push(list);
    if (list.length < 3) all.slice(from).forEach((state, at) => grow([...list, state], from + at));
  };
  grow([], 0);
  return found;
}

function tally(states: readonly TaskState[]): StateTally {
  return states.reduce(addState, emptyTally);
}

describe('trigger rules', () => {
  const table = multisets();

  test('the table holds every multiset of five states up to three upstream tasks', () => {
    expect(table).toHaveLength(5 + 15 + 35);
  });

  test.each(triggerRules)('%s: the verdict of every row of the table', (rule) => {
    const rows = table.map((states) => [states.join(' '), judge(rule, tally(states))]);
    expect(rows).toEqual(table.map((states) => [states.join(' '), expected(rule, states)]));
  });

  // Rows as the documentation describes them, to judge the table's own judge.
  test.each<[TriggerRule, TaskState[], string]>([
    ['all_success', ['success', 'skipped'], 'skipped'],
    ['all_success', ['running', 'failed'], 'upstream_failed'],
    // A skip is certain only once no failure can come any more.
    ['all_success', ['running', 'skipped'], 'wait'],
    ['all_failed', ['failed', 'upstream_failed'], 'start'],
    ['all_failed', ['failed', 'skipped'], 'skipped'],
    ['all_done', ['failed', 'running'], 'wait'],
    ['all_done_min_one_success', ['skipped', 'success'], 'start'],
    ['all_done_min_one_success', ['failed', 'skipped'], 'upstream_failed'],
    ['all_skipped', ['skipped', 'skipped'], 'start'],
    ['one_failed', ['running', 'failed', 'running'], 'start'],
    ['one_success', ['running', 'success'], 'start'],
    ['one_success', ['skipped', 'skipped'], 'skipped'],
    ['one_done', ['skipped', 'running'], 'wait'],
    ['one_done', ['skipped', 'upstream_failed'], 'skipped'],
    ['none_failed', ['success', 'skipped'], 'start'],
    ['none_failed_min_one_success', ['skipped', 'skipped'], 'skipped'],
    ['none_failed_min_one_success', ['skipped', 'success'], 'start'],
    ['none_skipped', ['failed', 'success'], 'start'],
    ['none_skipped', ['skipped', 'running'], 'skipped'],
    ['always', ['running', 'running'], 'start'],
  ])('%s with %j: %s', (rule, states, verdict) => {
    expect(judge(rule, tally(states))).toBe(verdict);
    expect(expected(rule, states)).toBe(verdict);
  });

  test('a task without upstream tasks starts', () => {
    for (const rule of triggerRules) expect(judge(rule, emptyTally)).toBe('start');
  });
});

describe('setups and teardowns', () => {
  test.each<[TaskState[], string | undefined]>([
    [['success', 'success'], undefined],
    [['success', 'running'], 'wait'],
    [['success', 'skipped'], 'skipped'],
    [['running', 'skipped'], 'wait'],
    [['running', 'failed'], 'upstream_failed'],
  ])('setups %j say %s before the trigger rule is asked', (setups, verdict) => {
    expect(judgeSetups(tally(setups))).toBe(verdict);
  });

  test.each<[TaskState[], TaskState[], string]>([
    [['success', 'failed'], ['success'], 'start'],
    [['success', 'running'], ['success'], 'wait'],
    [['skipped', 'skipped'], ['skipped'], 'skipped'],
    [['failed', 'upstream_failed'], ['failed'], 'upstream_failed'],
    [['failed', 'success', 'failed'], ['failed', 'success'], 'start'],
    [['failed'], [], 'start'],
  ])('a teardown after %j with setups %j: %s', (upstream, setups, verdict) => {
    expect(judgeTeardown(tally(upstream), tally(setups))).toBe(verdict);
  });
});
