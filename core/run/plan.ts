import type { DagSpec } from '../dag/dag-spec.js';
import { leavesOf } from '../dag/graph.js';
import { tallyOf, type StateTally } from './state-tally.js';
import type { TaskSpec, TaskState } from '../dag/task-spec.js';
import { judge, judgeSetups, judgeTeardown, type Verdict } from './trigger-rule.js';

/** States of the tasks of one run; a task that is missing has state `none`. */
export type TaskStates = Readonly<Record<string, TaskState>>;

/** How the instances of mapped tasks stand, once they are known; the other tasks count as one instance. */
export type Tallies = Readonly<Record<string, StateTally>>;

/** What an interpreter does next. */
export interface PlanStep {
  /** Tasks whose rule is met: start them. The most important first, then in spec order. */
  readonly start: readonly string[];
  /** Tasks that will never start, with the state they end in. */
  readonly settle: readonly { readonly taskId: string; readonly state: 'skipped' | 'upstream_failed' }[];
}

/**
 * Next actions for a run: a pure function of the spec and the states. Settling a task can decide others, so an
 * interpreter applies the step and asks again until nothing is settled.
 */
export function planStep(spec: Pick<DagSpec, 'tasks'>, states: TaskStates, tallies: Tallies = {}): PlanStep {
  const start: TaskSpec[] = [];
  const settle: { taskId: string; state: 'skipped' | 'upstream_failed' }[] = [];
  for (const task of spec.tasks) {
    if ((states[task.id] ?? 'none') !== 'none') continue;
    const verdict = verdictOf(task, states, tallies);
    if (verdict === 'start') start.push(task);
    else if (verdict !== 'wait') settle.push({ taskId: task.id, state: verdict });
  }
  if (start.some((task) => task.priorityWeight !== undefined))
    start.sort((a, b) => (b.priorityWeight ?? 1) - (a.priorityWeight ?? 1));
  return { start: start.map((task) => task.id), settle };
}

function verdictOf(task: TaskSpec, states: TaskStates, tallies: Tallies): Verdict {
  const upstream = tallyOf(task.upstream, states, tallies);
  if (task.teardown !== undefined)
    return judgeTeardown(upstream, tallyOf(task.teardown.setups, states, tallies));
  if (task.setups !== undefined) {
    const verdict = judgeSetups(tallyOf(task.setups, states, tallies));
    if (verdict !== undefined) return verdict;
  }
  return judge(task.triggerRule, upstream);
}

/**
 * The verdict of a run that has no task left to start. Leaves decide (Airflow's rule), or every task where the DAG says so
 * (`failOn: 'any'`). Teardowns decide only where their author asked for it.
 */
export function runVerdict(
  spec: Pick<DagSpec, 'tasks' | 'failOn'>,
  states: TaskStates,
): 'success' | 'failed' {
  const deciding = spec.tasks.filter((task) => task.teardown?.failsRun !== false);
  const judged = spec.failOn === 'any' ? deciding : leavesOf(deciding);
  const isFailed = judged.some(
    (task) => states[task.id] === 'failed' || states[task.id] === 'upstream_failed',
  );
  return isFailed ? 'failed' : 'success';
}
