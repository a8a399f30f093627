import { limits } from '../../core/limits.js';
import type { TypedTextColumn, TypedTextType } from '../typed-text.js';
import { quoteName, quoteText } from './sql-text.js';

/** Place of a row in its batch. */
const position = '_millrace_position';

/**
 * A statement that writes typed text as typed Parquet: one column each, and the row's place from `firstPosition` on. A value
 * that its column would not hold exactly fails the statement; rows that the reader skips show in its count.
 */
export function copyTypedText(
  columns: readonly TypedTextColumn[],
  { textPath, target, firstPosition }: { textPath: string; target: string; firstPosition: number },
): string {
  const values = columns.map(({ name, type }) => `${valueOf(type, quoteName(name))} AS ${quoteName(name)}`);
  const types = columns.map((column) => `${quoteName(column.name)}: '${readAs(column)}'`);
  return `COPY (
      SELECT ${String(firstPosition)} + row_number() OVER () - 1 AS ${position}, ${values.join(', ')}
      FROM read_csv(${quoteText(textPath)}, auto_detect = false, header = false, compression = 'none', delim = '\t', quote = '', escape = '',
                    nullstr = '\\N', new_line = '\\n', max_line_size = ${String(limits.typedLineMaxBytes)}, buffer_size = ${String(limits.typedBufferBytes)}, columns = {${types.join(', ')}})
    ) TO ${quoteText(target)} (FORMAT parquet, PARQUET_VERSION V2, DICTIONARY_SIZE_LIMIT ${String(limits.typedDictionaryMaxValues)})`;
}

/** What the reader takes a column as. A day is looked at first: the reader overlooks letters behind one. */
function readAs({ type, precision, scale }: TypedTextColumn): string {
  switch (type) {
    case 'int64':
      return 'BIGINT';
    case 'boolean':
      return 'BOOLEAN';
    case 'decimal':
      return `DECIMAL(${String(precision)},${String(scale)})`;
    case 'timestamp':
      return 'TIMESTAMP';
    default:
      return 'VARCHAR';
  }
}

function valueOf(type: TypedTextType, value: string): string {
  switch (type) {
    case 'int64':
    case 'boolean':
    case 'decimal':
      return value;
    case 'timestamp':
      return `CASE WHEN ${value} IS NULL OR ${value} BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN ${value} ELSE error('no instant of the years 1 to 9999') END`;
    case 'date':
      return `CASE WHEN ${value} IS NULL OR regexp_full_match(${value}, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN CAST(${value} AS DATE) ELSE error('no day of the years 1 to 9999') END`;
    case 'string':
      return unescaped(value, controls);
    case 'number':
      return `CAST(CASE WHEN ${value} IN ('NaN', 'Infinity', '-Infinity') THEN concat('"', ${value}, '"') ELSE ${value} END AS JSON)`;
    case 'json':
      // Line breaks and tabs stand between tokens only. JSON's null is a member that is null.
      return `CASE WHEN trim(${value}) <> 'null' THEN CAST(${unescaped(value, spaces)} AS JSON) END`;
  }
}

const controls: readonly (readonly [letter: string, code: number])[] = [
  ['n', 0x0a],
  ['t', 0x09],
  ['r', 0x0d],
  ['b', 0x08],
  ['f', 0x0c],
  ['v', 0x0b],
];

const spaces = controls.map(([letter]) => [letter, 0x20] as const);

/** NUL, which no text of such a source holds, stands for the escaped backslash meanwhile. */
function unescaped(value: string, codes: readonly (readonly [letter: string, code: number])[]): string {
  const replaced = codes.reduce(
    (text, [letter, code]) => `replace(${text}, '\\${letter}', chr(${String(code)}))`,
    `replace(${value}, '\\\\', chr(0))`,
  );
  return `CASE WHEN contains(${value}, '\\') THEN replace(${replaced}, chr(0), '\\') ELSE ${value} END`;
}

/** A column of a file that `copyTypedText` wrote, with how its values are read. */
export interface TypedFileColumn {
  readonly name: string;
  /** `number` and `json` are both `json` here: the column holds JSON values. */
  readonly type: Exclude<TypedTextType, 'number'>;
  readonly precision?: number;
  readonly scale?: number;
}

/** The column of such a file, by DuckDB's spelling of its type. */
export function typedFileColumn(name: string, sqlType: string): TypedFileColumn {
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(sqlType);
  if (decimal !== null)
    return { name, type: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) };
  return { name, type: fileTypes[sqlType] ?? 'string' };
}

const fileTypes: Readonly<Record<string, TypedFileColumn['type']>> = {
  BIGINT: 'int64',
  BOOLEAN: 'boolean',
  TIMESTAMP: 'timestamp',
  DATE: 'date',
  JSON: 'json',
};

/** The text of a value: of a JSON string what it says, of any other JSON value its letters in the source's line. */
export function typedText({ name, type }: Pick<TypedFileColumn, 'name' | 'type'>): string {
  const value = quoteName(name);
  if (type === 'string') return value;
  if (type === 'json')
    return `CASE WHEN json_type(${value}) = 'VARCHAR' THEN ${value} ->> '$' ELSE CAST(${value} AS VARCHAR) END`;
  const text = `CAST(${value} AS VARCHAR)`;
  return type === 'timestamp' ? `replace(${text}, ' ', 'T') || '+00:00'` : text;
}

/** A statement that writes rows of such files as the JSON lines that the source would have sent. */
export function copyAsLines(
  columns: readonly TypedFileColumn[],
  { paths, target }: { paths: readonly string[]; target: string },
): string {
  const members = columns.map((column, index) => {
    const prefix = quoteText(`${index === 0 ? '{' : ','}${JSON.stringify(column.name)}:`);
    return `${prefix}, coalesce(CAST(${memberOf(column)} AS VARCHAR), 'null')`;
  });
  // No line holds the delimiter, a control character; without quotes the writer leaves lines as they are.
  return `COPY (SELECT concat(${members.join(', ')}, '}') AS line FROM read_parquet([${paths.map(quoteText).join(', ')}]))
    TO ${quoteText(target)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x1f')`;
}

function memberOf(column: TypedFileColumn): string {
  const { type, name } = column;
  if (type === 'int64' || type === 'boolean' || type === 'json') return quoteName(name);
  return `to_json(${typedText(column)})`;
}
