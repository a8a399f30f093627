import { rm } from 'node:fs/promises';
import type { RecordObject, TaskFunctions } from '../core/dag/dag-definition.js';
import type { ColumnSpec } from '../core/loading/columns.js';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { Manifest, StagedFile } from '../core/loading/manifest.js';
import type { QuarantineRow } from '../core/quality/quarantine.js';
import { duckDbType, fromText } from '../connectors/duckdb/column-sql.js';
import { quoteName, quoteText } from '../connectors/duckdb/sql-text.js';
import { rawLines, type RawLines } from './read/raw-lines.js';
import { surveyFiles } from './schedules/survey.js';
import { readStagedLines, type StagedLine } from './staged/staged-lines.js';
import type { ActivityDeps, StageIo } from './deps.js';

/**
 * Runs an author's row function over every row. `null` withholds the row; a list puts several rows in its place, which
 * count as extracted so that the count equation still says where every row went; a function that throws sends its row
 * to quarantine with code TRANSFORM_FAILED, and the rest goes on.
 *
 * Values arrive as JSON: integers beyond 2^53, decimals and instants as text.
 */
export async function mapRows(
  deps: ActivityDeps,
  input: Manifest,
  map: NonNullable<TaskFunctions['map']>,
  io: StageIo,
): Promise<Manifest> {
  if (input.files.length === 0) return input;
  const made =
    input.columns === undefined
      ? await rawLines(deps, input.files, io.signal)
      : await asNdjson(deps, input.files, input.columns);
  try {
    return await mapLines(deps, input, map, readStagedLines(made.paths), io);
  } finally {
    await made.remove();
  }
}

async function mapLines(
  deps: ActivityDeps,
  input: Manifest,
  map: NonNullable<TaskFunctions['map']>,
  lines: AsyncIterable<StagedLine>,
  io: StageIo,
): Promise<Manifest> {
  const rejects: QuarantineRow[] = [];
  let withheld = 0;
  let surplus = 0;
  let rows = 0;
  const mapLine = (line: StagedLine): string[] => {
    const raw = Buffer.from(line.bytes).toString('utf8');
    try {
      const { _millrace_position: from, ...row } = JSON.parse(raw) as RecordObject;
      const result = map(row);
      const results =
        result === null
          ? []
          : Array.isArray(result)
            ? (result as readonly RecordObject[])
            : [result as RecordObject];
      if (results.length === 0) withheld += 1;
      else surplus += results.length - 1;
      rows += results.length;
      return results.map((item) => JSON.stringify({ ...item, _millrace_position: from ?? line.position }));
    } catch (error) {
      rejects.push({
        code: 'TRANSFORM_FAILED',
        pointer: '',
        message: error instanceof Error ? error.message : String(error),
        raw,
        position: line.position,
      });
      return [];
    }
  };
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    let buffer: string[] = [];
    for await (const line of lines) {
      buffer.push(...mapLine(line));
      if (buffer.length < limits.recordsPerChunk) continue;
      io.signal.throwIfAborted();
      io.heartbeat(line.position);
      yield Buffer.from(`${buffer.join('\n')}\n`);
      buffer = [];
    }
    if (buffer.length > 0) yield Buffer.from(`${buffer.join('\n')}\n`);
  };
  const staged = await deps.staging.write(chunks(), rows);
  const { columns, path } = await typed(deps, await deps.staging.localPath(staged), input.columns ?? [], io);
  const file = rows === 0 ? undefined : await deps.staging.adopt(path, 'parquet', rows);
  const rejected =
    rejects.length === 0
      ? []
      : [
          await deps.staging.write(
            rejects.map((reject) => Buffer.from(`${JSON.stringify(reject)}\n`)),
            rejects.length,
          ),
        ];
  return {
    ...input,
    files: file === undefined ? [] : [file],
    rejects: [...input.rejects, ...rejected],
    columns,
    counts: {
      ...input.counts,
      extracted: input.counts.extracted + surplus,
      withheld: input.counts.withheld + withheld,
      quarantined: input.counts.quarantined + rejects.length,
    },
  };
}

/** Typed Parquet as NDJSON, with what JavaScript would round as text. */
async function asNdjson(
  deps: ActivityDeps,
  files: readonly StagedFile[],
  columns: readonly ColumnSpec[],
): Promise<RawLines> {
  const paths = await Promise.all(files.map((file) => deps.staging.localPath(file)));
  const target = deps.staging.temporaryPath('ndjson');
  const values = columns.map((column) => `${jsonSafe(column)} AS ${quoteName(column.name)}`);
  await deps.stagedSql.run([
    `COPY (SELECT _millrace_position, ${values.join(', ')} FROM read_parquet([${paths.map(quoteText).join(', ')}])) TO ${quoteText(target)} (FORMAT json)`,
  ]);
  return { paths: [target], remove: () => rm(target, { force: true }) };
}

/** A value as JSON, with what JavaScript would round as text. */
export function jsonSafe(column: ColumnSpec): string {
  const name = quoteName(column.name);
  switch (column.type) {
    case 'int64':
      return `CASE WHEN abs(${name}) <= 9007199254740991 THEN to_json(${name}) ELSE to_json(CAST(${name} AS VARCHAR)) END`;
    case 'decimal':
    case 'date':
      return `CAST(${name} AS VARCHAR)`;
    case 'timestamp':
      return `strftime(${name}, '%Y-%m-%dT%H:%M:%S.%fZ')`;
    case 'bytes':
      return `to_base64(${name})`;
    case 'json':
      return `CAST(${name} AS JSON)`;
    case 'string':
    case 'double':
    case 'boolean':
      return name;
  }
}

/** Columns that the function kept keep their type; new ones are typed by what they hold. */
async function typed(
  deps: ActivityDeps,
  path: string,
  known: readonly ColumnSpec[],
  io: StageIo,
): Promise<{ columns: ColumnSpec[]; path: string }> {
  const marker = {
    name: '_millrace_position',
    type: 'int64',
    nullable: false,
    hasInexactNumbers: false,
  } as const;
  const survey = await surveyFiles(deps.stagedSql, [path], [marker], io.signal);
  if (survey.clashingKeys.length > 0) {
    throw new PipelineError('TRANSFORM_INVALID', {
      task: 'the function',
      problems: survey.clashingKeys.map((key) => `"${key}" cannot be a column name beside the others`),
    });
  }
  const types = new Map(known.map((column) => [column.name, column]));
  const columns = survey.extraColumns.map(
    ({ name, type }) => types.get(name) ?? { name, type, nullable: true },
  );
  const target = deps.staging.temporaryPath('parquet');
  await deps.stagedSql.run([
    `COPY (SELECT CAST(_millrace_position AS BIGINT) AS _millrace_position, ${columns.map((column) => `CAST(${column.type === 'json' ? `CAST(${quoteName(column.name)} AS VARCHAR)` : fromText(column, `(${quoteName(column.name)} ->> '$')`)} AS ${duckDbType(column)}) AS ${quoteName(column.name)}`).join(', ')}
           FROM read_json(${quoteText(path)}, format = 'newline_delimited', columns = {_millrace_position: 'BIGINT', ${columns.map((column) => `${quoteName(column.name)}: 'JSON'`).join(', ')}}))
     TO ${quoteText(target)} (FORMAT parquet)`,
  ]);
  return { columns, path: target };
}
