import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { duckDbTransforms } from '../../connectors/duckdb/transform-dialect.js';
import { quoteText } from '../../connectors/duckdb/sql-text.js';
import { memberColumn } from '../../connectors/load/transform-sql.js';
import type { MemberType } from '../../core/dag/unnest.js';

let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

async function extract(json: string, type: MemberType, path = '$.a'): Promise<unknown> {
  const sql = duckDbTransforms.extract(memberColumn('m', type), 'j', path);
  const result = await connection.runAndReadAll(
    `SELECT CAST(${sql} AS VARCHAR) AS m FROM (SELECT ${quoteText(json)} AS j)`,
  );
  return result.getRowObjectsJson()[0]?.['m'];
}

test.each([
  ['12345678901234567.12', 'decimal', '12345678901234567.120000000'],
  ['-9007199254740.9931', 'decimal', '-9007199254740.993100000'],
  ['12345678901234567890123456789', 'decimal', '12345678901234567890123456789.000000000'],
  ['12345678901234567.12', 'string', '12345678901234567.12'],
  ['9223372036854775807', 'int64', '9223372036854775807'],
  ['9223372036854775808', 'int64', null],
  ['0.1', 'decimal', '0.100000000'],
  ['1e3', 'decimal', '1000.000000000'],
  ['1.2345678901234567e3', 'double', '1234.5678901234567'],
  ['true', 'boolean', 'true'],
  ['{"b": [12345678901234567.12, "x"], "c": 1.10}', 'json', '{"b":[12345678901234567.12,"x"],"c":1.1}'],
] as const)('a member %s as %s is %s, to the digit', async (value, type, expected) => {
  expect(await extract(`{"a": ${value}}`, type)).toBe(expected);
});

test.each([
  ', 12345678901234567.12, ',
  '": 12345678901234567.12, "',
  '\\ 12345678901234567.12 \u001e',
  '12345678901234567.12',
  '\u001eabc',
])('a text %j that looks like a number stays as it is', async (text) => {
  const json = JSON.stringify({ n: 0, a: text, b: 'x' }).replace('"n":0', '"n":98765432109876543.21');
  expect(await extract(json, 'string')).toBe(text);
  expect(await extract(json, 'string', '$.b')).toBe('x');
  expect(await extract(json, 'decimal', '$.n')).toBe('98765432109876543.210000000');
});
