import type { Edge } from './edge.js';
import type { Expandable } from './task-options.js';
import type { ExpandSpec, ListSource } from './task-spec.js';

type Over =
  | { readonly kind: 'product'; readonly over: Readonly<Record<string, Expandable>> }
  | { readonly kind: 'kwargs'; readonly over: Expandable };

/** The lists that a mapping names, each with its argument; the one of `kwargs` has none. */
function listsOf(mapping: Over): [string, Expandable][] {
  return mapping.kind === 'product' ? Object.entries(mapping.over) : [['', mapping.over]];
}

/** How a task or group is mapped, and the upstream tasks whose results it is mapped over. */
export function readExpand(
  mapping: Over,
  settings: { readonly mapLabel?: string; readonly maxActive?: number },
): { expand: ExpandSpec; edges: Edge<unknown>[] } {
  const lists = listsOf(mapping);
  const sources = lists.map(([name, list]) => [name, sourceOf(list)] as const);
  const [[, items] = ['', { values: [] }]] = sources;
  return {
    expand: {
      over:
        mapping.kind === 'product'
          ? { kind: 'product', arguments: Object.fromEntries(sources) }
          : { kind: 'kwargs', items },
      ...(settings.mapLabel === undefined ? {} : { label: settings.mapLabel }),
      ...(settings.maxActive === undefined ? {} : { maxActive: settings.maxActive }),
    },
    edges: lists.flatMap(([, list]) => (isEdge(list) ? [list] : [])),
  };
}

function sourceOf(list: Expandable): ListSource {
  return isEdge(list) ? { task: list.taskId } : { values: list };
}

function isEdge(list: Expandable): list is Extract<Expandable, { readonly taskId: string }> {
  return !Array.isArray(list);
}
