import type { ComparedColumn } from '../../core/reconcile/reconcile.js';
import type { ChecksumSpelling } from '../checksum.js';
import { doubleText, oddDoubles, type DoubleArithmetic } from '../double-text.js';
import { instantText, quoted } from './dialect.js';

const arithmetic: DoubleArithmetic = {
  integer: (value) => `CAST(${value} AS INT64)`,
  text: (integer) => `CAST(${integer} AS STRING)`,
  odd: (value) => [
    [`IS_NAN(${value})`, oddDoubles.notANumber],
    [`IS_INF(${value}) AND ${value} > 0`, oddDoubles.infinity],
    [`IS_INF(${value})`, oddDoubles.negativeInfinity],
  ],
};

/**
 * Checksums by BigQuery. An integer is read from text with `0x` before it (BigQuery, SQL reference: "Conversion functions").
 */
export const bigQueryChecksums: ChecksumSpelling = {
  text: ({ name, type }: ComparedColumn) => {
    const column = quoted(name);
    switch (type.type) {
      case 'string':
        return column;
      case 'boolean':
        return `CASE WHEN ${column} THEN 't' WHEN NOT ${column} THEN 'f' END`;
      case 'decimal':
        return `FORMAT('%.${String(type.scale ?? 9)}f', ${column})`;
      case 'double':
        return doubleText(column, arithmetic);
      case 'bytes':
        return `TO_HEX(${column})`;
      case 'timestamp':
        return instantText(column);
      default:
        return `CAST(${column} AS STRING)`;
    }
  },
  integer: ({ name }) => quoted(name),
  byteLength: (text) => `CAST(BYTE_LENGTH(${text}) AS STRING)`,
  join: (texts) => texts.join(' || '),
  hashNumber: (text, digits) =>
    `CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5(${text})), 1, ${String(digits)})) AS INT64)`,
  remainder: (number, modulus) => `MOD(${number}, ${String(modulus)})`,
};
