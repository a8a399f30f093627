import { duckDbSpelling, fromText } from '../../connectors/duckdb/column-sql.js';
import { quoteName, quoteText } from '../../connectors/duckdb/sql-text.js';
import { typedText, type TypedFileColumn } from '../../connectors/duckdb/typed-text-sql.js';
import type { ColumnSpec } from '../../core/loading/columns.js';
import type { JsonObject } from '../../core/json.js';
import type { SourceColumn } from '../../schemas/columns.js';
import { compileTypes, type TypedMember } from '../../schemas/compile-sql.js';
import type { ActivityDeps, StageIo } from '../deps.js';
import {
  judgeBySql,
  plainColumn,
  refuseUnknown,
  takesNull,
  type Judged,
  type JudgedColumn,
  type JudgedTable,
  type SchemaBatch,
} from './judge-lines.js';
import { rawLines, typedFileColumns, type RawLines } from '../read/raw-lines.js';
import { createRecordJudge } from './record-judge.js';
import { doubtfulPattern, longNumberPattern, sortKeys } from '../schedules/survey.js';

const doubtful = '_millrace_doubtful';

/**
 * Judges rows that a source has typed. What a column's type settles is not looked at again; where that is everything, the
 * files go on as they are. The outcome is that of the lines that the source would have sent.
 *
 * @returns `undefined` where types cannot say it all: the batch is to be judged as lines.
 * @throws PipelineError CONTRACT_BROKEN
 */
export async function judgeTyped(
  deps: ActivityDeps,
  batch: SchemaBatch,
  io: StageIo,
): Promise<Judged | undefined> {
  const { task, document, columns, files } = batch;
  if (files.some(({ format }) => format !== 'parquet')) return undefined;
  const paths = await Promise.all(files.map((file) => deps.staging.localPath(file)));
  const found = await typedFileColumns(deps, paths[0] ?? '', io.signal);
  const known = new Set(columns.map(({ name }) => name));
  const unknown = found.filter(({ name }) => !known.has(name));
  const { unknownKeys, clashingKeys } = sortKeys(
    unknown.map(({ name }) => name),
    columns,
  );
  refuseUnknown(task, unknownKeys);
  const { newColumns } = task.config.contract;
  if (clashingKeys.length > 0 || (newColumns === 'quarantine' && unknownKeys.length > 0)) return undefined;
  const nulls = await nullCounts(deps, paths, io.signal);
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const extra = newColumns === 'evolve' ? extraColumns(unknown, (name) => nulls.get(name) === rows) : [];
  const outcome = outcomeOf([...columns, ...(extra ?? [])], found);
  const members = membersOf(document, found);
  const compiled = compileTypes(document, { name: quoteName, text: quoteText }, members);
  if (extra === undefined || outcome === undefined || 'unmapped' in compiled) return undefined;

  const notNull = compiled.notNull.filter((name) => nulls.get(name) !== 0);
  const checks = [...compiled.conditions, ...notNull.map((name) => `${quoteName(name)} IS NOT NULL`)];
  const isAsStored = outcome.every(
    ({ column, value, fits }) => value === quoteName(column.name) && fits === 'TRUE',
  );
  const documents = found.filter(({ type }) => type === 'json');
  if (checks.length === 0 && isAsStored && documents.length === 0)
    return { parquetPath: undefined, passed: files, rows, rejects: [], columns: outcome.map(plainOf) };

  const all = outcome.map(({ column }) => column);
  let raw: RawLines | undefined;
  const table: JudgedTable = {
    from: relation(paths, found, all),
    position: '_millrace_position',
    columns: outcome,
    verdict: [...checks, ...(documents.length === 0 ? [] : [`NOT ${doubtful}`])].join(' AND ') || 'TRUE',
    lines: async () => (raw = await rawLines(deps, files, io.signal)).paths,
  };
  try {
    return await judgeBySql(
      deps,
      table,
      createRecordJudge({ document, columns: all, refusedKeys: clashingKeys }),
      io,
    );
  } finally {
    await raw?.remove();
  }
}

function plainOf({ column }: JudgedColumn): ColumnSpec {
  return plainColumn(column);
}

/** How many values of each column are NULL, as the files' own statistics tell; a column without them is missing here. */
async function nullCounts(
  deps: ActivityDeps,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const found = await deps.stagedSql.run(
    [
      `SELECT path_in_schema AS name, sum(stats_null_count)::BIGINT AS nulls FROM parquet_metadata([${paths.map(quoteText).join(', ')}])
       GROUP BY name HAVING bool_and(stats_null_count IS NOT NULL)`,
    ],
    signal,
  );
  return new Map(found.map((row) => [String(row['name']), Number(row['nulls'])]));
}

