import { duckDbTransforms } from '../connectors/duckdb/transform-dialect.js';
import { compileChain } from '../connectors/load/transform-chain.js';
import type { ColumnSpec } from '../core/loading/columns.js';
import type { DagSpec } from '../core/dag/dag-spec.js';
import type { DeferredTransforms } from '../core/loading/manifest.js';
import { schemaColumns } from '../schemas/columns.js';

/** What is known about the rows that a task hands on. */
type Known = Omit<DeferredTransforms, 'transforms'> & Partial<Pick<DeferredTransforms, 'transforms'>>;

/**
 * The transforms that are to run in the warehouse and will run in the worker, a sentence each, as far as the record schemas
 * tell. Their documents are embedded.
 *
 * @param gapsOf why the warehouse cannot apply transforms
 */
export function transformNotes(
  spec: DagSpec,
  warehouse: string,
  gapsOf: (deferred: DeferredTransforms) => readonly string[],
): string[] {
  const notes: string[] = [];
  const byTask = new Map<string, Known>();
  for (const task of spec.tasks) {
    if (task.kind === 'validate' && task.config.schema.document !== undefined)
      byTask.set(task.id, { columns: schemaColumns(task.config.schema.document) });
    if (task.kind === 'check' || task.kind === 'anomaly-gate') {
      const known = byTask.get(task.input);
      if (known !== undefined) byTask.set(task.id, known);
    }
    if (task.kind !== 'transform' || task.config.function === true) continue;
    const before = byTask.get(task.input);
    if (before === undefined) continue;
    const deferred = {
      columns: before.columns,
      transforms: [...(before.transforms ?? []), task.config],
    };
    const gaps = task.config.runIn === 'warehouse' ? gapsOf(deferred) : [];
    if (gaps.length > 0)
      notes.push(
        `DAG "${spec.id}": transform "${task.id}" will run in the worker, not in ${warehouse}: ${gaps.join('; ')}`,
      );
    const isDeferred = task.config.runIn === 'warehouse' && gaps.length === 0;
    const columns = isDeferred ? undefined : columnsAfter(deferred);
    if (isDeferred) byTask.set(task.id, deferred);
    else if (columns !== undefined) byTask.set(task.id, { columns });
  }
  return notes;
}

function columnsAfter(deferred: DeferredTransforms): readonly ColumnSpec[] | undefined {
  const chain = compileChain(deferred, duckDbTransforms);
  return 'problems' in chain ? undefined : chain.columns;
}
