import type { DagSpec } from './dag-spec.js';

/** A spec with some of its tasks only; edges from the others are dropped, and what they handed on comes from elsewhere. */
export function selectTasks(spec: DagSpec, taskIds: readonly string[]): DagSpec {
  const kept = new Set(taskIds);
  const tasks = spec.tasks
    .filter((task) => kept.has(task.id))
    .map((task) => ({
      ...task,
      upstream: task.upstream.filter((id) => kept.has(id)),
      ...(task.setups === undefined ? {} : { setups: task.setups.filter((id) => kept.has(id)) }),
      ...(task.teardown === undefined
        ? {}
        : { teardown: { ...task.teardown, setups: task.teardown.setups.filter((id) => kept.has(id)) } }),
    }));
  return { ...spec, tasks };
}
