import type { AlarmBook } from '../../core/alarms.js';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import type { QualityStore } from '../../core/quality/quality.js';

/**
 * Raises an alarm for each table whose last load is older than its load task's `freshWithin`, and ends it with the next
 * load. A table that this store has seen no load of yet counts from `since`, the start of the worker.
 */
export async function judgeLag(
  quality: Pick<QualityStore, 'lastLoads'>,
  book: AlarmBook,
  definitions: readonly Pick<DagDefinition, 'spec'>[],
  { since, now }: { readonly since: string; readonly now: string },
): Promise<void> {
  const declared = definitions.flatMap(({ spec }) =>
    spec.tasks.flatMap((task) =>
      task.kind === 'load' && task.config.freshWithinMs !== undefined
        ? [{ dagId: spec.id, taskId: task.id, table: task.config.into, maxMs: task.config.freshWithinMs }]
        : [],
    ),
  );
  if (declared.length === 0) return;
  const loads = await quality.lastLoads();
  for (const { dagId, taskId, table, maxMs } of declared) {
    const last = loads.find(
      (load) => load.dagId === dagId && load.taskId === taskId && load.table === table,
    )?.committedAt;
    const from = last ?? since;
    const alarm = { dagId, kind: 'lag', subject: table } as const;
    const dueAt = new Date(Date.parse(from) + maxMs).toISOString();
    if (now <= dueAt) {
      if (last !== undefined) await book.recover({ ...alarm, at: last });
      continue;
    }
    const seen = last === undefined ? 'no load is known' : `its last load was at ${last}`;
    await book.raise({
      ...alarm,
      at: dueAt,
      occurrence: from,
      message: `DAG "${dagId}": table "${table}" is behind: ${seen}; see "millrace run list --dag ${dagId}"`,
    });
  }
}
