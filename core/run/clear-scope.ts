import type { DagSpec, TaskSpec, TaskState } from '../dag/dag-spec.js';
import { downstreamOf, isInGroup, reachable, upstreamOf } from '../dag/graph.js';
import { isFinished } from './state-tally.js';

/** What a clear takes; words of Airflow. */
export interface ClearRequest {
  /** Ids of tasks or groups, or globs over them (`shop.*`); none: every task. */
  readonly tasks: readonly string[];
  /** Also everything that they come after, or that comes after them. */
  readonly upstream: boolean;
  readonly downstream: boolean;
  /** Of all these, only what failed, waited in vain for what failed, or never ended. */
  readonly onlyFailed: boolean;
}

/** The tasks that a clear takes. */
export interface ClearScope {
  /** In the order of the spec. */
  readonly taskIds: readonly string[];
  /** Names that stand for no task. */
  readonly unknown: readonly string[];
}

type Spec = Pick<DagSpec, 'tasks' | 'groups'>;
export type States = Readonly<Record<string, TaskState>>;

/**
 * Decides which tasks a clear takes. A mapped group goes as a whole. The setups and teardowns of a task that is taken come
 * along, whatever their state: what a teardown has removed is not there for the task any more.
 */
export function clearScope(spec: Spec, request: ClearRequest, states: States = {}): ClearScope {
  const { named, unknown } = namedTasks(spec, request.tasks);
  const taken = new Set(named);
  if (request.upstream) addAll(taken, reachable(named, neighbours(spec, 'upstream')));
  if (request.downstream) addAll(taken, reachable(named, neighbours(spec, 'downstream')));
  const wanted = request.onlyFailed ? [...taken].filter((id) => isRetryable(states[id])) : [...taken];
  return { taskIds: inSpecOrder(spec, withLifecycle(spec, wanted)), unknown };
}

/** What a retry takes: the tasks that failed or never ended, and everything after them, which has seen no result of theirs. */
export function retryScope(spec: Spec, states: States): readonly string[] {
  const tasks = spec.tasks.filter((task) => isRetryable(states[task.id])).map((task) => task.id);
  if (tasks.length === 0) return [];
  return clearScope(spec, { tasks, upstream: false, downstream: true, onlyFailed: false }).taskIds;
}

/** The tasks that names stand for: ids of tasks, ids of groups, or globs over either. */
function namedTasks(
  { tasks, groups = [] }: Spec,
  names: readonly string[],
): {
  named: string[];
  unknown: string[];
} {
  if (names.length === 0) return { named: tasks.map((task) => task.id), unknown: [] };
  const named = new Set<string>();
  const unknown: string[] = [];
  for (const name of names) {
    const pattern = globPattern(name);
    const groupIds = groups.map((group) => group.id).filter((id) => pattern.test(id));
    const found = tasks.filter(
      (task) => pattern.test(task.id) || groupIds.some((groupId) => isInGroup(task, groupId)),
    );
    if (found.length === 0) unknown.push(name);
    for (const task of found) named.add(task.id);
  }
  return { named: [...named], unknown };
}

/** `*` stands for any text, `?` for one character. */
function globPattern(glob: string): RegExp {
  const escaped = glob.replaceAll(/[\\^$.|+()[\]{}]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
}

function isRetryable(state: TaskState = 'none'): boolean {
  return state === 'failed' || state === 'upstream_failed' || !isFinished(state);
}

/** Edges in one direction; the tasks of a mapped group lead to one another, because they go as a whole. */
function neighbours(
  spec: Spec,
  direction: 'upstream' | 'downstream',
): ReadonlyMap<string, readonly string[]> {
  const edges = direction === 'upstream' ? upstreamOf(spec.tasks) : downstreamOf(spec.tasks);
  const together = mappedTogether(spec);
  return new Map(spec.tasks.map(({ id }) => [id, [...(edges.get(id) ?? []), ...(together.get(id) ?? [])]]));
}

/** Task → the tasks of its mapped group. */
function mappedTogether({ tasks, groups = [] }: Spec): ReadonlyMap<string, readonly string[]> {
  const together = new Map<string, readonly string[]>();
  for (const group of groups.filter((one) => one.expand !== undefined)) {
    const members = tasks.filter((task) => isInGroup(task, group.id)).map((task) => task.id);
    for (const id of members) together.set(id, members);
  }
  return together;
}

/** With mapped groups made whole, and the setups and teardowns that belong to any of it. */
function withLifecycle(spec: Spec, taskIds: readonly string[]): ReadonlySet<string> {
  const byId = new Map(spec.tasks.map((task) => [task.id, task]));
  const together = mappedTogether(spec);
  const edges = new Map(
    spec.tasks.map((task): [string, readonly string[]] => [
      task.id,
      [...(together.get(task.id) ?? []), ...companionsOf(task, spec.tasks, byId)],
    ]),
  );
  return new Set([...taskIds, ...reachable(taskIds, edges)]);
}

/** A task needs its setups again, a setup its teardowns. A teardown alone needs nobody. */
function companionsOf(
  task: TaskSpec,
  tasks: readonly TaskSpec[],
  byId: ReadonlyMap<string, TaskSpec>,
): readonly string[] {
  if (task.teardown !== undefined) return [];
  const teardowns = tasks.filter(
    ({ teardown, upstream }) =>
      teardown !== undefined &&
      (teardown.setups.includes(task.id) || (teardown.setups.length === 0 && upstream.includes(task.id))),
  );
  const before = task.setup === true ? task.upstream.filter((id) => byId.get(id)?.setup === true) : [];
  return [...(task.setups ?? []), ...before, ...teardowns.map(({ id }) => id)];
}

function inSpecOrder(spec: Spec, taskIds: ReadonlySet<string>): string[] {
  return spec.tasks.map((task) => task.id).filter((id) => taskIds.has(id));
}

function addAll<Item>(to: Set<Item>, items: Iterable<Item>): void {
  for (const item of items) to.add(item);
}
