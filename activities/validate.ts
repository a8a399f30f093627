import { createHash } from 'node:crypto';
import type { SqlRow } from '../connectors/duckdb/staged-sql.js';
import { duckDbType, fromJson, fromText } from '../connectors/duckdb/column-sql.js';
import { quoteName, quoteText } from '../connectors/duckdb/sql-text.js';
import type { ColumnSpec } from '../core/columns.js';
import type { ValidateTask } from '../core/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { canonicalJson, type JsonObject } from '../core/json.js';
import { limits } from '../core/limits.js';
import type { Manifest, StagedFile } from '../core/manifest.js';
import type { QuarantineRow } from '../core/quarantine.js';
import type { StageRequest } from '../core/run.js';
import { compileSchema } from '../schemas/ajv.js';
import { compileSql } from '../schemas/compile-sql.js';
import { schemaColumns, type SourceColumn } from '../schemas/columns.js';
import { readStagedLines, type StagedLine } from './staged-lines.js';
import { createRecordJudge } from './record-judge.js';
import { surveyFiles } from './survey.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';

type ValidateRequest = StageRequest<ValidateTask>;

/** A validated batch before it becomes a manifest. */
interface Judged {
  readonly parquetPath: string | undefined;
  readonly rows: number;
  readonly rejects: readonly QuarantineRow[];
  readonly columns: readonly ColumnSpec[];
}

/**
 * The validate stage: raw NDJSON becomes typed Parquet; each record that fails its schema becomes a quarantine row with
 * reason, pointer and original text, and the rest goes on.
 *
 * The schema is compiled to SQL where it maps, so that good rows never become JavaScript objects; rows that SQL does not
 * accept, and whole batches that SQL could misread, are judged by ajv.
 *
 * @throws PipelineError SCHEMA_UNKNOWN, CONTRACT_BROKEN, QUARANTINE_THRESHOLD, STAGING_*, DISK_FULL
 */
export function createValidate(deps: ActivityDeps): Stage<ValidateRequest, Manifest> {
  return async ({ context, task, input }, io) => {
    const { config } = task;
    const { document } = config.schema;
    if (document === undefined)
      throw new PipelineError('SCHEMA_UNKNOWN', { schema: config.schema.id, known: 'none in this run' });
    if (input === undefined)
      throw new PipelineError('INTERNAL', { where: `task "${task.id}"`, reason: 'no input manifest' });
    const contentHash = createHash('sha256')
      .update(input.contentHash + canonicalJson({ document, contract: config.contract }))
      .digest('hex');
    const judged =
      input.files.length === 0
        ? { parquetPath: undefined, rows: 0, rejects: [], columns: schemaColumns(document).map(plainColumn) }
        : await judge(deps, task, document, input.files, io);
    const quarantined = input.counts.quarantined + judged.rejects.length;
    if (judged.rejects.length > 0)
      io.log.warn(`${String(judged.rejects.length)} records do not fit ${config.schema.id}`, {
        accepted: judged.rows,
        reasons: countReasons(judged.rejects),
      });
    else if (judged.rows > 0) io.log.info(`${String(judged.rows)} records fit ${config.schema.id}`);
    const { extracted } = input.counts;
    if (extracted > 0 && quarantined / extracted > config.quarantineOver) {
      const [first] = judged.rejects;
      throw new PipelineError('QUARANTINE_THRESHOLD', {
        quarantined,
        extracted,
        taskId: `${context.dagId}/${task.id}`,
        allowed: config.quarantineOver,
        first: first === undefined ? '' : `${first.code} at "${first.pointer}"`,
      });
    }
    const file =
      judged.parquetPath === undefined
        ? undefined
        : await deps.staging.adopt(judged.parquetPath, 'parquet', judged.rows);
    return {
      ...input,
      files: file === undefined || judged.rows === 0 ? [] : [file],
      rejects: [...input.rejects, ...(await stageRejects(deps, judged.rejects))],
      counts: { ...input.counts, quarantined },
      columns: judged.columns,
      ...(input.columns === undefined && input.files.length > 0 ? { origin: input.files } : {}),
      contentHash,
    };
  };
}

