import { describe, expect, test } from '@jest/globals';
import { bigQueryChecksums } from '../../connectors/bigquery/checksum-sql.js';
import { bucketOf, rowHash, type ChecksumSpelling } from '../../connectors/checksum.js';
import { snowflakeChecksums } from '../../connectors/snowflake/checksum-sql.js';
import { checksumColumns } from '../helpers/checksum-oracle.js';
import { column } from '../helpers/warehouse.js';

/** What a peer may take, and the service as well: the statements are told here, letter by letter. */
describe('checksums of warehouses over the network', () => {
  const [id, version, note, amount, open, , day, ratio] = checksumColumns;
  const data = { name: 'data', source: 'data', type: column('data', 'bytes') };
  const some = (...columns: (typeof id)[]) => columns.filter((column) => column !== undefined);
  const textOf = (spelling: ChecksumSpelling, column: typeof id) =>
    column === undefined ? '' : spelling.text(column);

  test('Snowflake', () => {
    expect(rowHash(snowflakeChecksums, some(id, note))).toBe(
      `TO_NUMBER(SUBSTR(MD5(coalesce(CAST("ID" AS VARCHAR), 'n') || ',' || coalesce(CAST(LENGTH(TO_BINARY("NOTE", 'UTF-8')) AS VARCHAR) || ':' || "NOTE", 'n') || ','), 1, 15), 'XXXXXXXXXXXXXXX')`,
    );
    expect(bucketOf(snowflakeChecksums, some(id), 7)).toBe('abs(MOD("ID", 7))');
    expect(bucketOf(snowflakeChecksums, some(day), 7)).toBe(
      `abs(MOD(TO_NUMBER(SUBSTR(MD5(coalesce(TO_VARCHAR("DAY", 'YYYY-MM-DD'), 'n') || ','), 1, 12), 'XXXXXXXXXXXX'), 7))`,
    );
    expect([version, amount, open, ratio, data].map((column) => textOf(snowflakeChecksums, column))).toEqual([
      `REGEXP_REPLACE(TO_VARCHAR("VERSION", 'YYYY-MM-DD HH24:MI:SS.FF6'), '([.][0-9]*[1-9])0+$|[.]0+$', '\\\\1')`,
      'CAST("AMOUNT" AS VARCHAR)',
      `CASE WHEN "IS_OPEN" THEN 't' WHEN NOT "IS_OPEN" THEN 'f' END`,
      `CASE WHEN "RATIO" = 0 THEN '0' WHEN "RATIO" = CAST('NaN' AS FLOAT) THEN 'NaN' WHEN "RATIO" = CAST('inf' AS FLOAT) THEN 'Infinity' WHEN "RATIO" = CAST('-inf' AS FLOAT) THEN '-Infinity' ELSE CAST(${finite('"RATIO"', 'NUMBER(19, 0)')} AS VARCHAR) END`,
      `LOWER(HEX_ENCODE("DATA"))`,
    ]);
  });

  test('BigQuery', () => {
    expect(rowHash(bigQueryChecksums, some(id, note))).toBe(
      "CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5(coalesce(CAST(`id` AS STRING), 'n') || ',' || coalesce(CAST(BYTE_LENGTH(`note`) AS STRING) || ':' || `note`, 'n') || ',')), 1, 15)) AS INT64)",
    );
    expect(bucketOf(bigQueryChecksums, some(id), 7)).toBe('abs(MOD(`id`, 7))');
    expect(
      [version, amount, open, day, ratio, data].map((column) => textOf(bigQueryChecksums, column)),
    ).toEqual([
      "REGEXP_REPLACE(CONCAT(CAST(DATE(`version`, 'UTC') AS STRING), FORMAT_TIMESTAMP(' %H:%M:%E6S', `version`, 'UTC')), r'[.]?0+$', '')",
      "FORMAT('%.4f', `amount`)",
      "CASE WHEN `is_open` THEN 't' WHEN NOT `is_open` THEN 'f' END",
      'CAST(`day` AS STRING)',
      `CASE WHEN \`ratio\` = 0 THEN '0' WHEN IS_NAN(\`ratio\`) THEN 'NaN' WHEN IS_INF(\`ratio\`) AND \`ratio\` > 0 THEN 'Infinity' WHEN IS_INF(\`ratio\`) THEN '-Infinity' ELSE CAST(${finite('`ratio`', 'INT64')} AS STRING) END`,
      'TO_HEX(`data`)',
    ]);
  });
});

/** The signed bits of a finite double, as both warehouses are asked for them. */
function finite(value: string, integer: string): string {
  const size = `ABS(${value})`;
  const near = `GREATEST(LEAST(FLOOR(LN(NULLIF(${size}, 0)) / 0.6931471805599453), 1022), -1022)`;
  const exponent = `${near} + CASE WHEN ${size} >= POWER(2, ${near} + 1) THEN 1 WHEN ${size} < POWER(2, ${near}) THEN -1 ELSE 0 END`;
  const tiny = `CAST(${size} * POWER(2, 537) * POWER(2, 537) AS ${integer})`;
  const whole = `CAST(${exponent} + 1023 AS ${integer}) * 4503599627370496`;
  const part = `CAST((${size} / POWER(2, ${exponent}) - 1) * 4503599627370496 AS ${integer})`;
  return `CASE WHEN ${value} < 0 THEN -1 ELSE 1 END * CASE WHEN ${size} < POWER(2, -1022) THEN ${tiny} ELSE ${whole} + ${part} END`;
}
