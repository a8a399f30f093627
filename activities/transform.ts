import { createHash } from 'node:crypto';
import type { TransformConfig, TransformTask } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { canonicalJson } from '../core/json.js';
import type { DeferredTransforms, Manifest, StagedFile } from '../core/loading/manifest.js';
import type { StageRequest } from '../core/run/run.js';
import { quoteName, quoteText } from '../connectors/duckdb/sql-text.js';
import { duckDbTransforms } from '../connectors/duckdb/transform-dialect.js';
import { writeTransformed } from '../connectors/load/run-transforms.js';
import { compileChain, unnestGaps } from '../connectors/load/transform-chain.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';
import { mapRows } from './map-rows.js';
import { unnestRows } from './unnest-rows.js';

type TransformRequest = StageRequest<TransformTask>;

/**
 * The transform stage. Declarative steps run as one SQL statement over the staged Parquet, or are left to the load, where
 * the warehouse can do them; a function of the DAG file runs over rows in JavaScript.
 *
 * @throws PipelineError TRANSFORM_INVALID, FUNCTION_MISSING, STAGING_*, DISK_FULL
 */
export function createTransform(deps: ActivityDeps): Stage<TransformRequest, Manifest> {
  return async ({ context, task, input: given }, io) => {
    if (given === undefined)
      throw new PipelineError('INTERNAL', { where: `task "${task.id}"`, reason: 'no input manifest' });
    // Where the steps run changes nothing about the outcome.
    const { runIn: _place, ...rules } = task.config;
    const contentHash = createHash('sha256')
      .update(given.contentHash + canonicalJson(rules))
      .digest('hex');
    if (task.config.function === true) {
      const { map } = deps.functions(context.dagId, task.id);
      if (map === undefined)
        throw new PipelineError('FUNCTION_MISSING', { dagId: context.dagId, taskId: task.id });
      return { ...(await mapRows(deps, given, map, io)), contentHash };
    }
    const where = `${context.dagId}/${task.id}`;
    if (given.columns === undefined) {
      throw new PipelineError('TRANSFORM_INVALID', {
        task: where,
        problems: ['declarative steps need typed columns: put a validate task before it, or use a function'],
      });
    }
    const { unnest, ...steps } = task.config;
    const input = await unnestHere(deps, given, task, io, where);
    if (unnest !== undefined && Object.keys(steps).every((name) => name === 'runIn'))
      return { ...input, contentHash };
    const { deferred: before, ...rest } = input;
    const deferred: DeferredTransforms = {
      columns: before?.columns ?? input.columns ?? [],
      transforms: [...(before?.transforms ?? []), steps],
    };
    const chain = compileChain(deferred, duckDbTransforms);
    if ('problems' in chain)
      throw new PipelineError('TRANSFORM_INVALID', { task: where, problems: chain.problems });
    const deletes = await renameDeletes(deps, input.deletes, task.config);
    const outcome = { ...rest, deletes, columns: chain.columns, contentHash };
    if (input.files.length === 0) return outcome;
    if (task.config.runIn === 'warehouse' && unnest === undefined) {
      const gaps = deps.warehouse.transformGaps(deferred);
      if (gaps.length === 0) {
        io.log.info(`${deps.warehouse.name} does this with the load`);
        return { ...outcome, deferred };
      }
      io.log.warn(`the worker does this: ${deps.warehouse.name} cannot`, { gaps: [...gaps] });
    }
    const paths = await Promise.all(input.files.map((file) => deps.staging.localPath(file)));
    const source = `read_parquet([${paths.map(quoteText).join(', ')}])`;
    const target = deps.staging.temporaryPath('parquet');
    const counts = await writeTransformed(deps.stagedSql, chain, { source, target, signal: io.signal });
    const { rows, withheld, superseded } = counts;
    io.log.info(`${String(rows)} of ${String(rows + withheld + superseded)} rows go on`, {
      withheld,
      superseded,
    });
    return {
      ...outcome,
      files: rows === 0 ? [] : [await deps.staging.adopt(target, 'parquet', rows)],
      counts: {
        ...input.counts,
        withheld: input.counts.withheld + withheld,
        superseded: input.counts.superseded + superseded,
      },
    };
  };
}

/** Unnests in the worker, wherever the other steps are to run. */
function unnestHere(
  deps: ActivityDeps,
  input: Manifest,
  { config }: TransformTask,
  io: StageIo,
  where: string,
): Promise<Manifest> {
  const { unnest, runIn } = config;
  if (unnest === undefined) return Promise.resolve(input);
  if (runIn === 'warehouse')
    io.log.warn(`the worker does this: ${deps.warehouse.name} cannot`, {
      gaps: [...unnestGaps({ transforms: [config] })],
    });
  return unnestRows(deps, input, unnest, where, io);
}

/** Deletions carry key and version columns only; a rename of one of those must reach them too. */
async function renameDeletes(
  deps: ActivityDeps,
  deletes: readonly StagedFile[],
  { rename }: TransformConfig,
): Promise<readonly StagedFile[]> {
  if (rename === undefined || deletes.length === 0) return deletes;
  const renamed: StagedFile[] = [];
  for (const file of deletes) {
    const path = await deps.staging.localPath(file);
    const members = await deps.stagedSql.run([
      `SELECT DISTINCT unnest(json_keys(json)) AS name FROM read_ndjson_objects(${quoteText(path)})`,
    ]);
    const names = members.map((row) => String(row['name']));
    const target = deps.staging.temporaryPath('ndjson');
    await deps.stagedSql.run([
      `COPY (SELECT ${names.map((name) => `${quoteName(name)} AS ${quoteName(rename[name] ?? name)}`).join(', ')}
             FROM read_json(${quoteText(path)}, format = 'newline_delimited', columns = {${names.map((name) => `${quoteName(name)}: 'JSON'`).join(', ')}}))
       TO ${quoteText(target)} (FORMAT json)`,
    ]);
    renamed.push(await deps.staging.adopt(target, 'ndjson', file.rows));
  }
  return renamed;
}
