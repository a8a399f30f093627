import type { StateTally } from './state-tally.js';
import type { TriggerRule } from '../dag/task-spec.js';

/** What a rule says: start the task, wait for more, or give it a final state. */
export type Verdict = 'start' | 'wait' | 'skipped' | 'upstream_failed';

/**
 * What a trigger rule says of a task, given how its direct upstream tasks stand. A rule that can no longer be met settles
 * the task: `upstream_failed` where a failure decided it, else `skipped`.
 *
 * Meanings are those of Airflow 3 ("Trigger Rules" in its documentation of DAGs): an instance that is `upstream_failed`
 * counts as a failure for every rule but `one_done`, which wants a task that really ran. A verdict is given early only
 * where nothing that may still happen can change it, so that the order in which tasks end never shows in the states.
 */
export function judge(rule: TriggerRule, tally: StateTally): Verdict {
  if (tally.total === 0 || rule === 'always') return 'start';
  const { total, success, skipped } = tally;
  const failed = tally.failed + tally.upstreamFailed;
  const isDone = success + failed + skipped === total;
  switch (rule) {
    case 'all_success':
      if (failed > 0) return 'upstream_failed';
      if (!isDone) return 'wait';
      return skipped > 0 ? 'skipped' : 'start';
    case 'all_failed':
      if (success > 0 || skipped > 0) return 'skipped';
      return isDone ? 'start' : 'wait';
    case 'all_done':
      return isDone ? 'start' : 'wait';
    case 'all_done_min_one_success':
      if (!isDone) return 'wait';
      if (success > 0) return 'start';
      return failed > 0 ? 'upstream_failed' : 'skipped';
    case 'all_skipped':
      if (success > 0 || failed > 0) return 'skipped';
      return isDone ? 'start' : 'wait';
    case 'one_failed':
      if (failed > 0) return 'start';
      return isDone ? 'skipped' : 'wait';
    case 'one_success':
      if (success > 0) return 'start';
      if (!isDone) return 'wait';
      return failed > 0 ? 'upstream_failed' : 'skipped';
    case 'one_done':
      if (success > 0 || tally.failed > 0) return 'start';
      return isDone ? 'skipped' : 'wait';
    case 'none_failed':
      if (failed > 0) return 'upstream_failed';
      return isDone ? 'start' : 'wait';
    case 'none_failed_min_one_success':
      if (failed > 0) return 'upstream_failed';
      if (!isDone) return 'wait';
      return success > 0 ? 'start' : 'skipped';
    case 'none_skipped':
      if (skipped > 0) return 'skipped';
      return isDone ? 'start' : 'wait';
  }
}

/**
 * What the setups of a task say before its trigger rule is asked (Airflow's setup constraint): each must have succeeded.
 * `undefined` leaves it to the rule.
 */
export function judgeSetups(setups: StateTally): Exclude<Verdict, 'start'> | undefined {
  if (setups.failed + setups.upstreamFailed > 0) return 'upstream_failed';
  if (setups.success + setups.skipped < setups.total) return 'wait';
  return setups.skipped > 0 ? 'skipped' : undefined;
}

/**
 * When a teardown runs: once everything upstream has ended, and at least one of its setups succeeded. What it has to clean
 * up decides, not how the work went.
 */
export function judgeTeardown(upstream: StateTally, setups: StateTally): Verdict {
  const isDone =
    upstream.success + upstream.failed + upstream.upstreamFailed + upstream.skipped === upstream.total;
  if (!isDone) return 'wait';
  if (setups.total === 0 || setups.success > 0) return 'start';
  return setups.skipped === setups.total ? 'skipped' : 'upstream_failed';
}
