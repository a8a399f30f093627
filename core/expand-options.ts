import type { Edge } from './edge.js';
import type { Expandable } from './task-options.js';
import type { ExpandSpec, ListSource } from './task-spec.js';

type Over =
  | { readonly kind: 'product'; readonly over: Readonly<Record<string, Expandable>> }
  | { readonly kind: 'kwargs'; readonly over: Expandable };

/** How a task or group is mapped, and the upstream tasks whose results it is mapped over. */
export function readExpand(
  { kind, over }: Over,
  settings: { readonly mapLabel?: string; readonly maxActive?: number },
): { expand: ExpandSpec; edges: Edge<unknown>[] } {
  const lists = kind === 'product' ? Object.values(over as Record<string, Expandable>) : [over as Expandable];
  return {
    expand: {
      over:
        kind === 'product'
          ? {
              kind,
              arguments: Object.fromEntries(
                Object.entries(over as Record<string, Expandable>).map(([name, list]) => [
                  name,
                  sourceOf(list),
                ]),
              ),
            }
          : { kind, items: sourceOf(over as Expandable) },
      ...(settings.mapLabel === undefined ? {} : { label: settings.mapLabel }),
      ...(settings.maxActive === undefined ? {} : { maxActive: settings.maxActive }),
    },
    edges: lists.filter((list) => isEdge(list)),
  };
}

function sourceOf(list: Expandable): ListSource {
  return isEdge(list) ? { task: list.taskId } : { values: list };
}

function isEdge(list: Expandable): list is Extract<Expandable, { readonly taskId: string }> {
  return !Array.isArray(list);
}
