import type { DagSpec, TaskSpec } from '../dag/dag-spec.js';
import { expandSources } from './expand.js';
import { isInGroup } from '../dag/graph.js';
import type { SnapshotEntry } from './run-snapshot.js';

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

/** Tasks whose results the chosen ones receive, which are neither chosen nor did well in a former execution. */
export function missingInputs(
  spec: DagSpec,
  taskIds: readonly string[],
  entries: readonly SnapshotEntry[],
): { readonly taskId: string; readonly missing: readonly string[] }[] {
  const there = new Set([
    ...taskIds,
    ...entries.filter(({ state }) => state === 'success').map(({ taskId }) => taskId),
  ]);
  return spec.tasks.flatMap((task) => {
    if (!taskIds.includes(task.id)) return [];
    const missing = inputsOf(spec, task).filter((id) => !there.has(id));
    return missing.length === 0 ? [] : [{ taskId: task.id, missing }];
  });
}

/** Tasks whose results a task receives, as rows, arguments or elements. */
function inputsOf({ groups = [] }: DagSpec, task: TaskSpec): string[] {
  const expands = [
    task.expand,
    ...groups.filter((group) => isInGroup(task, group.id)).map((group) => group.expand),
  ];
  return [
    ...('input' in task ? [task.input] : []),
    ...('inputs' in task ? Object.values(task.inputs).filter((from) => !from.startsWith('$')) : []),
    ...expands.flatMap((expand) => (expand === undefined ? [] : expandSources(expand))),
  ];
}
