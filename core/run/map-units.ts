import type { DagSpec } from '../dag/dag-spec.js';
import { expandSources } from './expand.js';
import { isInGroup } from '../dag/graph.js';
import type { ExpandSpec, GroupSpec, TaskSpec } from '../dag/task-spec.js';

/** A task or group that runs once for each element of a list. */
export interface MapUnit {
  /** The task's or group's id. */
  readonly id: string;
  readonly expand: ExpandSpec;
  /** What one instance runs. A mapped task's own upstream tasks have been waited for before. */
  readonly tasks: readonly TaskSpec[];
}

/** How a run sees its DAG: a mapped group is one task until its instances are known. */
export interface OuterPlan {
  readonly tasks: readonly TaskSpec[];
  readonly units: ReadonlyMap<string, MapUnit>;
}

/** Takes the mapped tasks and groups out of a DAG. */
export function outerPlan(spec: Pick<DagSpec, 'tasks' | 'groups'>): OuterPlan {
  const mappedGroups = (spec.groups ?? []).filter(isMappedGroup);
  const isMapped = mappedGroups.length > 0 || spec.tasks.some((task) => task.expand !== undefined);
  if (!isMapped) return { tasks: spec.tasks, units: new Map() };
  const units = new Map<string, MapUnit>();
  const tasks: TaskSpec[] = [];
  for (const task of spec.tasks) {
    const group = mappedGroups.find((candidate) => isInGroup(task, candidate.id));
    if (group !== undefined) {
      if (units.has(group.id)) continue;
      const inner = spec.tasks.filter((candidate) => isInGroup(candidate, group.id));
      units.set(group.id, { id: group.id, expand: group.expand, tasks: inner });
      tasks.push(groupAsTask(group, inner));
      continue;
    }
    tasks.push(task);
    if (task.expand === undefined) continue;
    const { expand, ...one } = task;
    units.set(task.id, { id: task.id, expand, tasks: [{ ...one, upstream: [] }] });
  }
  // A group's place is behind everything that any of its tasks comes after.
  return { tasks: inOrder(tasks, units), units };
}

function isMappedGroup(group: GroupSpec): group is GroupSpec & { readonly expand: ExpandSpec } {
  return group.expand !== undefined;
}

/** Waits for everything outside that a task of the group comes after; their own trigger rules judge it afterwards. */
function groupAsTask(
  group: GroupSpec & { readonly expand: ExpandSpec },
  inner: readonly TaskSpec[],
): TaskSpec {
  const ids = new Set(inner.map((task) => task.id));
  const outside = inner
    .flatMap((task) => [...task.upstream, ...(task.setups ?? [])])
    .filter((id) => !ids.has(id));
  return {
    kind: 'empty',
    id: group.id,
    upstream: [...new Set([...outside, ...expandSources(group.expand)])],
    triggerRule: 'all_done',
    retry: { maximumAttempts: 1, initialIntervalMs: 1, backoffCoefficient: 1, maximumIntervalMs: 1 },
    timeouts: { startToCloseMs: 1, scheduleToCloseMs: 1, heartbeatMs: 1 },
  };
}

function inOrder(tasks: readonly TaskSpec[], units: ReadonlyMap<string, MapUnit>): TaskSpec[] {
  const unitOf = new Map([...units.values()].flatMap((unit) => unit.tasks.map((task) => [task.id, unit.id])));
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const placed = new Set<string>();
  const order: TaskSpec[] = [];
  const place = (task: TaskSpec): void => {
    if (placed.has(task.id)) return;
    placed.add(task.id);
    for (const id of task.upstream) {
      const before = byId.get(unitOf.get(id) ?? id);
      if (before !== undefined) place(before);
    }
    order.push(task);
  };
  tasks.forEach(place);
  return order;
}
