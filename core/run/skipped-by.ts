import { downstreamOf, isInGroup, reachable } from '../dag/graph.js';
import type { TaskOutput } from './task-output.js';
import type { TaskSpec } from '../dag/task-spec.js';

/** Tasks that are skipped because of what a branch, switch, short circuit or latest-only task has decided. */
export function skippedBy(tasks: readonly TaskSpec[], task: TaskSpec, output: TaskOutput): string[] {
  switch (task.kind) {
    case 'branch':
    case 'switch':
      return skippedByBranch(tasks, task.id, output as string[]);
    case 'latest-only':
      return output === false ? skippedByBranch(tasks, task.id, []) : [];
    case 'short-circuit':
      return output === false ? skippedByShortCircuit(tasks, task.id, task.ignoreDownstreamTriggerRules) : [];
    default:
      return [];
  }
}

/**
 * The direct downstream tasks of a branch that are skipped, given what it chose: those that were not chosen and that no
 * chosen task leads to. A group that is chosen stands for all its tasks. Teardowns stay: their setups may have run.
 */
export function skippedByBranch(
  tasks: readonly Pick<TaskSpec, 'id' | 'upstream' | 'group' | 'teardown'>[],
  branchId: string,
  chosen: readonly string[],
): string[] {
  const downstream = downstreamOf(tasks);
  const chosenTasks = tasks
    .filter((task) => chosen.includes(task.id) || chosen.some((id) => isInGroup(task, id)))
    .map((task) => task.id);
  const kept = new Set([...chosenTasks, ...reachable(chosenTasks, downstream)]);
  const teardowns = new Set(tasks.filter((task) => task.teardown !== undefined).map((task) => task.id));
  return (downstream.get(branchId) ?? []).filter((id) => !kept.has(id) && !teardowns.has(id));
}

/**
 * The tasks that a short circuit skips: everything downstream, or direct downstream tasks only. Teardowns stay: their
 * setups may have run.
 */
export function skippedByShortCircuit(
  tasks: readonly Pick<TaskSpec, 'id' | 'upstream' | 'teardown'>[],
  taskId: string,
  ignoreDownstreamTriggerRules: boolean,
): string[] {
  const downstream = downstreamOf(tasks);
  const ids = ignoreDownstreamTriggerRules ? reachable([taskId], downstream) : downstream.get(taskId);
  const skipped = new Set(ids ?? []);
  return tasks.filter((task) => skipped.has(task.id) && task.teardown === undefined).map((task) => task.id);
}
