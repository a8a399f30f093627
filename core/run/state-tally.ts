import type { TaskState } from '../dag/task-spec.js';

/** How many instances of a task are in each final state; a task that is not mapped counts as one instance. */
export interface StateTally {
  readonly total: number;
  readonly success: number;
  readonly failed: number;
  readonly upstreamFailed: number;
  readonly skipped: number;
}

export const emptyTally: StateTally = { total: 0, success: 0, failed: 0, upstreamFailed: 0, skipped: 0 };

/** Finished for good. */
export function isFinished(state: TaskState): boolean {
  return (
    state === 'success' ||
    state === 'failed' ||
    state === 'skipped' ||
    state === 'upstream_failed' ||
    state === 'removed'
  );
}

/** The tally with one more instance in `state`; an instance that is not finished counts in the total alone. */
export function addState(tally: StateTally, state: TaskState): StateTally {
  const sum = { ...tally };
  count(sum, state);
  return sum;
}

/**
 * The tally of tasks by their states, or by their own tallies where they have one; a task that is missing is `none`. It is
 * asked for after each change of a run, so that it makes one object only.
 */
export function tallyOf(
  taskIds: readonly string[],
  states: Readonly<Record<string, TaskState>>,
  tallies: Readonly<Record<string, StateTally>>,
): StateTally {
  const sum = { ...emptyTally };
  for (const id of taskIds) {
    const mapped = tallies[id];
    if (mapped === undefined) count(sum, states[id] ?? 'none');
    else addTo(sum, mapped);
  }
  return sum;
}

type Sum = { -readonly [Member in keyof StateTally]: number };

function count(sum: Sum, state: TaskState): void {
  sum.total += 1;
  if (state === 'success') sum.success += 1;
  else if (state === 'failed') sum.failed += 1;
  else if (state === 'upstream_failed') sum.upstreamFailed += 1;
  else if (state === 'skipped' || state === 'removed') sum.skipped += 1;
}

function addTo(sum: Sum, other: StateTally): void {
  sum.total += other.total;
  sum.success += other.success;
  sum.failed += other.failed;
  sum.upstreamFailed += other.upstreamFailed;
  sum.skipped += other.skipped;
}

/** Member-wise sum. */
export function addTallies(a: StateTally, b: StateTally): StateTally {
  const sum = { ...a };
  addTo(sum, b);
  return sum;
}

/** The one state that stands for all instances of a mapped task once they have finished; none at all is `skipped`. */
export function stateOfTally(tally: StateTally): 'success' | 'failed' | 'upstream_failed' | 'skipped' {
  if (tally.failed > 0) return 'failed';
  if (tally.upstreamFailed > 0) return 'upstream_failed';
  return tally.success > 0 ? 'success' : 'skipped';
}
