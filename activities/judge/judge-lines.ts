import type { SqlRow } from '../../connectors/duckdb/staged-sql.js';
import { duckDbType, fromJson, fromText } from '../../connectors/duckdb/column-sql.js';
import { quoteName, quoteText } from '../../connectors/duckdb/sql-text.js';
import type { ColumnSpec } from '../../core/loading/columns.js';
import type { ValidateTask } from '../../core/dag/dag-spec.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';
import { compileSchema } from '../../schemas/ajv.js';
import { compileSql } from '../../schemas/compile-sql.js';
import type { SourceColumn } from '../../schemas/columns.js';
import type { ActivityDeps, StageIo } from '../deps.js';
import { createRecordJudge } from './record-judge.js';
import { readStagedLines, type StagedLine } from '../staged/staged-lines.js';
import { surveyFiles } from '../schedules/survey.js';

/** A batch before it becomes a manifest. */
export interface Judged {
  readonly parquetPath: string | undefined;
  /** The input's files, where they go on as they are. */
  readonly passed?: readonly StagedFile[];
  readonly rows: number;
  readonly rejects: readonly QuarantineRow[];
  readonly columns: readonly ColumnSpec[];
}

/** What is to be judged, and by what. */
export interface SchemaBatch {
  readonly task: ValidateTask;
  readonly document: JsonObject;
  /** Columns of the schema. */
  readonly columns: readonly SourceColumn[];
  readonly files: readonly StagedFile[];
}

/**
 * Judges NDJSON: in SQL where the schema maps and DuckDB reads the batch as JSON has it, else record by record.
 *
 * @throws PipelineError CONTRACT_BROKEN
 */
export async function judgeLines(
  deps: ActivityDeps,
  { task, document, columns, files }: SchemaBatch,
  paths: readonly string[],
  io: StageIo,
): Promise<Judged> {
  const survey = await surveyFiles(deps.stagedSql, paths, columns, io.signal, refusingNull(document));
  const { newColumns } = task.config.contract;
  refuseUnknown(task, survey.unknownKeys);
  const compiled = compileSql(document, { name: quoteName, text: quoteText });
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const isSqlSafe =
    'verdict' in compiled &&
    !survey.isDoubtful &&
    survey.rows === rows &&
    !columns.some((column) => column.hasInexactNumbers) &&
    (newColumns !== 'quarantine' || survey.unknownKeys.length === 0);
  const all = [...columns, ...(newColumns === 'evolve' ? survey.extraColumns : [])];
  const judgeRecord = createRecordJudge({
    document,
    columns: all,
    refusedKeys: newColumns === 'quarantine' ? survey.unknownKeys : survey.clashingKeys,
  });
  if (!isSqlSafe) return judgeByRecord(deps, all, judgeRecord, readStagedLines(paths), io);
  const table: JudgedTable = {
    from: jsonTable(paths, all),
    position: 'row_number() OVER () - 1',
    columns: all.map((column) => ({ column, ...jsonValue(column) })),
    verdict: compiled.verdict,
    lines: () => Promise.resolve(paths),
  };
  return judgeBySql(deps, table, judgeRecord, io);
}

/** @throws PipelineError CONTRACT_BROKEN where the contract takes no other columns and there are some */
export function refuseUnknown({ id, config }: ValidateTask, unknownKeys: readonly string[]): void {
  if (config.contract.newColumns !== 'freeze' || unknownKeys.length === 0) return;
  throw new PipelineError('CONTRACT_BROKEN', {
    table: id,
    problems: unknownKeys.map((key) => `column "${key}" is not in schema "${config.schema.id}"`),
  });
}

/** Whether a schema takes null. */
export function takesNull(schema: JsonObject): boolean {
  return compileSchema({ type: 'object', properties: { value: schema } })({ value: null }) === undefined;
}

/** Members that the schema lets be absent but not null. */
function refusingNull(document: JsonObject): { name: string }[] {
  const { properties = {}, required = [] } = document as {
    properties?: Record<string, JsonObject>;
    required?: string[];
  };
  return Object.entries(properties)
    .filter(([name, schema]) => !required.includes(name) && !takesNull(schema))
    .map(([name]) => ({ name }));
}

export type RecordJudge = ReturnType<typeof createRecordJudge>;

/** Rows that SQL can judge. */
export interface JudgedTable {
  /** A relation whose columns the expressions below name. */
  readonly from: string;
  /** SQL of a row's place in the batch, from 0 on. */
  readonly position: string;
  readonly columns: readonly JudgedColumn[];
  /** TRUE for rows that ajv accepts too; every other row is left to ajv. */
  readonly verdict: string;
  /** The same rows as NDJSON files. */
  lines(): Promise<readonly string[]>;
}

/** A column of the outcome. */
export interface JudgedColumn {
  readonly column: SourceColumn;
  /** Its value, exact or NULL. */
  readonly value: string;
  /** TRUE where no value was lost. */
  readonly fits: string;
}

