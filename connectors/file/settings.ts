import type { JsonObject, JsonValue } from '../../core/json.js';
import { deletedProblems, type DeclaredDeletes } from '../declared-deletes.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { isPattern } from './find-files.js';
import type { FileFormat } from './reference.js';
import { compressionOfName, type FileCompression } from './unpack.js';

/** The options of one read, checked. */
export interface FileSettings {
  readonly path: string;
  readonly format: FileFormat;
  /** What the content has to be, where that is declared. */
  readonly compression?: FileCompression;
  readonly header: boolean;
  readonly columns: readonly string[] | undefined;
  readonly delimiter: string;
  readonly widths: readonly number[];
  readonly intervalColumn: string | undefined;
  readonly compactDates: ReadonlySet<string>;
  /** Which records are deletions, where some are. */
  readonly deleted?: DeclaredDeletes;
  /** Bytes of one file when it is unpacked. */
  readonly maxBytes: number;
  /** Value of the column `file`, where records have it. */
  readonly fileColumn?: string;
}

const formats: readonly JsonValue[] = [
  'csv',
  'ndjson',
  'whitespace',
  'fixed',
  'parquet',
  'protobuf-delimited',
];
const compressions: readonly JsonValue[] = ['none', 'gzip', 'zstd'];
const formatOfEnding: Readonly<Record<string, FileFormat>> = {
  csv: 'csv',
  jsonl: 'ndjson',
  ndjson: 'ndjson',
  parquet: 'parquet',
};

/** @throws PipelineError CONFIG_INVALID naming every problem. */
export function fileSettings(options: JsonObject): FileSettings {
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(`file source: ${problem}`);
  };
  const {
    path,
    format = formatOfName(path),
    compression,
    header = true,
    columns,
    delimiter = ',',
    widths = [],
    intervalColumn,
    compactDates = [],
    maxMb,
    deleted,
  } = options;
  expect(typeof path === 'string' && path !== '', '"path" is missing');
  problems.push(...formatProblems(format, compression));
  expect(typeof header === 'boolean', '"header" must be true or false');
  expect(columns === undefined || isTextList(columns), '"columns" must be a list of names');
  expect(
    header === true || columns !== undefined || hasOwnColumns(format),
    '"columns" is needed where header is false',
  );
  expect(typeof delimiter === 'string' && delimiter.length === 1, '"delimiter" must be one character');
  expect(isWidths(widths), '"widths" must be a list of whole numbers above 0');
  expect(
    format !== 'fixed' || (isWidths(widths) && widths.length > 0),
    '"widths" is needed by the format "fixed"',
  );
  problems.push(...columnProblems(options), ...sizeProblems(maxMb));
  problems.push(...deletedProblems(deleted, 'file source: deleted'));
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return {
    ...(deleted !== undefined && { deleted: deleted as unknown as DeclaredDeletes }),
    path: path as string,
    format: format as FileFormat,
    ...(compression !== undefined && { compression: compression as FileCompression }),
    header: header as boolean,
    columns: columns as string[] | undefined,
    delimiter: delimiter as string,
    widths: widths as number[],
    intervalColumn: intervalColumn as string | undefined,
    compactDates: new Set(compactDates as string[]),
    maxBytes: maxMb === undefined ? limits.fileMaxBytes : (maxMb as number) * 1024 * 1024,
  };
}

function sizeProblems(maxMb: JsonValue | undefined): string[] {
  if (maxMb === undefined || (typeof maxMb === 'number' && Number.isInteger(maxMb) && maxMb > 0)) return [];
  return ['file source: "maxMb" must be a whole number above 0'];
}

function formatProblems(format: JsonValue | undefined, compression: JsonValue | undefined): string[] {
  const problems: string[] = [];
  if (format === undefined)
    problems.push(
      '"format" is missing: the name of a file says it only where it ends with .csv, .ndjson, .jsonl or .parquet',
    );
  else if (!formats.includes(format)) problems.push(`"format" must be one of ${formats.join(', ')}`);
  if (compression !== undefined && !compressions.includes(compression))
    problems.push(`"compression" must be one of ${compressions.join(', ')}`);
  else if (compression !== undefined && format === 'parquet')
    problems.push('"compression" is not for the format "parquet", whose files are packed within');
  return problems.map((problem) => `file source: ${problem}`);
}

/** `orders.csv`, also `orders.csv.gz`. */
function formatOfName(name: JsonValue | undefined): FileFormat | undefined {
  if (typeof name !== 'string') return undefined;
  const bare = compressionOfName(name) === 'none' ? name : name.slice(0, name.lastIndexOf('.'));
  return formatOfEnding[bare.slice(bare.lastIndexOf('.') + 1).toLowerCase()];
}

function columnProblems({ path, format, columns, intervalColumn, compactDates = [] }: JsonObject): string[] {
  const names = isTextList(columns) ? columns : [];
  const problems: string[] = [];
  if (names.includes('line')) problems.push('the column name "line" is taken by the line number');
  if (names.includes('file') && typeof path === 'string' && isPattern(path))
    problems.push('the column name "file" is taken by the name of the file, where "path" is a pattern');
  if (intervalColumn !== undefined && typeof intervalColumn !== 'string')
    problems.push('"intervalColumn" must be a name');
  if (intervalColumn !== undefined && format === 'protobuf-delimited')
    problems.push('"intervalColumn" cannot be read in messages of Protocol Buffers; read by cursor');
  if (!isTextList(compactDates)) problems.push('"compactDates" must be a list of names');
  return problems.map((problem) => `file source: ${problem}`);
}

/** Whether records bring the names of their columns, whatever the options say. */
function hasOwnColumns(format: JsonValue | undefined): boolean {
  return format === 'ndjson' || format === 'parquet' || format === 'protobuf-delimited';
}

function isTextList(value: JsonValue | undefined): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isWidths(value: JsonValue): value is number[] {
  return (
    Array.isArray(value) &&
    value.every((item) => typeof item === 'number' && Number.isInteger(item) && item > 0)
  );
}
