import type { TaskSpec } from './task-spec.js';

type Node = Pick<TaskSpec, 'id' | 'upstream'>;

/** Direct downstream tasks of each task, in spec order. */
export function downstreamOf(tasks: readonly Node[]): ReadonlyMap<string, readonly string[]> {
  const downstream = new Map<string, string[]>(tasks.map((task) => [task.id, []]));
  for (const task of tasks) for (const upstream of task.upstream) downstream.get(upstream)?.push(task.id);
  return downstream;
}

/** Everything that can be reached from `ids` over `edges`, without `ids` themselves unless a cycle leads back. */
export function reachable(
  ids: readonly string[],
  edges: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  const found = new Set<string>();
  const queue = [...ids];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const next of edges.get(id) ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      queue.push(next);
    }
  }
  return found;
}

/** Direct upstream tasks of each task. */
export function upstreamOf(tasks: readonly Node[]): ReadonlyMap<string, readonly string[]> {
  return new Map(tasks.map((task) => [task.id, task.upstream]));
}

/** Tasks that nothing comes after. */
export function leavesOf<Task extends Node>(tasks: readonly Task[]): Task[] {
  const hasDownstream = new Set(tasks.flatMap((task) => task.upstream));
  return tasks.filter((task) => !hasDownstream.has(task.id));
}

/** Whether a task belongs to a group, directly or through a group within. */
export function isInGroup(task: Pick<TaskSpec, 'group'>, groupId: string): boolean {
  return task.group === groupId || task.group?.startsWith(`${groupId}.`) === true;
}

/** Load tasks that take the rows of an extract task, straight or through tasks between. */
export function loadsFedBy(tasks: readonly TaskSpec[], extractId: string): string[] {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const isFed = (task: TaskSpec | undefined): boolean =>
    task !== undefined && (task.id === extractId || ('input' in task && isFed(byId.get(task.input))));
  return tasks.filter((task) => task.kind === 'load' && isFed(task)).map(({ id }) => id);
}

const choosers: ReadonlySet<TaskSpec['kind']> = new Set([
  ...(['branch', 'short-circuit', 'switch', 'latest-only', 'approval'] as const),
]);

/** Those of some tasks that nothing before them chooses to leave out: each run is meant to do them. */
export function ofEveryRun(tasks: readonly TaskSpec[], ids: readonly string[]): string[] {
  const upstream = upstreamOf(tasks);
  const chosen = new Set(tasks.filter(({ kind }) => choosers.has(kind)).map(({ id }) => id));
  return ids.filter((id) => ![...reachable([id], upstream)].some((before) => chosen.has(before)));
}

/** What a branch may choose: the tasks directly after it, and the groups that hold one of them. */
export function branchTargets(
  tasks: readonly Pick<TaskSpec, 'id' | 'upstream' | 'group'>[],
  branchId: string,
): string[] {
  const after = tasks.filter((task) => task.upstream.includes(branchId));
  const branchGroup = tasks.find((task) => task.id === branchId)?.group;
  const groups = after.flatMap(({ group }) => {
    if (group === undefined) return [];
    const names = group.split('.');
    return names.map((_name, at) => names.slice(0, at + 1).join('.'));
  });
  const around =
    branchGroup === undefined ? [] : groups.filter((id) => `${branchGroup}.`.startsWith(`${id}.`));
  return [...new Set([...after.map((task) => task.id), ...groups.filter((id) => !around.includes(id))])];
}