/** How often each reason code occurs. */
function countReasons(rejects: readonly QuarantineRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of rejects) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

async function judge(
  deps: ActivityDeps,
  task: ValidateTask,
  document: JsonObject,
  files: readonly StagedFile[],
  io: StageIo,
): Promise<Judged> {
  const paths = await Promise.all(files.map((file) => deps.staging.localPath(file)));
  const columns = schemaColumns(document);
  const survey = await surveyFiles(deps.stagedSql, paths, columns, io.signal, refusingNull(document));
  const { newColumns } = task.config.contract;
  if (newColumns === 'freeze' && survey.unknownKeys.length > 0) {
    throw new PipelineError('CONTRACT_BROKEN', {
      table: task.id,
      problems: survey.unknownKeys.map(
        (key) => `column "${key}" is not in schema "${task.config.schema.id}"`,
      ),
    });
  }
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
  return judgeBySql(deps, all, judgeRecord, { paths, verdict: compiled.verdict }, io);
}

/** Members that the schema lets be absent but not null. */
function refusingNull(document: JsonObject): { name: string }[] {
  const { properties = {}, required = [] } = document as {
    properties?: Record<string, JsonObject>;
    required?: string[];
  };
  return Object.entries(properties)
    .filter(([name, schema]) => {
      if (required.includes(name)) return false;
      return compileSchema({ type: 'object', properties: { value: schema } })({ value: null }) !== undefined;
    })
    .map(([name]) => ({ name }));
}

type RecordJudge = ReturnType<typeof createRecordJudge>;

/** Good rows go straight from JSON to Parquet in one statement; only the others are looked at one by one. */
async function judgeBySql(
  deps: ActivityDeps,
  columns: readonly SourceColumn[],
  judgeRecord: RecordJudge,
  batch: { readonly paths: readonly string[]; readonly verdict: string },
  io: StageIo,
): Promise<Judged> {
  const typedPath = deps.staging.temporaryPath('parquet');
  const fits = columns.map((column) => `(${quoteName(column.name)} IS NULL OR ${fitsColumn(column)})`);
  await deps.stagedSql.run(
    [
      `COPY (
         SELECT row_number() OVER () - 1 AS _millrace_position, ${columns.map((column) => `${fromJson(column, quoteName(column.name))} AS ${quoteName(column.name)}`).join(', ')},
                coalesce(${[batch.verdict, ...fits].join(' AND ')}, FALSE) AS _millrace_accepted
         FROM ${jsonTable(batch.paths, columns)}
       ) TO ${quoteText(typedPath)} (FORMAT parquet)`,
    ],
    io.signal,
  );
  const open = await deps.stagedSql.run(
    [
      `SELECT _millrace_position AS position FROM ${quoteText(typedPath)} WHERE NOT _millrace_accepted ORDER BY position`,
    ],
    io.signal,
  );
  const rows = await deps.stagedSql.run([`SELECT count(*)::INTEGER AS n FROM ${quoteText(typedPath)}`]);
  const total = Number(rows[0]?.['n'] ?? 0);
  if (open.length === 0)
    return { parquetPath: typedPath, rows: total, rejects: [], columns: columns.map(plainColumn) };

  const judged = await judgeByRecord(
    deps,
    columns,
    judgeRecord,
    pick(readStagedLines(batch.paths), open),
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

/** A value that its column holds exactly. */
function fitsColumn(column: SourceColumn): string {
  const name = quoteName(column.name);
  return column.type === 'json' ? 'TRUE' : `${fromJson(column, name)} IS NOT NULL`;
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

async function stageRejects(deps: ActivityDeps, rejects: readonly QuarantineRow[]): Promise<StagedFile[]> {
  if (rejects.length === 0) return [];
  const lines = rejects.map((reject) => Buffer.from(`${JSON.stringify(reject)}\n`));
  return [await deps.staging.write(lines, rejects.length)];
}

function plainColumn({ hasInexactNumbers: _internal, ...column }: SourceColumn): ColumnSpec {
  return column;
}
