import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { quoteName, quoteText } from '../duckdb/sql-text.js';
import { jsonSql, memberSql } from './parquet-json.js';
import type { FileRecord } from './file-record.js';
import type { FileSettings } from './settings.js';

/** Most digits that a decimal has in DuckDB; it reads one of more as a double. */
const decimalMaxPrecision = 38;

/**
 * Reads a Parquet file of the local disk by DuckDB, which keeps a row group's pages and some rows in memory, never the file.
 * DuckDB writes the JSON lines too: no value becomes a JavaScript number.
 *
 * @throws PipelineError SOURCE_FILE, LIMIT_EXCEEDED (`parquetSqlMemoryMb`)
 */
export async function* readParquet(
  localPath: string,
  settings: Pick<FileSettings, 'path' | 'columns' | 'intervalColumn' | 'fileColumn'>,
  signal: AbortSignal,
  memoryLimitMb: number = limits.parquetSqlMemoryMb,
): AsyncGenerator<readonly FileRecord[]> {
  signal.throwIfAborted();
  // One thread: rows come in order, and the memory is that of one row group.
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${String(memoryLimitMb)}MB`,
    preserve_insertion_order: 'true',
    threads: '1',
  });
  const connection = await instance.connect();
  const interrupt = (): void => connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  let rows = 0;
  try {
    await connection.run(`SET TimeZone = 'UTC'`);
    const statement = await rowsSql(connection, localPath, settings);
    const result = await connection.stream(statement);
    for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0;) {
      const lines = chunk.getColumnValues(0) as readonly string[];
      const intervals = chunk.getColumnValues(1) as readonly (string | null)[];
      rows += chunk.rowCount;
      yield* groups(lines, intervals);
      chunk = await result.fetchChunk();
    }
    if (rows !== (await announcedRows(connection, localPath))) await fail(connection, statement);
  } catch (error) {
    signal.throwIfAborted();
    throw parquetFailure(settings.path, error, rows, memoryLimitMb);
  } finally {
    signal.removeEventListener('abort', interrupt);
    connection.closeSync();
    instance.closeSync();
  }
}

/** Rows that the end of the file tells of. */
async function announcedRows(connection: DuckDBConnection, localPath: string): Promise<number> {
  const found = await connection.runAndReadAll(
    `SELECT CAST(num_rows AS VARCHAR) FROM parquet_file_metadata(${quoteText(localPath)})`,
  );
  return Number(found.getRowsJson()[0]?.[0]);
}

/**
 * A stream of DuckDB that fails midway ends like one that is exhausted (duckdb_fetch_chunk in the C API is NULL for both). The
 * same statement without a stream tells what is wrong.
 */
async function fail(connection: DuckDBConnection, statement: string): Promise<never> {
  await connection.run(`SELECT max(length(line)) FROM (${statement})`);
  throw new Error('Unknown Error: it has fewer rows than its end tells of');
}

function* groups(
  lines: readonly string[],
  intervals: readonly (string | null)[],
): Generator<readonly FileRecord[]> {
  let group: FileRecord[] = [];
  let size = 0;
  for (const [index, line] of lines.entries()) {
    const json = Buffer.from(line);
    group.push({ json: () => json, intervalText: intervals[index] ?? undefined });
    size += json.length;
    if (size < limits.parquetBatchBytes) continue;
    yield group;
    [group, size] = [[], 0];
  }
  yield group;
}

/** Statement of two columns: the JSON line of a row, and the text of its interval column. */
async function rowsSql(
  connection: DuckDBConnection,
  localPath: string,
  { path, columns, intervalColumn }: Pick<FileSettings, 'path' | 'columns' | 'intervalColumn'>,
): Promise<string> {
  // Folders of the path are no columns: the file is read as it was written.
  const from = `read_parquet(${quoteText(localPath)}, hive_partitioning = false)`;
  const described = await connection.run(`SELECT * FROM ${from} LIMIT 0`);
  const types = new Map(described.columnNames().map((name, index) => [name, described.columnType(index)]));
  const inexact = await inexactColumns(connection, localPath);
  const problems: string[] = [];
  const jsonOf = (name: string): string => {
    const type = types.get(name);
    if (type === undefined)
      problems.push(`it has no column "${name}"; it has ${[...types.keys()].join(', ')}`);
    const json = type === undefined || inexact.has(name) ? undefined : jsonSql(type, quoteName(name));
    if (type !== undefined && json === undefined)
      problems.push(
        `its column "${name}" is ${inexact.has(name) ? `a decimal of more than ${String(decimalMaxPrecision)} digits` : `of type ${type.toString()}`}, which is not read; name the others in "columns"`,
      );
    return json ?? 'NULL';
  };
  const members = (columns ?? [...types.keys()]).map((name) => memberSql(name, jsonOf(name)));
  const interval =
    intervalColumn === undefined ? 'NULL' : `(CAST(${jsonOf(intervalColumn)} AS JSON) ->> '$')`;
  if (problems.length > 0)
    throw new PipelineError('SOURCE_FILE', { file: path, reason: [...new Set(problems)].join('; ') });
  return `SELECT concat('{', ${members.join(`, ',', `)}, '}') AS line, CAST(${interval} AS VARCHAR) AS at FROM ${from}`;
}

/** Columns that hold decimals, on whatever level, which DuckDB would read as doubles. */
async function inexactColumns(connection: DuckDBConnection, localPath: string): Promise<ReadonlySet<string>> {
  const nodes = await connection.runAndReadAll(
    `SELECT name, coalesce(CAST(num_children AS INTEGER), 0),
            coalesce(converted_type = 'DECIMAL' OR logical_type LIKE 'Decimal%', FALSE)
              AND TRY_CAST(precision AS INTEGER) > ${String(decimalMaxPrecision)}
     FROM parquet_schema(${quoteText(localPath)})`,
  );
  // The tree of the schema, each node before its children; the first is the file.
  const [, ...rest] = nodes.getRowsJson();
  const found = new Set<string>();
  let [column, missing] = ['', 0];
  for (const [name, children, isInexact] of rest) {
    if (missing === 0) [column, missing] = [String(name), 1];
    missing += Number(children) - 1;
    if (isInexact === true) found.add(column);
  }
  return found;
}

/** DuckDB's own text repeats paths and values; what it means does not. */
function parquetFailure(file: string, error: unknown, rows: number, memoryLimitMb: number): unknown {
  if (isPipelineError(error)) return error;
  const { message = '' } = error as Partial<Error>;
  if (message.startsWith('Out of Memory'))
    return new PipelineError(
      'LIMIT_EXCEEDED',
      {
        what: `The memory that the Parquet file ${file} takes to read`,
        actual: 'more, because its row groups or values are large',
        limit: 'parquetSqlMemoryMb',
        allowed: memoryLimitMb,
      },
      { cause: error },
    );
  const known = meanings.find(([text]) => text.test(message))?.[1];
  const kind = /^[\w ]+ Error/.exec(message)?.[0] ?? 'unknown failure';
  const reason = known ?? `its Parquet is damaged (${kind})`;
  return new PipelineError(
    'SOURCE_FILE',
    { file, reason: rows === 0 ? reason : `${reason}, behind row ${String(rows)}` },
    { cause: error },
  );
}

const meanings: readonly (readonly [text: RegExp, reason: string])[] = [
  [/No magic bytes|too small to be a Parquet/i, 'it is no Parquet file, or it ends before its end'],
  [/Invalid string encoding|not valid UTF-?8/i, 'a text in it is not UTF-8'],
  [/encrypted|footer key/i, 'it is encrypted'],
];
