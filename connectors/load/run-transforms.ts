import { rm } from 'node:fs/promises';
import { duckDbTransforms } from '../duckdb/transform-dialect.js';
import { PipelineError } from '../../core/errors/index.js';
import type { DeferredTransforms } from '../../core/loading/manifest.js';
import { quoteText } from '../duckdb/sql-text.js';
import type { StagedSql } from '../duckdb/staged-sql.js';
import type { StagingStore } from '../staging.js';
import type { LoadRequest } from '../warehouse.js';
import type { LoadFiles } from './batch-sql.js';
import { systemColumns } from './system-tables.js';
import { compileChain, type TransformChain, type TransformCounts } from './transform-chain.js';

/** Writes the outcome of transforms over `source` as Parquet, in source order. */
export async function writeTransformed(
  stagedSql: StagedSql,
  chain: TransformChain,
  {
    source,
    target,
    signal,
  }: { readonly source: string; readonly target: string; readonly signal?: AbortSignal },
): Promise<TransformCounts> {
  await stagedSql.run(
    [
      `COPY (${chain.select(source)}${chain.isReordered ? ` ORDER BY ${systemColumns.position}` : ''}) TO ${quoteText(target)} (FORMAT parquet)`,
    ],
    signal,
  );
  const [row] = await stagedSql.run([chain.count(source, quoteText(target))], signal);
  return chain.read(row);
}

/** What a load still has to apply, for the engine that prepares batches. @throws PipelineError TRANSFORM_INVALID */
export function deferredChain(deferred: DeferredTransforms, task: string): TransformChain {
  const chain = compileChain(deferred, duckDbTransforms);
  if ('problems' in chain) throw new PipelineError('TRANSFORM_INVALID', { task, problems: chain.problems });
  return chain;
}

/** A load whose deferred transforms are applied: its rows are in `relation`, and its counts know where the others went. */
export function afterTransforms<Request extends Pick<LoadRequest, 'manifest'>>(
  request: Request,
  files: LoadFiles,
  { rows, withheld, superseded }: TransformCounts,
  relation: string,
): { readonly request: Request; readonly files: LoadFiles } {
  const { deferred: _applied, ...manifest } = request.manifest;
  const counts = {
    ...manifest.counts,
    withheld: manifest.counts.withheld + withheld,
    superseded: manifest.counts.superseded + superseded,
  };
  return {
    request: { ...request, manifest: { ...manifest, counts } },
    files: { ...files, rowCount: rows, relation: rows === 0 ? undefined : relation },
  };
}

/** Applies the deferred transforms of a load on this machine, into a file that `remove` takes away. */
export async function transformHere(
  { staging, stagedSql }: { readonly staging: StagingStore; readonly stagedSql: StagedSql },
  request: LoadRequest,
  files: LoadFiles,
): Promise<{ readonly request: LoadRequest; readonly files: LoadFiles; remove(): Promise<void> }> {
  const { deferred } = request.manifest;
  if (deferred === undefined || files.relation === undefined)
    return { request, files, remove: () => Promise.resolve() };
  const target = staging.temporaryPath('parquet');
  const remove = () => rm(target, { force: true });
  try {
    const chain = deferredChain(deferred, `${request.dagId}/${request.taskId}`);
    const counts = await writeTransformed(stagedSql, chain, { source: files.relation, target });
    return { ...afterTransforms(request, files, counts, `read_parquet(${quoteText(target)})`), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
