import { positionOf, streamsOf } from '../../connectors/inbox/position.js';
import { sequenceTimeMs } from '../../connectors/inbox/segments.js';
import type { Warehouse } from '../../connectors/warehouse.js';
import type { DagSpec, ExtractTask } from '../../core/dag/dag-spec.js';
import { isInGroup, loadsFedBy } from '../../core/dag/graph.js';
import type { InboxReader } from '../../core/inbox-report.js';
import { cursorOfTask } from '../../core/loading/manifest.js';

/** A stream's readers, and the last sequence that every one of them has read; empty for none. */
export interface StreamReaders {
  readonly readers: readonly InboxReader[];
  readonly readThrough: string;
}

/**
 * Who reads which stream of the inbox, and how far their loads have committed it. A stream that nobody reads has been read by
 * nobody. A reader that may read from the beginning again keeps everything.
 *
 * @throws PipelineError WAREHOUSE_*
 */
export async function inboxReaders(
  specs: readonly DagSpec[],
  warehouse: Pick<Warehouse, 'latestCursor'>,
): Promise<ReadonlyMap<string, StreamReaders>> {
  const found = new Map<string, { readonly reader: InboxReader; readonly sequence: string }[]>();
  for (const spec of specs) {
    for (const task of spec.tasks) {
      if (task.kind !== 'extract' || task.config.from.connector !== 'inbox') continue;
      const { from } = task.config;
      const base = { dagId: spec.id, taskId: task.id };
      const keepsAll = whyAll(spec, task);
      const committed =
        keepsAll === undefined
          ? cursorOfTask(
              await warehouse.latestCursor(spec.id, task.id, loadsFedBy(spec.tasks, task.id)),
              task.id,
            )
          : undefined;
      const position = positionOf({ ...from, ...(committed === undefined ? {} : { cursor: committed }) });
      for (const stream of streamsOf(from)) {
        const sequence = position.get(stream) ?? '';
        const reader: InboxReader = {
          ...base,
          ...(keepsAll === undefined ? {} : { keepsAll }),
          ...(sequence === '' ? {} : { readThrough: new Date(sequenceTimeMs(sequence)).toISOString() }),
        };
        found.set(stream, [...(found.get(stream) ?? []), { reader, sequence }]);
      }
    }
  }
  return new Map(
    [...found].map(([stream, list]) => [
      stream,
      {
        readers: list.map(({ reader }) => reader),
        readThrough: list.map(({ sequence }) => sequence).sort()[0] ?? '',
      },
    ]),
  );
}

/** Why a task may read segments again that its load has committed; undefined where it does not. */
function whyAll(spec: DagSpec, task: ExtractTask): string | undefined {
  if (task.config.read !== 'cursor') return 'it reads the whole stream each time';
  if (spec.groups?.some((group) => group.expand !== undefined && isInGroup(task, group.id)) === true)
    return 'each instance of its mapped group reads on its own';
  const fed = loadsFedBy(spec.tasks, task.id);
  const reconciled = spec.tasks.find(
    (other) => other.kind === 'load' && other.reconcile !== undefined && fed.includes(other.id),
  );
  return reconciled === undefined ? undefined : `reconcile of "${reconciled.id}" reads the whole stream`;
}
