import type { AssetCollector } from '../assets/asset.js';
import type { TaskFunctions } from './dag-definition.js';
import type { ScheduleSpec } from './dag-spec.js';
import { parseDuration, type DurationInput } from '../duration.js';
import type { After } from './edge.js';
import { downstreamOf, isInGroup, leavesOf, reachable, upstreamOf } from './graph.js';
import type { TaskOptions } from './task-options.js';
import type { GroupSpec, TaskSpec } from './task-spec.js';

/** What the builders of one DAG collect, and what is wrong with it so far. */
export class SpecDraft {
  readonly tasks: TaskSpec[] = [];
  readonly groups: GroupSpec[] = [];
  readonly functions: Record<string, TaskFunctions> = {};
  readonly problems: string[] = [];
  readonly dagId: string;
  readonly schedule: ScheduleSpec;
  readonly assets: AssetCollector;
  readonly #past = new Map<string, Pick<TaskOptions, 'dependsOnPast' | 'waitForDownstream'>>();

  constructor(dagId: string, schedule: ScheduleSpec, problems: string[], assets: AssetCollector) {
    this.dagId = dagId;
    this.schedule = schedule;
    this.problems = problems;
    this.assets = assets;
  }

  add(task: TaskSpec, options: TaskOptions): void {
    this.tasks.push(task);
    if (options.dependsOnPast !== undefined || options.waitForDownstream === true)
      this.#past.set(task.id, options);
  }

  addFunctions(taskId: string, functions: TaskFunctions): void {
    this.functions[taskId] = { ...this.functions[taskId], ...functions };
  }

  /** Ids of the tasks that an edge stands for: a group's are those that nothing of the group comes after. */
  tasksBehind(after: After): string[] {
    if (!('groupId' in after)) return [after.taskId];
    const tasks = this.tasks.filter((task) => isInGroup(task, after.groupId));
    if (tasks.length === 0)
      this.problems.push(`something comes after group "${after.groupId}", which has no task`);
    return leavesOf(tasks.filter((task) => task.teardown === undefined)).map((task) => task.id);
  }

  /** Puts edges before the first tasks of a group that is complete. */
  prependToGroup(groupId: string, upstream: readonly string[]): void {
    const inside = new Set(this.tasks.filter((task) => isInGroup(task, groupId)).map((task) => task.id));
    for (const [index, task] of this.tasks.entries()) {
      if (!inside.has(task.id) || task.upstream.some((id) => inside.has(id))) continue;
      this.tasks[index] = { ...task, upstream: [...new Set([...task.upstream, ...upstream])] };
    }
  }

  duration(input: DurationInput, where: string): number {
    const milliseconds = parseDuration(input);
    if (milliseconds === undefined)
      this.problems.push(
        `${where}: ${JSON.stringify(input)} is not a duration; use 500ms, 30s, 2m, 1h or 7d`,
      );
    return milliseconds ?? 0;
  }

  /** The tasks with what depends on the whole graph: dependence on the previous run, and setups that are far upstream. */
  finish(): TaskSpec[] {
    const hasSetups = this.tasks.some((task) => task.setup === true);
    if (!hasSetups && this.#past.size === 0) return this.tasks;
    const downstream = downstreamOf(this.tasks);
    return this.tasks.map((task) => {
      const past = this.#past.get(task.id);
      const setups = hasSetups ? this.#setupsOf(task, downstream) : [];
      return {
        ...task,
        ...(setups.length === 0 ? {} : { setups }),
        ...(past === undefined ? {} : { dependsOnPast: { tasks: pastTasks(task.id, past, downstream) } }),
      };
    });
  }

  /** Setups upstream of a task whose teardown still lies ahead of it, or that have none. */
  #setupsOf(task: TaskSpec, downstream: ReadonlyMap<string, readonly string[]>): string[] {
    if (task.setup === true || task.teardown !== undefined) return [];
    const before = reachable([task.id], upstreamOf(this.tasks));
    const after = reachable([task.id], downstream);
    return this.tasks
      .filter((other) => {
        if (other.setup !== true || !before.has(other.id)) return false;
        const teardowns = this.tasks.filter((candidate) => candidate.teardown?.setups.includes(other.id));
        return teardowns.length === 0 || teardowns.some((teardown) => after.has(teardown.id));
      })
      .map((setup) => setup.id);
  }
}

function pastTasks(
  taskId: string,
  { dependsOnPast, waitForDownstream }: Pick<TaskOptions, 'dependsOnPast' | 'waitForDownstream'>,
  downstream: ReadonlyMap<string, readonly string[]>,
): string[] {
  const named =
    dependsOnPast === undefined || dependsOnPast === true
      ? [taskId]
      : dependsOnPast.map((edge) => edge.taskId);
  return [...new Set([...named, ...(waitForDownstream === true ? (downstream.get(taskId) ?? []) : [])])];
}