/** Columns that the schema does not name, typed as their JSON would be; `undefined` where only the values can tell. */
function extraColumns(
  unknown: readonly TypedFileColumn[],
  isAllNull: (name: string) => boolean,
): SourceColumn[] | undefined {
  const inOrder = [...unknown].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (inOrder.some(({ name, type }) => type === 'json' && !isAllNull(name))) return undefined;
  return inOrder.map(({ name, type }) => {
    const isNamed = (type === 'int64' || type === 'boolean') && !isAllNull(name);
    return { name, type: isNamed ? type : 'string', nullable: true, hasInexactNumbers: false };
  });
}

/** Each column of the outcome from the column of the same name; `undefined` where SQL could round a value. */
function outcomeOf(
  columns: readonly SourceColumn[],
  found: readonly TypedFileColumn[],
): JudgedColumn[] | undefined {
  const byName = new Map(found.map((column) => [column.name, column]));
  const isInexact = columns.some(
    ({ name, hasInexactNumbers }) => hasInexactNumbers && byName.get(name)?.type === 'json',
  );
  if (isInexact) return undefined;
  return columns.map((column) => ({ column, ...valueOf(column, byName.get(column.name)) }));
}

function valueOf(
  column: SourceColumn,
  source: TypedFileColumn | undefined,
): Pick<JudgedColumn, 'value' | 'fits'> {
  const name = quoteName(column.name);
  if (source === undefined) return { value: `CAST(NULL AS ${duckDbSpelling(column)})`, fits: 'TRUE' };
  if (column.type === 'json') return { value: documentOf(source), fits: 'TRUE' };
  if (source.type !== 'json' && duckDbSpelling(column) === duckDbSpelling(source))
    return { value: name, fits: 'TRUE' };
  const value = fromText(column, typedText(source));
  return { value, fits: `(${name} IS NULL OR ${value} IS NOT NULL)` };
}

/** A value as JSON text. */
function documentOf(source: TypedFileColumn): string {
  const isLiteral = source.type === 'json' || source.type === 'int64' || source.type === 'boolean';
  const json = isLiteral ? quoteName(source.name) : `to_json(${typedText(source)})`;
  return `CAST(${json} AS VARCHAR)`;
}

const jsonKinds: Readonly<Record<TypedFileColumn['type'], TypedMember['json']>> = {
  int64: 'integer',
  boolean: 'boolean',
  decimal: 'string',
  date: 'string',
  timestamp: 'string',
  string: 'string',
  json: 'any',
};

function membersOf(
  document: JsonObject,
  found: readonly TypedFileColumn[],
): ReadonlyMap<string, TypedMember> {
  const properties = (document['properties'] ?? {}) as Record<string, JsonObject>;
  return new Map(
    found.map((column) => [
      column.name,
      {
        json: jsonKinds[column.type],
        text: typedText(column),
        isNullable: takesNull(properties[column.name] ?? {}),
        ...(column.type === 'date' && { format: 'date' }),
        ...(column.type === 'timestamp' && { format: 'date-time' }),
      },
    ]),
  );
}

/**
 * The files' rows, JSON written as the reader of lines writes it, and a mark on rows with JSON that DuckDB takes more
 * leniently than JSON is, or would round.
 */
function relation(
  paths: readonly string[],
  found: readonly TypedFileColumn[],
  wanted: readonly SourceColumn[],
): string {
  const documents = new Set(wanted.filter(({ type }) => type === 'json').map(({ name }) => name));
  const columns = found.map(({ name, type }) =>
    documents.has(name) && type === 'json'
      ? `json(${quoteName(name)}) AS ${quoteName(name)}`
      : quoteName(name),
  );
  const doubts = found
    .filter(({ type }) => type === 'json')
    .map(({ name }) => {
      const pattern = documents.has(name) ? `${doubtfulPattern}|${longNumberPattern}` : doubtfulPattern;
      return `coalesce(regexp_matches(CAST(${quoteName(name)} AS VARCHAR), ${quoteText(pattern)}), FALSE)`;
    });
  return `(SELECT _millrace_position, ${columns.join(', ')}, ${doubts.join(' OR ') || 'FALSE'} AS ${doubtful}
           FROM read_parquet([${paths.map(quoteText).join(', ')}]))`;
}
