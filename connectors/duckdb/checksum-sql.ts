import type { ColumnSpec } from '../../core/loading/columns.js';
import type { ComparedColumn } from '../../core/reconcile/reconcile.js';
import { checksumTypes, type ChecksumSpelling } from '../checksum.js';
import { oddDoubles } from '../double-text.js';
import { quoteName } from './sql-text.js';

/** Why a column has no text that both sides render alike. */
export function refusalOf(column: ColumnSpec): string | undefined {
  if (!checksumTypes.includes(column.type)) return `type ${column.type} has no text that both sides share`;
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
    case 'double':
      return doubleBits(column);
    case 'bytes':
      return `lower(hex(${column}))`;
    default:
      return `CAST(${column} AS VARCHAR)`;
  }
}

/** DuckDB casts a double to its bits, and those to an integer. */
function doubleBits(value: string): string {
  const bits = `CAST(CAST(abs(${value}) AS BIT) AS BIGINT)`;
  const signed = `CAST(${bits} * CASE WHEN ${value} < 0 THEN -1 ELSE 1 END AS VARCHAR)`;
  const infinite = `CASE WHEN ${value} > 0 THEN ${oddDoubles.infinity} ELSE ${oddDoubles.negativeInfinity} END`;
  return `CASE WHEN ${value} = 0 THEN '0' WHEN isnan(${value}) THEN ${oddDoubles.notANumber} WHEN isinf(${value}) THEN ${infinite} ELSE ${signed} END`;
}
