import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createSource } from '../../connectors/postgres/index.js';
import { postgres } from '../../connectors/postgres/reference.js';
import { defineDag } from '../../core/dag/dag-builder.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { temporaryFolder } from '../helpers/folder.js';
import { startPostgres, type PostgresServer } from '../helpers/postgres-server.js';
import { readAll } from '../sources/read-all.js';
import { openStages, type Stages } from './stages.js';

const folder = temporaryFolder();
let server: PostgresServer;
let stages: Stages;

beforeAll(async () => {
  server = await startPostgres({
    // Settings of a server somewhere else: the form of the rows must not follow them.
    timezone: 'Asia/Kolkata',
    datestyle: 'German',
    intervalstyle: 'sql_standard',
    bytea_output: 'escape',
    extra_float_digits: '-3',
  });
  stages = await openStages(join(folder, 'types'), server.connection());
}, 240_000);

afterAll(async () => {
  await stages.close();
  await server.stop();
});

/** One column: its type, values as SQL, their form in the row, and how DuckDB shows them once they are loaded. */
interface Case {
  readonly type: string;
  readonly schema: JsonObject;
  /** Value as SQL → JSON of the member. Without a third part, DuckDB's text is the JSON without quotes. */
  readonly values: readonly (readonly [sql: string, json: string, loaded?: string])[];
}

const text: JsonObject = { type: ['string', 'null'] };
const as = (type: string, ...json: string[]): JsonObject => ({ type: [...json, 'null'], 'x-type': type });

