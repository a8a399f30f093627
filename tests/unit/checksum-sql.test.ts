import { describe, expect, test } from '@jest/globals';
import { bigQueryChecksums } from '../../connectors/bigquery/checksum-sql.js';
import { bucketOf, rowHash, type ChecksumSpelling } from '../../connectors/checksum.js';
import { snowflakeChecksums } from '../../connectors/snowflake/checksum-sql.js';
import { checksumColumns } from '../helpers/checksum-oracle.js';

/** What a peer may take, and the service as well: the statements are told here, letter by letter. */
describe('checksums of warehouses over the network', () => {
  const [id, version, note, amount, open, , day] = checksumColumns;
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
    expect([version, amount, open].map((column) => textOf(snowflakeChecksums, column))).toEqual([
      `REGEXP_REPLACE(TO_VARCHAR("VERSION", 'YYYY-MM-DD HH24:MI:SS.FF6'), '([.][0-9]*[1-9])0+$|[.]0+$', '\\\\1')`,
      'CAST("AMOUNT" AS VARCHAR)',
      `CASE WHEN "IS_OPEN" THEN 't' WHEN NOT "IS_OPEN" THEN 'f' END`,
    ]);
  });

  test('BigQuery', () => {
    expect(rowHash(bigQueryChecksums, some(id, note))).toBe(
      "CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5(coalesce(CAST(`id` AS STRING), 'n') || ',' || coalesce(CAST(BYTE_LENGTH(`note`) AS STRING) || ':' || `note`, 'n') || ',')), 1, 15)) AS INT64)",
    );
    expect(bucketOf(bigQueryChecksums, some(id), 7)).toBe('abs(MOD(`id`, 7))');
    expect([version, amount, open, day].map((column) => textOf(bigQueryChecksums, column))).toEqual([
      "REGEXP_REPLACE(CONCAT(CAST(DATE(`version`, 'UTC') AS STRING), FORMAT_TIMESTAMP(' %H:%M:%E6S', `version`, 'UTC')), r'[.]?0+$', '')",
      "FORMAT('%.4f', `amount`)",
      "CASE WHEN `is_open` THEN 't' WHEN NOT `is_open` THEN 'f' END",
      'CAST(`day` AS STRING)',
    ]);
  });
});
