import { rm } from 'node:fs/promises';
import { quoteName, quoteText } from '../connectors/duckdb/sql-text.js';
import { duckDbTransforms } from '../connectors/duckdb/transform-dialect.js';
import { writeTransformed } from '../connectors/load/run-transforms.js';
import { compileChain } from '../connectors/load/transform-chain.js';
import { compileUnnest, type UnnestPlan } from '../connectors/load/unnest-sql.js';
import type { UnnestConfig } from '../core/dag/unnest.js';
import { PipelineError } from '../core/errors/index.js';
import type { ColumnSpec } from '../core/loading/columns.js';
import type { Manifest, StagedFile } from '../core/loading/manifest.js';
import type { ActivityDeps, StageIo } from './deps.js';
import { jsonSafe } from './map-rows.js';

/**
 * Puts a row for each element of an array in the place of the rows that hold them. Of several versions of a parent the
 * latest counts, the others are superseded. A parent without elements becomes a deletion with its key and version, which
 * takes away the elements that a table has of it; a value that is no array sends its row to quarantine with code
 * TRANSFORM_FAILED. Elements count as extracted in place of their parent.
 *
 * @param where the task, for messages
 * @throws PipelineError TRANSFORM_INVALID, STAGING_*, DISK_FULL
 */
export async function unnestRows(
  deps: ActivityDeps,
  given: Manifest,
  config: UnnestConfig,
  where: string,
  io: StageIo,
): Promise<Manifest> {
  const plan = compileUnnest(given.columns ?? [], config);
  if ('problems' in plan)
    throw new PipelineError('TRANSFORM_INVALID', { task: where, problems: plan.problems });
  if (given.files.length === 0) {
    const { deferred: _none, ...rest } = given;
    return { ...rest, columns: plan.columns };
  }
  const made: string[] = [];
  const temporary = (extension: string): string => {
    const path = deps.staging.temporaryPath(extension);
    made.push(path);
    return path;
  };
  try {
    const { manifest, source } = await settled(deps, given, temporary('parquet'), where, io);
    return await unnested(deps, { manifest, source, plan, config, temporary }, io);
  } finally {
    for (const path of made) await rm(path, { force: true });
  }
}

/** Rows as they are after the transforms that were left to the load: whoever unnests them needs them now. */
async function settled(
  deps: ActivityDeps,
  { deferred, ...manifest }: Manifest,
  target: string,
  where: string,
  io: StageIo,
): Promise<{ readonly manifest: Manifest; readonly source: string }> {
  const paths = await Promise.all(manifest.files.map((file) => deps.staging.localPath(file)));
  const source = `read_parquet([${paths.map(quoteText).join(', ')}])`;
  if (deferred === undefined) return { manifest, source };
  const chain = compileChain(deferred, duckDbTransforms);
  if ('problems' in chain)
    throw new PipelineError('TRANSFORM_INVALID', { task: where, problems: chain.problems });
  const { withheld, superseded } = await writeTransformed(deps.stagedSql, chain, {
    source,
    target,
    signal: io.signal,
  });
  const counts = {
    ...manifest.counts,
    withheld: manifest.counts.withheld + withheld,
    superseded: manifest.counts.superseded + superseded,
  };
  return { manifest: { ...manifest, counts }, source: `read_parquet(${quoteText(target)})` };
}

interface Work {
  readonly manifest: Manifest;
  readonly source: string;
  readonly plan: Exclude<UnnestPlan, { readonly problems: readonly string[] }>;
  readonly config: UnnestConfig;
  temporary(extension: string): string;
}

async function unnested(
  { staging, stagedSql }: ActivityDeps,
  { manifest, source, plan, config, temporary }: Work,
  io: StageIo,
): Promise<Manifest> {
  const write = (sql: string, target: string, format: 'json' | 'parquet') =>
    stagedSql.run([`COPY (${sql}) TO ${quoteText(target)} (FORMAT ${format})`], io.signal);
  const parentsFile = temporary('parquet');
  await write(plan.parents(source), parentsFile, 'parquet');
  const parents = `read_parquet(${quoteText(parentsFile)})`;
  const [figures] = await stagedSql.run(
    [
      `SELECT *, (SELECT count(*) FROM (${plan.refused(source)})) AS refused, (SELECT count(*) FROM ${source}) AS total FROM (${plan.count(parents)})`,
    ],
    io.signal,
  );
  const figure = (name: string) => Number(figures?.[name] ?? 0);
  const [elements, emptied, refused] = [figure('elements'), figure('emptied'), figure('refused')];
  const superseded = figure('total') - figure('parents') - refused;
  const kept = async (rows: number, sql: string, format: 'json' | 'parquet'): Promise<StagedFile[]> => {
    if (rows === 0) return [];
    const extension = format === 'json' ? 'ndjson' : 'parquet';
    const target = temporary(extension);
    await write(sql, target, format);
    return [await staging.adopt(target, extension, rows)];
  };
  io.log.info(`${String(elements)} elements of ${String(figure('parents') - emptied)} rows go on`, {
    emptied,
    superseded,
    refused,
  });
  return {
    ...manifest,
    files: await kept(elements, plan.elements(parents), 'parquet'),
    deletes: [
      ...manifest.deletes,
      ...(await kept(emptied, emptiedSql(plan, config, parents, manifest), 'json')),
    ],
    rejects: [...manifest.rejects, ...(await kept(refused, refusedSql(plan, config, source), 'json'))],
    columns: plan.columns,
    counts: {
      ...manifest.counts,
      extracted: manifest.counts.extracted + elements - (figure('parents') - emptied),
      superseded: manifest.counts.superseded + superseded,
      quarantined: manifest.counts.quarantined + refused,
    },
  };
}

/** Deletions of whole groups: they name the parent, and no element of it. */
function emptiedSql(
  { emptied }: Work['plan'],
  config: UnnestConfig,
  parents: string,
  { columns = [] }: Manifest,
): string {
  const marks = new Set([...config.key, ...(config.version ?? [])]);
  const values = columns
    .filter(({ name }) => marks.has(name))
    .map((column: ColumnSpec) => `${jsonSafe(column)} AS ${quoteName(column.name)}`);
  return `SELECT ${values.join(', ')} FROM (${emptied(parents)})`;
}

function refusedSql({ refused }: Work['plan'], { column, path = '$' }: UnnestConfig, source: string): string {
  const pointer = `/${column.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const message = path === '$' ? 'it is no array' : `there is no array at ${path}`;
  return `SELECT 'TRANSFORM_FAILED' AS code, ${quoteText(pointer)} AS pointer, ${quoteText(message)} AS message,
            CAST(to_json(r) AS VARCHAR) AS raw, _millrace_position AS position FROM (${refused(source)}) r`;
}
