import type { ComparedColumn } from '../../core/reconcile/reconcile.js';
import { bucketOf, rowHash, type ChecksumSpelling } from '../checksum.js';
import { doubleText, type DoubleArithmetic } from '../double-text.js';
import type { ChecksumQuery } from '../source.js';
import type { Described } from './describe.js';
import { bound, column, fromSql, whereSql } from './row-sql.js';
import type { ColumnForm } from './type-forms.js';

/** What of the described relation a checksum runs over. */
export interface ChecksumScope {
  readonly described: Described;
  /** Condition of rows that are not deleted, where there are deletions. */
  readonly alive: string | undefined;
  /** The column that a read by data interval follows. */
  readonly follows: string | undefined;
}

const exactNumbers = ['tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'year', 'bit', 'decimal'];

/** The text of a value, as `connectors/checksum.ts` says; `undefined` where the two types have none in common. */
export function canonicalText(
  { source, type }: ComparedColumn,
  { forms }: Pick<Described, 'forms'>,
): string | undefined {
  const form = forms.get(source);
  if (form === undefined) return undefined;
  const value = form.expression(column(source));
  const { typeName } = form;
  switch (type.type) {
    case 'string':
      return stringText(value, form);
    case 'int64':
      return exactNumbers.includes(typeName) && typeName !== 'decimal' ? charText(value) : undefined;
    case 'decimal':
      if (!exactNumbers.includes(typeName)) return undefined;
      return decimalText(value, form, type.scale ?? 9);
    case 'timestamp':
      return form.encoding === 'instant' ? instantText(value, form.scale) : undefined;
    case 'date':
      return form.encoding === 'date' ? charText(value) : undefined;
    case 'double':
      return form.encoding === 'number' ? doubleText(`(${value} * 1e0)`, arithmetic) : undefined;
    case 'bytes':
      return bytesText(value, form);
    default:
      return undefined;
  }
}

/** One collation for all texts: those of columns, which differ, cannot be put together otherwise. */
function charText(value: string): string {
  return `CAST(${value} AS CHAR) COLLATE utf8mb4_bin`;
}

/** The server keeps no double that is no finite number. */
const arithmetic: DoubleArithmetic = {
  integer: (value) => `CAST(${value} AS SIGNED)`,
  text: charText,
  odd: () => [],
};

/** Texts hold bytes as base64; what is none is set aside by the load. */
function bytesText(value: string, { encoding, typeName }: ColumnForm): string | undefined {
  if (encoding === 'base64') return `LOWER(${charText(`HEX(${value})`)})`;
  if (encoding !== 'text' || typeName !== 'text') return undefined;
  const text = `CONVERT(${value} USING utf8mb4) COLLATE utf8mb4_bin`;
  return `COALESCE(LOWER(${charText(`HEX(FROM_BASE64(${text}))`)}), ${text})`;
}

function stringText(value: string, { encoding, typeName }: ColumnForm): string | undefined {
  if (encoding === 'base64') return `REPLACE(TO_BASE64(${value}), '\\n', '') COLLATE utf8mb4_bin`;
  if (encoding !== 'text') return undefined;
  if (typeName === 'decimal' || typeName === 'time') return charText(value);
  return `CONVERT(${value} USING utf8mb4) COLLATE utf8mb4_bin`;
}

function decimalText(value: string, form: ColumnForm, scale: number): string | undefined {
  // A column of so many digits has no others.
  if (form.typeName === 'decimal' && form.scale === scale) return charText(value);
  // The server has no more digits after the point.
  if (scale > 30) return undefined;
  const scaled = `CAST(${value} AS DECIMAL(65, ${String(scale)}))`;
  // More digits than the table can hold are a difference, not something to round away.
  return `CASE WHEN ${scaled} = ${value} THEN ${charText(scaled)} ELSE ${charText(value)} END`;
}

/** Without zeros at the end of the fraction, and without a point where nothing follows. */
function instantText(value: string, scale: number): string {
  const text = charText(value);
  return scale === 0 ? text : `TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM ${text}))`;
}

/** A SELECT of the lines that a query asks for. Buckets to look at are held by the session as `@millrace_buckets`. */
export function checksumSql(
  { described, alive }: ChecksumScope,
  query: ChecksumQuery,
): { readonly sql: string; readonly columns: readonly string[] } {
  const spelling = spellingOf(described);
  const conditions = [
    ...(alive === undefined ? [] : [alive]),
    ...(query.window === undefined || query.level === 'keys'
      ? []
      : withinTime(query.window.column, described)),
    ...(query.within === undefined
      ? []
      : [
          `${bucketOf(spelling, query.key, query.within.modulus)} IN (SELECT b FROM JSON_TABLE(@millrace_buckets, '$[*]' COLUMNS (b BIGINT PATH '$')) AS asked)`,
        ]),
  ];
  const from = `${fromSql(described.relation)}${whereSql(conditions)}`;
  const hash = rowHash(spelling, query.columns);
  if (query.level === 'buckets') {
    const bucket = bucketOf(spelling, query.key, query.modulus);
    return {
      sql: `SELECT b, COUNT(*), SUM(h) FROM (SELECT ${bucket} AS b, ${hash} AS h FROM ${from}) AS r GROUP BY b`,
      columns: ['b', 'n', 's'],
    };
  }
  const { version } = query;
  const content = query.columns.filter(({ name }) => !version.some((one) => one.name === name));
  const { text } = spelling;
  return {
    sql: `SELECT ${[...query.key.map(text), ...version.map(text), hash, rowHash(spelling, content)].join(', ')} FROM ${from}`,
    columns: [
      ...query.key.map((_, index) => `k${String(index)}`),
      ...version.map((_, index) => `v${String(index)}`),
      'h',
      'c',
    ],
  };
}

/** The bounds are held by the session, as those of a read. */
function withinTime({ source }: ComparedColumn, { forms }: Described): string[] {
  const kind = forms.get(source)?.cursor ?? 'instant';
  return [`${column(source)} >= ${bound('lower', kind)}`, `${column(source)} < ${bound('upper', kind)}`];
}

/** Source: MySQL Reference Manual, "Encryption and Compression Functions" (MD5), "Mathematical Functions" (CONV). */
function spellingOf(described: Described): ChecksumSpelling {
  return {
    text: (one) => canonicalText(one, described) ?? 'NULL',
    integer: ({ source }) => described.forms.get(source)?.expression(column(source)) ?? column(source),
    byteLength: (text) => charText(`OCTET_LENGTH(${text})`),
    join: (texts) => `CONCAT(${texts.join(', ')})`,
    hashNumber: (text, digits) => `CAST(CONV(LEFT(MD5(${text}), ${String(digits)}), 16, 10) AS UNSIGNED)`,
    remainder: (number, modulus) => `${number} % ${String(modulus)}`,
  };
}
