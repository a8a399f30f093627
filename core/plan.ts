import type { DagSpec, TaskState, TriggerRule } from './dag-spec.js';

/** States of the tasks of one run; a task that is missing has state `none`. */
export type TaskStates = Readonly<Record<string, TaskState>>;

/** What an interpreter does next. */
export interface PlanStep {
  /** Tasks whose rule is met: start them. */
  readonly start: readonly string[];
  /** Tasks that will never start, with the state they end in. */
  readonly settle: readonly { readonly taskId: string; readonly state: 'skipped' | 'upstream_failed' }[];
}

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

/**
 * Next actions for a run: a pure function of the spec and the states. Settling a task can decide others, so an
 * interpreter applies the step and asks again until nothing is settled.
 */
export function planStep(spec: Pick<DagSpec, 'tasks'>, states: TaskStates): PlanStep {
  const start: string[] = [];
  const settle: { taskId: string; state: 'skipped' | 'upstream_failed' }[] = [];
  for (const task of spec.tasks) {
    if ((states[task.id] ?? 'none') !== 'none') continue;
    const verdict = judge(
      task.triggerRule,
      task.upstream.map((id) => states[id] ?? 'none'),
    );
    if (verdict === 'start') start.push(task.id);
    else if (verdict !== 'wait') settle.push({ taskId: task.id, state: verdict });
  }
  return { start, settle };
}

/** The verdict of a run that has no task left to start: leaves decide (Airflow's rule). */
export function runVerdict(spec: Pick<DagSpec, 'tasks'>, states: TaskStates): 'success' | 'failed' {
  const hasDownstream = new Set(spec.tasks.flatMap((task) => task.upstream));
  const leaves = spec.tasks.filter((task) => !hasDownstream.has(task.id));
  const isFailed = leaves.some(
    (task) => states[task.id] === 'failed' || states[task.id] === 'upstream_failed',
  );
  return isFailed ? 'failed' : 'success';
}

type Verdict = 'start' | 'wait' | 'skipped' | 'upstream_failed';

/**
 * What a trigger rule says of a task, given the states of its direct upstream tasks. A rule that can no longer be met
 * settles the task: `upstream_failed` where a failure decided it, else `skipped`.
 */
export function judge(rule: TriggerRule, upstream: readonly TaskState[]): Verdict {
  const tally = { total: upstream.length, success: 0, failed: 0, skipped: 0, done: 0 };
  for (const state of upstream) {
    if (!isFinished(state)) continue;
    tally.done += 1;
    if (state === 'success') tally.success += 1;
    else if (state === 'skipped' || state === 'removed') tally.skipped += 1;
    else tally.failed += 1;
  }
  if (tally.total === 0 || rule === 'always') return 'start';
  return ruleVerdict(rule, tally);
}

interface Tally {
  readonly total: number;
  readonly success: number;
  readonly failed: number;
  readonly skipped: number;
  readonly done: number;
}

function ruleVerdict(rule: Exclude<TriggerRule, 'always'>, tally: Tally): Verdict {
  const isDone = tally.done === tally.total;
  switch (rule) {
    case 'all_success':
      if (tally.failed > 0) return 'upstream_failed';
      if (tally.skipped > 0) return 'skipped';
      return isDone ? 'start' : 'wait';
    case 'all_failed':
      if (tally.success > 0 || tally.skipped > 0) return 'skipped';
      return isDone ? 'start' : 'wait';
    case 'all_done':
      return isDone ? 'start' : 'wait';
    case 'all_done_min_one_success':
      if (!isDone) return 'wait';
      if (tally.success > 0) return 'start';
      return tally.failed > 0 ? 'upstream_failed' : 'skipped';
    case 'all_skipped':
      if (tally.success > 0 || tally.failed > 0) return 'skipped';
      return isDone ? 'start' : 'wait';
    case 'one_failed':
      if (tally.failed > 0) return 'start';
      return isDone ? 'skipped' : 'wait';
    case 'one_success':
      if (tally.success > 0) return 'start';
      if (!isDone) return 'wait';
      return tally.failed > 0 ? 'upstream_failed' : 'skipped';
    case 'one_done':
      if (tally.success > 0 || tally.failed > 0) return 'start';
      return isDone ? 'skipped' : 'wait';
    case 'none_failed':
      if (tally.failed > 0) return 'upstream_failed';
      return isDone ? 'start' : 'wait';
    case 'none_failed_min_one_success':
      if (tally.failed > 0) return 'upstream_failed';
      if (!isDone) return 'wait';
      return tally.success > 0 ? 'start' : 'skipped';
    case 'none_skipped':
      if (tally.skipped > 0) return 'skipped';
      return isDone ? 'start' : 'wait';
  }
}
