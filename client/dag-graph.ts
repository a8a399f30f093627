import type { DagSpec, TaskSpec, TaskState } from '../core/dag/dag-spec.js';
import { fillOf, markOf, type MarkStyle } from './task-marks.js';
import { mermaidText } from './mermaid.js';

/** Where tasks are grouped, `group` is the path of the group: `a.b` lies inside `a`. */
type Task = TaskSpec & { readonly group?: string };
type States = Readonly<Record<string, TaskState>>;

/** The layer of each task: one more than the deepest of its upstream tasks. */
export function layersOf(spec: Pick<DagSpec, 'tasks'>): TaskSpec[][] {
  const depth = new Map<string, number>();
  const layers: TaskSpec[][] = [];
  for (const task of spec.tasks) {
    const own = Math.max(0, ...task.upstream.map((id) => (depth.get(id) ?? 0) + 1));
    depth.set(task.id, own);
    (layers[own] ??= []).push(task);
  }
  return layers;
}

/** Text of a graph: layer by layer, each task with what it comes after. */
export function renderGraph(spec: DagSpec, states: States | undefined, style: MarkStyle): string {
  const nameWidth = Math.max(...spec.tasks.map(({ id }) => id.length));
  const kindWidth = Math.max(...spec.tasks.map(({ kind }) => kind.length));
  const layers = layersOf(spec);
  const numberWidth = String(layers.length).length;
  return layers
    .flatMap((tasks, layer) =>
      tasks.map((task, index) =>
        [
          (index === 0 ? String(layer + 1) : '').padStart(numberWidth),
          ...(states === undefined ? [] : [markOf(states[task.id] ?? 'none', style)]),
          task.id.padEnd(nameWidth),
          task.kind.padEnd(kindWidth),
          task.upstream.length === 0 ? '' : `← ${task.upstream.join(', ')}`,
          task.triggerRule === 'all_success' ? '' : `[${task.triggerRule}]`,
          ...(states === undefined ? [] : [`(${states[task.id] ?? 'none'})`]),
        ]
          .join(' ')
          .trimEnd(),
      ),
    )
    .join('\n');
}

/**
 * A Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html): nodes with kind and trigger rule, groups as
 * subgraphs, and states as classes where there are any.
 */
export function renderMermaid(spec: DagSpec, states: States | undefined): string {
  const nodes = new Map(spec.tasks.map(({ id }, index) => [id, `t${String(index)}`]));
  const nodeOf = (id: string) => nodes.get(id) ?? '';
  const edges = spec.tasks.flatMap((task) =>
    task.upstream.map((from) => `  ${nodeOf(from)} --> ${nodeOf(task.id)}`),
  );
  const shown =
    states === undefined ? [] : [...new Set(spec.tasks.map(({ id }) => states[id] ?? 'none'))].sort();
  return [
    'flowchart LR',
    ...groupLines(spec.tasks, '', nodeOf, '  '),
    ...edges,
    ...shown.map((state) => `  classDef ${state} fill:${fillOf(state)}`),
    ...shown.map((state) => {
      const members = spec.tasks.filter(({ id }) => (states?.[id] ?? 'none') === state);
      return `  class ${members.map(({ id }) => nodeOf(id)).join(',')} ${state}`;
    }),
  ].join('\n');
}

/** Nodes of a group, and its groups as subgraphs, in the order of the tasks. */
function groupLines(
  tasks: readonly Task[],
  path: string,
  nodeOf: (id: string) => string,
  indent: string,
): string[] {
  const done = new Set<string>();
  return tasks.flatMap((task) => {
    const group = task.group ?? '';
    if (group === path) return [`${indent}${nodeOf(task.id)}["${labelOf(task)}"]`];
    const [name = ''] = (path === '' ? group : group.slice(path.length + 1)).split('.');
    const inner = path === '' ? name : `${path}.${name}`;
    if (done.has(inner)) return [];
    done.add(inner);
    const members = tasks.filter((other) => `${other.group ?? ''}.`.startsWith(`${inner}.`));
    return [
      `${indent}subgraph ${groupNode(inner)}["${mermaidText(name)}"]`,
      ...groupLines(members, inner, nodeOf, `${indent}  `),
      `${indent}end`,
    ];
  });
}

/** A node name for a path; no other path has the same. */
function groupNode(path: string): string {
  return `g_${path.replaceAll(/[^A-Za-z0-9]/g, (character) => `_${String(character.codePointAt(0))}_`)}`;
}

function labelOf({ id, kind, triggerRule }: Task): string {
  const lines = [id, kind, ...(triggerRule === 'all_success' ? [] : [triggerRule])];
  return lines.map(mermaidText).join('<br/>');
}
