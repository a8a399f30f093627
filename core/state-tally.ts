import type { TaskState } from './task-spec.js';

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
  return {
    total: tally.total + 1,
    success: tally.success + Number(state === 'success'),
    failed: tally.failed + Number(state === 'failed'),
    upstreamFailed: tally.upstreamFailed + Number(state === 'upstream_failed'),
    skipped: tally.skipped + Number(state === 'skipped' || state === 'removed'),
  };
}

/** Member-wise sum. */
export function addTallies(a: StateTally, b: StateTally): StateTally {
  return {
    total: a.total + b.total,
    success: a.success + b.success,
    failed: a.failed + b.failed,
    upstreamFailed: a.upstreamFailed + b.upstreamFailed,
    skipped: a.skipped + b.skipped,
  };
}

/** The one state that stands for all instances of a mapped task once they have finished; none at all is `skipped`. */
export function stateOfTally(tally: StateTally): 'success' | 'failed' | 'upstream_failed' | 'skipped' {
  if (tally.failed > 0) return 'failed';
  if (tally.upstreamFailed > 0) return 'upstream_failed';
  return tally.success > 0 ? 'success' : 'skipped';
}
