import type { ColumnSpec } from '../../core/columns.js';
import type { ComparedColumn } from '../../core/reconcile.js';
import { checksumTypes, type ChecksumSpelling } from '../checksum.js';
import { quoteName } from './sql-text.js';

/** Why a column has no text that both sides render alike. */
export function refusalOf(column: ColumnSpec): string | undefined {
  if (!(checksumTypes as readonly string[]).includes(column.type))
    return `type ${column.type} has no text that both sides share`;
  // DuckDB leaves the zero before the point out where a type has room for none.
  if (column.type === 'decimal' && column.scale === 38) return 'decimal(38,38) has no digit before the point';
  return undefined;
}

export const duckDbChecksums: ChecksumSpelling = {
  text: canonicalText,
  integer: ({ name }) => quoteName(name),
  byteLength: (text) => `strlen(${text})`,
  // One call writes each text once, where a chain of operators copies all that is before it; it leaves NULL out.
  join: (texts) => `concat(${texts.join(', ')})`,
  sized: (text) => [
    `coalesce(CAST(strlen(${text}) AS VARCHAR), 'n')`,
    `CASE WHEN ${text} IS NOT NULL THEN ':' END`,
    text,
  ],
  hashNumber: (text, digits) => `CAST('0x' || substr(md5(${text}), 1, ${String(digits)}) AS BIGINT)`,
  remainder: (number, modulus) => `${number} % ${String(modulus)}`,
};

function canonicalText({ name, type }: ComparedColumn): string {
  const column = quoteName(name);
  switch (type.type) {
    case 'boolean':
      return `CASE ${column} WHEN TRUE THEN 't' WHEN FALSE THEN 'f' END`;
    case 'decimal':
      // DuckDB writes no zero before the point where a type has no room for one.
      if ((type.precision ?? 0) > (type.scale ?? 9)) return `CAST(${column} AS VARCHAR)`;
      return `CAST(CAST(${column} AS DECIMAL(38, ${String(type.scale ?? 9)})) AS VARCHAR)`;
    default:
      return `CAST(${column} AS VARCHAR)`;
  }
}
