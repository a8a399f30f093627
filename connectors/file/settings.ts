import type { JsonObject, JsonValue } from '../../core/json.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { isPattern } from './find-files.js';
import type { FileFormat } from './reference.js';

/** The options of one read, checked. */
export interface FileSettings {
  readonly path: string;
  readonly format: FileFormat;
  readonly header: boolean;
  readonly columns: readonly string[] | undefined;
  readonly delimiter: string;
  readonly widths: readonly number[];
  readonly intervalColumn: string | undefined;
  readonly compactDates: ReadonlySet<string>;
  /** Bytes of one file when it is unpacked. */
  readonly maxBytes: number;
  /** Value of the column `file`, where records have it. */
  readonly fileColumn?: string;
}

const formats: readonly JsonValue[] = ['csv', 'ndjson', 'whitespace', 'fixed', 'protobuf-delimited'];

/** @throws PipelineError CONFIG_INVALID naming every problem. */
export function fileSettings(options: JsonObject): FileSettings {
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(`file source: ${problem}`);
  };
  const {
    path,
    format,
    header = true,
    columns,
    delimiter = ',',
    widths = [],
    intervalColumn,
    compactDates = [],
    maxMb,
  } = options;
  expect(typeof path === 'string' && path !== '', '"path" is missing');
  expect(format !== undefined && formats.includes(format), `"format" must be one of ${formats.join(', ')}`);
  expect(typeof header === 'boolean', '"header" must be true or false');
  expect(columns === undefined || isTextList(columns), '"columns" must be a list of names');
  expect(
    header === true || columns !== undefined || format === 'ndjson' || format === 'protobuf-delimited',
    '"columns" is needed where header is false',
  );
  expect(typeof delimiter === 'string' && delimiter.length === 1, '"delimiter" must be one character');
  expect(isWidths(widths), '"widths" must be a list of whole numbers above 0');
  expect(
    format !== 'fixed' || (isWidths(widths) && widths.length > 0),
    '"widths" is needed by the format "fixed"',
  );
  problems.push(...columnProblems(options));
  expect(
    maxMb === undefined || (typeof maxMb === 'number' && Number.isInteger(maxMb) && maxMb > 0),
    '"maxMb" must be a whole number above 0',
  );
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return {
    path: path as string,
    format: format as FileFormat,
    header: header as boolean,
    columns: columns as string[] | undefined,
    delimiter: delimiter as string,
    widths: widths as number[],
    intervalColumn: intervalColumn as string | undefined,
    compactDates: new Set(compactDates as string[]),
    maxBytes: maxMb === undefined ? limits.fileMaxBytes : (maxMb as number) * 1024 * 1024,
  };
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

function isTextList(value: JsonValue | undefined): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isWidths(value: JsonValue): value is number[] {
  return (
    Array.isArray(value) &&
    value.every((item) => typeof item === 'number' && Number.isInteger(item) && item > 0)
  );
}