const cases: Readonly<Record<string, Case>> = {
  small: { type: 'smallint', schema: as('int64', 'integer'), values: [['-32768', '-32768']] },
  big: {
    type: 'bigint',
    schema: as('int64', 'integer'),
    values: [
      ['9223372036854775807', '9223372036854775807'],
      ['-9223372036854775808', '-9223372036854775808'],
      ['9007199254740993', '9007199254740993'],
    ],
  },
  exact: {
    type: 'numeric(38,9)',
    schema: as('decimal(38,9)', 'string'),
    values: [
      ['12345678901234567890123456789.123456789', '"12345678901234567890123456789.123456789"'],
      ['-0.1', '"-0.100000000"', '-0.100000000'],
    ],
  },
  free: {
    type: 'numeric',
    schema: text,
    values: [
      ["'NaN'", '"NaN"'],
      ["'Infinity'", '"Infinity"'],
      ['1.10', '"1.10"'],
      ['1e60', `"1${'0'.repeat(60)}"`],
      ['0.00000000000000000001', '"0.00000000000000000001"'],
    ],
  },
  money: { type: 'money', schema: as('decimal(38,2)', 'string'), values: [["'$1234.5'", '"1234.50"']] },
  double: {
    type: 'double precision',
    schema: as('double', 'number'),
    values: [
      ['0.1', '0.1'],
      ['1.7976931348623157e308', '1.7976931348623157e+308'],
      ['4.9406564584124654e-324', '5e-324'],
      ['0.30000000000000004', '0.30000000000000004'],
      ["'-0'", '-0', '-0.0'],
    ],
  },
  special: {
    type: 'double precision',
    schema: as('string', 'number', 'string'),
    values: [
      ["'NaN'", '"NaN"'],
      ["'-Infinity'", '"-Infinity"'],
      ['1e15', '1e+15'],
    ],
  },
  real: { type: 'real', schema: as('double', 'number'), values: [['0.1', '0.1']] },
  flag: {
    type: 'boolean',
    schema: { type: ['boolean', 'null'] },
    values: [
      ['true', 'true'],
      ['false', 'false'],
    ],
  },
  instant: {
    type: 'timestamptz',
    schema: { ...as('timestamp', 'string'), format: 'date-time' },
    values: [
      ["'2026-03-29 02:30:00.123456+01'", '"2026-03-29T01:30:00.123456+00:00"', '2026-03-29 01:30:00.123456'],
      ["'0001-01-01 00:00:00+00'", '"0001-01-01T00:00:00+00:00"', '0001-01-01 00:00:00'],
      ["'1883-11-18 12:03:58-04:56:02'", '"1883-11-18T17:00:00+00:00"', '1883-11-18 17:00:00'],
    ],
  },
  endless: {
    type: 'timestamptz',
    schema: text,
    values: [
      ["'infinity'", '"infinity"'],
      ["'-infinity'", '"-infinity"'],
      ["'12026-01-01 00:00:00.000001+00'", '"12026-01-01T00:00:00.000001+00:00"'],
      ["'0044-03-15 00:00:00+00 BC'", '"0044-03-15T00:00:00+00:00 BC"'],
    ],
  },
  local: {
    type: 'timestamp',
    schema: { ...as('timestamp', 'string'), format: 'date-time' },
    values: [
      ["'2026-03-29 02:30:00.000001'", '"2026-03-29T02:30:00.000001+00:00"', '2026-03-29 02:30:00.000001'],
    ],
  },
  stamps: {
    type: 'timestamp[]',
    schema: as('json', 'array'),
    values: [["'{2026-01-01 00:00:00}'", '["2026-01-01T00:00:00"]']],
  },
  day: { type: 'date', schema: as('date', 'string'), values: [["'2026-02-28'", '"2026-02-28"']] },
  time: {
    type: 'time',
    schema: text,
    values: [
      ["'24:00:00'", '"24:00:00"'],
      ["'01:02:03.000004'", '"01:02:03.000004"'],
    ],
  },
  span: {
    type: 'interval',
    schema: text,
    values: [["'1 year 2 days 03:04:05.000006'", '"P1Y2DT3H4M5.000006S"']],
  },
  bytes: { type: 'bytea', schema: text, values: [["'\\x00ff0a5c'", '"\\\\x00ff0a5c"', '\\x00ff0a5c']] },
  json: {
    type: 'json',
    schema: as('json', 'object', 'array', 'string', 'number'),
    values: [
      [
        `E'{"b": 1.10,\\n\\t"a":\\r\\n[12345678901234567890.12, "x\\\\ny"]}'`,
        '{"b": 1.10,  "a":  [12345678901234567890.12, "x\\ny"]}',
        '{"b":1.10,"a":[12345678901234567890.12,"x\\ny"]}',
      ],
      [`'"text"'`, '"text"', '"text"'],
    ],
  },
  jsonb: {
    type: 'jsonb',
    schema: as('json', 'object', 'array', 'number'),
    values: [[`'{"b":1.10,"a":[null,"é"]}'`, '{"a": [null, "é"], "b": 1.10}', '{"a":[null,"é"],"b":1.10}']],
  },
  list: {
    type: 'text[]',
    schema: as('json', 'array'),
    values: [[`ARRAY['a,b', NULL, '"', E'\\\\\\n']`, '["a,b",null,"\\"","\\\\\\n"]']],
  },
  grid: { type: 'int[][]', schema: as('json', 'array'), values: [["'{{1,2},{3,4}}'", '[[1,2],[3,4]]']] },
  amounts: {
    type: 'numeric[]',
    schema: as('json', 'array'),
    values: [["'{1.10,NaN,NULL}'", '["1.10","NaN",null]']],
  },
  uuid: {
    type: 'uuid',
    schema: text,
    values: [["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"']],
  },
  mood: { type: 'mood', schema: text, values: [["'so\"so'", '"so\\"so"', 'so"so']] },
  price: { type: 'price', schema: as('decimal(12,2)', 'string'), values: [['7.5', '"7.50"']] },
  pair: { type: 'pair', schema: as('json', 'object'), values: [[`ROW(1, E'a\\nb')`, '{"x":1,"y":"a\\nb"}']] },
  range: { type: 'int4range', schema: text, values: [["'[1,5)'", '"[1,5)"']] },
  address: { type: 'inet', schema: text, values: [["'::1/64'", '"::1/64"']] },
  padded: { type: 'char(3)', schema: text, values: [["'a'", '"a  "']] },
  words: {
    type: 'text',
    schema: text,
    values: [
      ["''", '""'],
      ["'Ünïcödé 漢字 🦆'", '"Ünïcödé 漢字 🦆"'],
      [
        `E'\\x01\\x02\\x1f\\x7f tab\\t lf\\n crlf\\r\\n'`,
        '"\\u0001\\u0002\\u001F\x7f tab\\t lf\\n crlf\\r\\n"',
        '\x01\x02\x1f\x7f tab\t lf\n crlf\r\n',
      ],
      [`E'\\\\.'`, '"\\\\."', '\\.'],
      [`E'"\\\\"'`, '"\\"\\\\\\""', '"\\"'],
      ["U&'\\2028\\FEFF'", '"\u2028\ufeff"'],
    ],
  },
};
const names = Object.keys(cases);
/** Rows: the first of each column's values, then the second, and so on; missing ones are NULL. */
const depth = Math.max(...names.map((name) => cases[name]?.values.length ?? 0)) + 1;

describe('each type', () => {
  test('has one form, whatever the settings of the server, and arrives in DuckDB to the digit', async () => {
    await server.run(
      `CREATE TYPE mood AS ENUM ('so"so')`,
      `CREATE DOMAIN price AS numeric(12,2) CHECK (VALUE > 0)`,
      `CREATE TYPE pair AS (x int, y text)`,
      `CREATE TABLE typed (id int PRIMARY KEY, ${names.map((name) => `"${name}" ${cases[name]?.type ?? ''}`).join(', ')})`,
      ...Array.from({ length: depth }, (_, row) => {
        const values = names.map((name) => cases[name]?.values[row]?.[0] ?? 'NULL');
        return `INSERT INTO typed VALUES (${String(row)}, ${values.join(', ')})`;
      }),
    );
    const source = createSource({ projectDirectory: folder });
    const { rows } = await readAll(source, {
      stream: 'query',
      options: { sql: 'SELECT * FROM typed ORDER BY id' },
      connection: server.connection(),
    });
    expect(rows).toEqual(
      Array.from({ length: depth }, (_, row) => {
        const members = names.map((name) => `"${name}":${cases[name]?.values[row]?.[1] ?? 'null'}`);
        return `{"id":${String(row)},${members.join(',')}}`;
      }),
    );

    const dag = defineDag({
      id: 'types',
      schedule: 'manual',
      tasks: ({ extract, validate, load }) => {
        const raw = extract('pull', {
          from: postgres.table({ connection: 'db', table: 'typed' }),
          read: 'full',
        });
        load('store', validate('check', raw, { schema: 'typed.v1' }), {
          into: 'typed',
          disposition: 'replace',
        });
      },
    });
    const properties = Object.fromEntries(names.map((name) => [name, cases[name]?.schema ?? {}]));
    const document = {
      $id: 'typed.v1',
      type: 'object',
      required: ['id'],
      properties: { id: { type: 'integer' }, ...properties },
    };
    const { counts } = await stages.run(dag, { 'typed.v1': document });
    expect(counts).toMatchObject({ extracted: depth, loaded: depth, quarantined: 0 });
    const loaded = await stages.query(
      `SELECT ${names.map((name) => `CAST("${name}" AS VARCHAR) AS "${name}"`).join(', ')} FROM typed ORDER BY id`,
    );
    for (const name of names) {
      for (const [row, value] of (cases[name]?.values ?? []).entries()) {
        const [, json, shown] = value;
        const expected = shown ?? (json.startsWith('"') ? (JSON.parse(json) as string) : json);
        expect({ name, row, value: loaded[row]?.[name] }).toEqual({ name, row, value: expected });
      }
      expect(loaded[depth - 1]?.[name]).toBeNull();
    }
  });

  test('a document cast to text keeps digits that a double has no room for, also where its batch is typed by SQL', async () => {
    const payload = '{"amount": 12345678901234567890.10}';
    const dag = defineDag({
      id: 'documents',
      schedule: 'manual',
      tasks: ({ extract, validate, load }) => {
        const sql = `SELECT 1 AS id, current_setting('millrace.payload')::jsonb::text AS payload`;
        const raw = extract('pull', { from: postgres.query({ connection: 'db', sql, values: { payload } }) });
        load('store', validate('check', raw, { schema: 'document.v1' }), { into: 'documents' });
      },
    });
    const properties = { id: { type: 'integer' }, payload: { type: 'string' } };
    await stages.run(dag, { 'document.v1': { $id: 'document.v1', type: 'object', properties } });
    expect(await stages.query('SELECT payload FROM documents')).toEqual([{ payload }]);
  });

  test('a record just below the limit stays whole; one above it is told from its neighbours', async () => {
    const frame = '{"id":1,"body":""}'.length;
    const body = randomBytes((limits.recordMaxBytes - frame) / 2 - 1).toString('hex');
    const client = await server.client();
    await client.query('CREATE TABLE long (id int PRIMARY KEY, body text)');
    await client.query(`INSERT INTO long VALUES (0, 'a'), (1, $1), (2, $1 || $1 || $1), (3, 'b')`, [body]);
    const source = createSource({ projectDirectory: folder });
    const { rows } = await readAll(source, {
      stream: 'table',
      options: { table: 'long' },
      cursorPath: 'id',
      connection: server.connection(),
    });
    expect(rows.length).toBe(4);
    expect(rows[1] === `{"id":1,"body":"${body}"}`).toBe(true);
    // Of it no more is kept than the next stage needs to set it aside.
    expect(rows[2]?.length).toBeGreaterThan(limits.recordMaxBytes);
    expect(rows[2]?.length).toBeLessThan(2 * limits.recordMaxBytes + 100);
    expect([rows[0], rows[3]]).toEqual(['{"id":0,"body":"a"}', '{"id":3,"body":"b"}']);
  });
});
