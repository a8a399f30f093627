import { PipelineError } from '../../core/errors/index.js';
import type { StagedRows } from '../load/stage-batch.js';
import type { LoadRequest } from '../warehouse.js';
import type { RemoteEngine, StatementTag } from './engine.js';

/** Fills a temporary table of a load from a local file. @throws PipelineError COUNT_MISMATCH, WAREHOUSE_* */
export async function uploadRows(
  engine: RemoteEngine,
  { loadId, config }: Pick<LoadRequest, 'loadId' | 'config'>,
  { table, rows }: { readonly table: string; readonly rows: StagedRows },
  tag: StatementTag,
): Promise<void> {
  const taken = await engine.upload(table, rows, tag);
  if (taken === rows.rows) return;
  throw new PipelineError('COUNT_MISMATCH', {
    loadId,
    table: config.into,
    counts: `${String(rows.rows)} rows were staged and the warehouse took ${String(taken)}`,
  });
}
