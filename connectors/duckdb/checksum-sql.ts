import type { ColumnSpec } from '../../core/columns.js';
import type { ComparedColumn } from '../../core/reconcile.js';
import { checksumTypes, keyHashDigits, rowHashDigits } from '../checksum.js';
import { quoteName } from './sql-text.js';

/** Why a column has no text that both sides render alike. */
export function refusalOf(column: ColumnSpec): string | undefined {
  if (!(checksumTypes as readonly string[]).includes(column.type))
    return `type ${column.type} has no text that both sides share`;
  // DuckDB leaves the zero before the point out where a type has room for none.
  if (column.type === 'decimal' && column.scale === 38) return 'decimal(38,38) has no digit before the point';
  return undefined;
}

/** The text of a value, as `connectors/checksum.ts` says; NULL stays NULL. */
export function canonicalText({ name, type }: ComparedColumn): string {
  const column = quoteName(name);
  switch (type.type) {
    case 'boolean':
      return `CASE WHEN ${column} THEN 't' ELSE 'f' END`;
    case 'decimal':
      return `CAST(CAST(${column} AS DECIMAL(38, ${String(type.scale ?? 9)})) AS VARCHAR)`;
    default:
      return `CAST(${column} AS VARCHAR)`;
  }
}

/** The text of a whole row. */
export function rowText(columns: readonly ComparedColumn[]): string {
  const parts = columns.map((column) => {
    const text = canonicalText(column);
    if (column.type.type === 'string') return `coalesce(strlen(${text}) || ':' || ${text}, 'n') || ','`;
    return column.type.type === 'boolean'
      ? `CASE WHEN ${quoteName(column.name)} IS NULL THEN 'n' ELSE ${text} END || ','`
      : `coalesce(${text}, 'n') || ','`;
  });
  return parts.length === 0 ? `''` : parts.join(' || ');
}

/** The hash of a row: 60 bits, never negative. */
export function rowHash(columns: readonly ComparedColumn[]): string {
  return hexNumber(rowText(columns), rowHashDigits);
}

/** The bucket of a row by its key. */
export function bucketOf(key: readonly ComparedColumn[], modulus: number): string {
  const [first] = key;
  const number =
    key.length === 1 && first?.type.type === 'int64'
      ? quoteName(first.name)
      : hexNumber(rowText(key), keyHashDigits);
  return `abs(${number} % ${String(modulus)})`;
}

function hexNumber(text: string, digits: number): string {
  return `CAST('0x' || substr(md5(${text}), 1, ${String(digits)}) AS BIGINT)`;
}
