import type { ChecksumSpelling } from '../checksum.js';
import type { ComparedColumn } from '../../core/reconcile/reconcile.js';
import { doubleText, oddDoubles, type DoubleArithmetic } from '../double-text.js';
import { snowflakeDialect } from './dialect.js';

const arithmetic: DoubleArithmetic = {
  integer: (value) => `CAST(${value} AS NUMBER(19, 0))`,
  text: (integer) => `CAST(${integer} AS VARCHAR)`,
  // NaN is equal to itself here (Snowflake, SQL reference: "Numeric data types", "Special values").
  odd: (value) => [
    [`${value} = CAST('NaN' AS FLOAT)`, oddDoubles.notANumber],
    [`${value} = CAST('inf' AS FLOAT)`, oddDoubles.infinity],
    [`${value} = CAST('-inf' AS FLOAT)`, oddDoubles.negativeInfinity],
  ],
};

/**
 * Checksums by Snowflake. `MD5` gives hexadecimal digits, and `TO_NUMBER` reads them by a format of as many `X`; a length of
 * bytes is that of the text as binary (Snowflake, SQL reference: "MD5", "TO_DECIMAL", "SQL format models", "LENGTH").
 */
export const snowflakeChecksums: ChecksumSpelling = {
  text: ({ name, type }: ComparedColumn) => {
    const column = snowflakeDialect.name(name);
    switch (type.type) {
      case 'string':
        return column;
      case 'boolean':
        return `CASE WHEN ${column} THEN 't' WHEN NOT ${column} THEN 'f' END`;
      case 'double':
        return doubleText(column, arithmetic);
      case 'bytes':
        return `LOWER(HEX_ENCODE(${column}))`;
      case 'timestamp':
        return snowflakeDialect.asText(column, type);
      case 'date':
        return `TO_VARCHAR(${column}, 'YYYY-MM-DD')`;
      default:
        return `CAST(${column} AS VARCHAR)`;
    }
  },
  integer: ({ name }) => snowflakeDialect.name(name),
  byteLength: (text) => `CAST(LENGTH(TO_BINARY(${text}, 'UTF-8')) AS VARCHAR)`,
  join: (texts) => texts.join(' || '),
  hashNumber: (text, digits) =>
    `TO_NUMBER(SUBSTR(MD5(${text}), 1, ${String(digits)}), '${'X'.repeat(digits)}')`,
  remainder: (number, modulus) => `MOD(${number}, ${String(modulus)})`,
};
