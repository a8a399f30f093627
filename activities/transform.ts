import { createHash } from 'node:crypto';
import type { TransformConfig, TransformTask } from '../core/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { canonicalJson } from '../core/json.js';
import type { Manifest, StagedFile } from '../core/manifest.js';
import type { StageRequest } from '../core/run.js';
import { quoteName, quoteText } from '../connectors/duckdb/sql-text.js';
import type { ActivityDeps, Stage } from './deps.js';
import { mapRows } from './map-rows.js';
import { compileTransform } from './transform-sql.js';

type TransformRequest = StageRequest<TransformTask>;

/**
 * The transform stage. Declarative steps run as one SQL statement over the staged Parquet; a function of the DAG file
 * runs over rows in JavaScript.
 *
 * @throws PipelineError TRANSFORM_INVALID, FUNCTION_MISSING, STAGING_*, DISK_FULL
 */
export function createTransform(deps: ActivityDeps): Stage<TransformRequest, Manifest> {
  return async ({ context, task, input }, io) => {
    if (input === undefined)
      throw new PipelineError('INTERNAL', { where: `task "${task.id}"`, reason: 'no input manifest' });
    const contentHash = createHash('sha256')
      .update(input.contentHash + canonicalJson(task.config))
      .digest('hex');
    if (task.config.function === true) {
      const { map } = deps.functions(context.dagId, task.id);
      if (map === undefined)
        throw new PipelineError('FUNCTION_MISSING', { dagId: context.dagId, taskId: task.id });
      return { ...(await mapRows(deps, input, map, io)), contentHash };
    }
    const { columns } = input;
    if (columns === undefined) {
      throw new PipelineError('TRANSFORM_INVALID', {
        task: `${context.dagId}/${task.id}`,
        problems: ['declarative steps need typed columns: put a validate task before it, or use a function'],
      });
    }
    const plan = compileTransform(columns, task.config);
    if ('problems' in plan)
      throw new PipelineError('TRANSFORM_INVALID', {
        task: `${context.dagId}/${task.id}`,
        problems: plan.problems,
      });
    const deletes = await renameDeletes(deps, input.deletes, task.config);
    if (input.files.length === 0) return { ...input, deletes, columns: plan.columns, contentHash };

    const paths = await Promise.all(input.files.map((file) => deps.staging.localPath(file)));
    const source = `read_parquet([${paths.map(quoteText).join(', ')}])`;
    const target = deps.staging.temporaryPath('parquet');
    await deps.stagedSql.run(
      [`COPY (${plan.select(source)}) TO ${quoteText(target)} (FORMAT parquet)`],
      io.signal,
    );
    const before = input.files.reduce((sum, file) => sum + file.rows, 0);
    const kept =
      plan.keeps === undefined
        ? before
        : await countRows(deps, `SELECT count(*)::INTEGER AS n FROM ${plan.keeps(source)}`);
    const after = await countRows(deps, `SELECT count(*)::INTEGER AS n FROM ${quoteText(target)}`);
    io.log.info(`${String(after)} of ${String(before)} rows go on`, {
      withheld: before - kept,
      superseded: kept - after,
    });
    return {
      ...input,
      files: after === 0 ? [] : [await deps.staging.adopt(target, 'parquet', after)],
      deletes,
      columns: plan.columns,
      counts: {
        ...input.counts,
        withheld: input.counts.withheld + before - kept,
        superseded: input.counts.superseded + kept - after,
      },
      contentHash,
    };
  };
}

async function countRows(deps: ActivityDeps, sql: string): Promise<number> {
  return Number((await deps.stagedSql.run([sql]))[0]?.['n'] ?? 0);
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