/** Good rows become Parquet in one statement; only the others are looked at one by one. */
export async function judgeBySql(
  deps: ActivityDeps,
  table: JudgedTable,
  judgeRecord: RecordJudge,
  io: StageIo,
): Promise<Judged> {
  const columns = table.columns.map(({ column }) => column);
  const typedPath = deps.staging.temporaryPath('parquet');
  const values = table.columns.map(({ column, value }) => `${value} AS ${quoteName(column.name)}`);
  const accepted = [table.verdict, ...table.columns.map(({ fits }) => fits)].filter((sql) => sql !== 'TRUE');
  const [written] = await deps.stagedSql.run(
    [
      `COPY (
         SELECT ${table.position} AS _millrace_position, ${values.join(', ')}, coalesce(${accepted.join(' AND ') || 'TRUE'}, FALSE) AS _millrace_accepted
         FROM ${table.from}
       ) TO ${quoteText(typedPath)} (FORMAT parquet)`,
    ],
    io.signal,
  );
  const total = Number(written?.['Count'] ?? 0);
  const open = await deps.stagedSql.run(
    [
      `SELECT _millrace_position AS position FROM ${quoteText(typedPath)} WHERE NOT _millrace_accepted ORDER BY position`,
    ],
    io.signal,
  );
  if (open.length === 0)
    return { parquetPath: typedPath, rows: total, rejects: [], columns: columns.map(plainColumn) };

  const judged = await judgeByRecord(
    deps,
    columns,
    judgeRecord,
    pick(readStagedLines(await table.lines()), open),
    io,
  );
  const finalPath = deps.staging.temporaryPath('parquet');
  const names = ['_millrace_position', ...columns.map((column) => quoteName(column.name))].join(', ');
  const rescued =
    judged.parquetPath === undefined
      ? ''
      : ` UNION ALL SELECT ${names} FROM ${quoteText(judged.parquetPath)}`;
  await deps.stagedSql.run(
    [
      `COPY (SELECT ${names} FROM (SELECT ${names} FROM ${quoteText(typedPath)} WHERE _millrace_accepted${rescued}) ORDER BY _millrace_position)
       TO ${quoteText(finalPath)} (FORMAT parquet)`,
    ],
    io.signal,
  );
  return { ...judged, parquetPath: finalPath, rows: total - judged.rejects.length };
}

/** Each record is judged by ajv and converted exactly; SQL only casts the resulting text. */
async function judgeByRecord(
  deps: ActivityDeps,
  columns: readonly SourceColumn[],
  judgeRecord: RecordJudge,
  lines: AsyncIterable<StagedLine>,
  io: StageIo,
): Promise<Judged> {
  const rejects: QuarantineRow[] = [];
  let accepted = 0;
  const texts = async function* (): AsyncGenerator<Uint8Array> {
    let buffer: string[] = [];
    for await (const line of lines) {
      const verdict = judgeRecord(line);
      if ('reject' in verdict) rejects.push(verdict.reject);
      else {
        accepted += 1;
        buffer.push(JSON.stringify({ ...verdict.texts, _millrace_position: String(line.position) }));
      }
      if (buffer.length >= limits.recordsPerChunk) {
        io.signal.throwIfAborted();
        io.heartbeat(line.position);
        yield Buffer.from(`${buffer.join('\n')}\n`);
        buffer = [];
      }
    }
    if (buffer.length > 0) yield Buffer.from(`${buffer.join('\n')}\n`);
  };
  const staged = await deps.staging.write(texts(), 0);
  const plain = columns.map(plainColumn);
  if (accepted === 0) return { parquetPath: undefined, rows: 0, rejects, columns: plain };
  const parquetPath = deps.staging.temporaryPath('parquet');
  const names = ['_millrace_position', ...columns.map((column) => column.name)];
  await deps.stagedSql.run(
    [
      `COPY (
         SELECT CAST(_millrace_position AS BIGINT) AS _millrace_position, ${columns.map((column) => `CAST(${fromText(column, quoteName(column.name))} AS ${duckDbType(column)}) AS ${quoteName(column.name)}`).join(', ')}
         FROM read_json(${quoteText(await deps.staging.localPath(staged))}, format = 'newline_delimited', maximum_object_size = ${String(limits.recordMaxBytes * 2)},
                        columns = {${names.map((name) => `${quoteName(name)}: 'VARCHAR'`).join(', ')}})
       ) TO ${quoteText(parquetPath)} (FORMAT parquet)`,
    ],
    io.signal,
  );
  return { parquetPath, rows: accepted, rejects, columns: plain };
}

/** A value from a column of JSON values. */
export function jsonValue(column: SourceColumn): Pick<JudgedColumn, 'value' | 'fits'> {
  const name = quoteName(column.name);
  const value = fromJson(column, name);
  return { value, fits: column.type === 'json' ? 'TRUE' : `(${name} IS NULL OR ${value} IS NOT NULL)` };
}

/** Staged lines as columns of JSON values; an absent and a null member are both NULL. */
function jsonTable(paths: readonly string[], columns: readonly ColumnSpec[]): string {
  return `read_json([${paths.map(quoteText).join(', ')}], format = 'newline_delimited', ignore_errors = true, maximum_object_size = ${String(limits.recordMaxBytes)},
                    columns = {${columns.map((column) => `${quoteName(column.name)}: 'JSON'`).join(', ')}})`;
}

async function* pick(
  lines: AsyncIterable<StagedLine>,
  wanted: readonly SqlRow[],
): AsyncGenerator<StagedLine> {
  const positions = new Set(wanted.map((row) => Number(row['position'])));
  for await (const line of lines) if (positions.has(line.position)) yield line;
}

/** A column without what only a batch's reader needs. */
export function plainColumn({ hasInexactNumbers: _internal, ...column }: SourceColumn): ColumnSpec {
  return column;
}
