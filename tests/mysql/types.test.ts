import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { createSource } from '../../connectors/mysql/index.js';
import { mysql } from '../../connectors/mysql/reference.js';
import { defineDag } from '../../core/dag/dag-builder.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { temporaryFolder } from '../helpers/folder.js';
import { mysqlProgram, startMysql, type MysqlServer } from '../helpers/mysql-server.js';
import { openStages, type Stages } from '../postgres/stages.js';
import { readAll, rejection } from '../sources/read-all.js';

/** One column: its type, values as SQL, their form in the row, and how DuckDB shows them once they are loaded. */
interface Case {
  readonly type: string;
  readonly schema: JsonObject;
  /** Value as SQL → JSON of the member. Without a third part, DuckDB's text is the JSON without quotes. */
  readonly values: readonly (readonly [sql: string, json: string, loaded?: string])[];
}

const text: JsonObject = { type: ['string', 'null'] };
const as = (type: string, ...json: string[]): JsonObject => ({ type: [...json, 'null'], 'x-type': type });
const integer = as('int64', 'integer');
const instant = { ...as('timestamp', 'string'), format: 'date-time' };

const cases: Readonly<Record<string, Case>> = {
  tiny: { type: 'tinyint', schema: integer, values: [['-128', '-128']] },
  flag: {
    type: 'tinyint(1)',
    schema: integer,
    values: [
      ['TRUE', '1'],
      ['2', '2'],
    ],
  },
  medium: { type: 'mediumint unsigned', schema: integer, values: [['16777215', '16777215']] },
  padded: { type: 'int(8) zerofill', schema: integer, values: [['42', '42']] },
  big: {
    type: 'bigint',
    schema: integer,
    values: [
      ['9223372036854775807', '9223372036854775807'],
      ['-9223372036854775808', '-9223372036854775808'],
      ['9007199254740993', '9007199254740993'],
    ],
  },
  unsigned: {
    type: 'bigint unsigned',
    schema: integer,
    values: [['9223372036854775807', '9223372036854775807']],
  },
  exact: {
    type: 'decimal(38,9)',
    schema: as('decimal(38,9)', 'string'),
    values: [
      ['12345678901234567890123456789.123456789', '"12345678901234567890123456789.123456789"'],
      ['-0.1', '"-0.100000000"'],
    ],
  },
  widest: {
    type: 'decimal(65,30)',
    schema: text,
    values: [[`${'9'.repeat(35)}.${'1'.repeat(30)}`, `"${'9'.repeat(35)}.${'1'.repeat(30)}"`]],
  },
  double: {
    type: 'double',
    schema: as('double', 'number'),
    values: [
      ['0.1', '0.1'],
      ['1.7976931348623157e308', '1.7976931348623157e308', '1.7976931348623157e+308'],
      ['0.30000000000000004', '0.30000000000000004'],
    ],
  },
  // Six digits would be 16777200.
  single: { type: 'float', schema: as('double', 'number'), values: [['16777217', '16777216', '16777216.0']] },
  moment: {
    type: 'datetime(6)',
    schema: instant,
    values: [
      ["'2026-03-29 02:30:00.123456'", '"2026-03-29T02:30:00.123456+00:00"', '2026-03-29 02:30:00.123456'],
      ["'1000-01-01 00:00:00'", '"1000-01-01T00:00:00.000000+00:00"', '1000-01-01 00:00:00'],
    ],
  },
  stamp: {
    type: 'timestamp(6)',
    schema: instant,
    // The server's own zone is another.
    values: [
      ["'2026-03-29 01:30:00.000001'", '"2026-03-29T01:30:00.000001+00:00"', '2026-03-29 01:30:00.000001'],
    ],
  },
  day: { type: 'date', schema: as('date', 'string'), values: [["'2026-02-28'", '"2026-02-28"']] },
  span: {
    type: 'time(6)',
    schema: text,
    values: [
      ["'-838:59:59'", '"-838:59:59.000000"'],
      ["'01:02:03.000004'", '"01:02:03.000004"'],
    ],
  },
  year: {
    type: 'year',
    schema: integer,
    values: [
      ['2026', '2026'],
      ["'0000'", '0'],
    ],
  },
  bits: { type: 'bit(10)', schema: integer, values: [["b'1000000001'", '513']] },
  bytes: {
    type: 'varbinary(10)',
    schema: as('bytes', 'string'),
    values: [["x'00ff0a5c'", '"AP8KXA=="', '\\x00\\xFF\\x0A\\x5C']],
  },
  blob: { type: 'longblob', schema: text, values: [["x'00ff'", '"AP8="']] },
  json: {
    type: 'json',
    schema: as('json', 'object', 'array', 'string', 'number'),
    values: [
      [`'{"a": [1, "x"], "b": 1.5}'`, '{"a": [1, "x"], "b": 1.5}', '{"a":[1,"x"],"b":1.5}'],
      [`'"text"'`, '"text"', '"text"'],
    ],
  },
  choice: {
    type: `enum('a','it''s "so"')`,
    schema: text,
    values: [[`'it''s "so"'`, '"it\'s \\"so\\""', `it's "so"`]],
  },
  several: { type: `set('x','y')`, schema: text, values: [["'y,x'", '"x,y"']] },
  fixed: { type: 'char(3)', schema: text, values: [["'a'", '"a"']] },
  latin: { type: 'varchar(20) CHARACTER SET latin1', schema: text, values: [["'Zoë €'", '"Zoë €"']] },
  words: {
    type: 'longtext',
    schema: text,
    values: [
      ["''", '""'],
      ["'Ünïcödé 漢字 🦆'", '"Ünïcödé 漢字 🦆"'],
      [`CONCAT(CHAR(1), ' tab\\t lf\\n \\\\ "')`, '"\\u0001 tab\\t lf\\n \\\\ \\""', '\x01 tab\t lf\n \\ "'],
    ],
  },
};
const names = Object.keys(cases);
/** Rows: the first of each column's values, then the second, and so on; missing ones are NULL. */
const depth = Math.max(...names.map((name) => cases[name]?.values.length ?? 0)) + 1;

const suite = mysqlProgram === undefined ? describe.skip : describe;

suite('each type', () => {
  const folder = temporaryFolder();
  const source = createSource({ projectDirectory: folder });
  let server: MysqlServer;
  let stages: Stages;

  beforeAll(async () => {
    // Settings of a server somewhere else: the form of the rows must not follow them.
    server = await startMysql([
      '--default-time-zone=+05:30',
      '--sql-mode=ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT',
      '--init-connect=SET NAMES latin1, sql_select_limit = 2',
    ]);
    const { database } = server.connection();
    await server.run(
      `CREATE USER IF NOT EXISTS reader@'%' IDENTIFIED BY 'secret'`,
      `GRANT SELECT ON ${String(database)}.* TO reader@'%'`,
    );
    stages = await openStages(join(folder, 'types'), reader(), createSource);
  }, 240_000);

  afterAll(async () => {
    await stages.close();
    await server.stop();
  });

  /** Not root, whose sessions the server leaves as they are. */
  const reader = () => server.connection({ user: 'reader', password: 'secret' });
  const table = (name: string, options: JsonObject = {}) => ({
    stream: 'table',
    options: { table: name, ...options },
    connection: reader(),
  });

  test('has one form, whatever the settings of the server, and arrives in DuckDB to the digit', async () => {
    await server.run(
      `CREATE TABLE typed (id int PRIMARY KEY, ${names.map((name) => `\`${name}\` ${cases[name]?.type ?? ''} NULL`).join(', ')})`,
      ...Array.from({ length: depth }, (_, row) => {
        const values = names.map((name) => cases[name]?.values[row]?.[0] ?? 'NULL');
        return `INSERT INTO typed VALUES (${String(row)}, ${values.join(', ')})`;
      }),
    );
    const { rows } = await readAll(source, table('typed'));
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
          from: mysql.table({ connection: 'db', table: 'typed' }),
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

  test('random rows come out as they went in, letter by letter', async () => {
    const client = await server.client();
    await client.query(
      `CREATE TABLE random (id int PRIMARY KEY, big bigint unsigned, money decimal(65,30), ratio double, single float,
         at datetime(6), word longtext, bytes longblob)`,
    );
    const digits = (max: number) => fc.bigInt({ min: 0n, max: 10n ** BigInt(max) - 1n });
    const row = fc.record({
      big: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
      money: fc
        .tuple(digits(35), digits(30))
        .map(([whole, part]) => `${String(whole)}.${String(part).padStart(30, '0')}`),
      ratio: fc.double({ noNaN: true, noDefaultInfinity: true }),
      single: fc.float({ noNaN: true, noDefaultInfinity: true }),
      at: fc
        .tuple(
          fc.date({
            min: new Date(-30_000_000_000_000),
            max: new Date(250_000_000_000_000),
            noInvalidDate: true,
          }),
          fc.nat(999),
        )
        .map(([date, micros]) => `${date.toISOString().slice(0, 23)}${String(micros).padStart(3, '0')}`),
      word: fc.string({ unit: 'grapheme', maxLength: 30 }),
      bytes: fc.uint8Array({ maxLength: 90 }).map((bytes) => Buffer.from(bytes)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        await client.query('TRUNCATE random');
        for (const [id, { at, ...value }] of rows.entries())
          await client.execute('INSERT INTO random VALUES (?, ?, ?, ?, ?, ?, ?, ?)', [
            ...[id, value.big, value.money, value.ratio, value.single],
            ...[at.replace('T', ' '), value.word, value.bytes],
          ]);
        const { rows: lines } = await readAll(source, table('random'));
        expect(lines).toHaveLength(rows.length);
        for (const [id, value] of rows.entries()) {
          const line = lines[id] ?? '';
          expect(line).toContain(`"big":${value.big},"money":"${value.money}","ratio":`);
          const read = JSON.parse(line) as {
            ratio: number;
            single: number;
            bytes: string;
            at: string;
            word: string;
          };
          expect({
            ratio: read.ratio + 0,
            single: read.single + 0,
            bytes: read.bytes,
            at: read.at,
            word: read.word,
          }).toEqual({
            ratio: value.ratio + 0,
            single: value.single + 0,
            bytes: value.bytes.toString('base64'),
            at: `${value.at}+00:00`,
            word: value.word,
          });
        }
      }),
      { numRuns: 25, seed: 20261129, endOnFailure: true },
    );
  });

  test('what no calendar, no int64 and no decimal has is set aside or kept as text, and null where it is asked for', async () => {
    await server.run(
      `CREATE TABLE odd (id int PRIMARY KEY, at datetime(3), day date, n bigint unsigned, money decimal(65,2))`,
      `INSERT INTO odd VALUES (1, '0000-00-00', '2026-00-10', 1, 1), (2, '2026-01-01', '2026-01-01', 18446744073709551615, 1),
         (3, '2026-01-01', '2026-01-01', 1, ${'9'.repeat(60)}), (4, '2026-01-01', '2026-01-01', 1, 1)`,
    );
    const [kept] = (await readAll(source, table('odd'))).rows;
    expect(kept).toBe(
      '{"id":1,"at":"0000-00-00T00:00:00.000+00:00","day":"2026-00-10","n":1,"money":"1.00"}',
    );
    const [nulled, , , last] = (await readAll(source, table('odd', { zeroDates: 'null' }))).rows;
    expect(nulled).toBe('{"id":1,"at":null,"day":null,"n":1,"money":"1.00"}');
    expect(last).toContain('"at":"2026-01-01T00:00:00.000+00:00","day":"2026-01-01"');

    const dag = defineDag({
      id: 'odd',
      schedule: 'manual',
      tasks: ({ extract, validate, load }) => {
        const raw = extract('pull', { from: mysql.table({ connection: 'db', table: 'odd' }), read: 'full' });
        const checked = validate('check', raw, { schema: 'odd.v1', quarantineOver: 1 });
        load('store', checked, { into: 'odd', disposition: 'replace' });
      },
    });
    const properties = {
      id: { type: 'integer' },
      at: instant,
      day: { ...as('date', 'string'), format: 'date' },
      n: integer,
      money: as('decimal(38,2)', 'string'),
    };
    const { counts } = await stages.run(dag, { 'odd.v1': { type: 'object', properties } });
    expect(counts).toMatchObject({ extracted: 4, loaded: 1, quarantined: 3 });
    expect(await stages.query('SELECT id FROM odd')).toEqual([{ id: '4' }]);
  });

  test('that has no text is refused by name, and can be left out', async () => {
    await server.run(
      `CREATE TABLE places (id int PRIMARY KEY, place point)`,
      `INSERT INTO places VALUES (1, POINT(1, 2))`,
    );
    expect(await rejection(readAll(source, table('places')))).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(
        'column "place" has type geometry, which is not read: leave it out of "columns"',
      ),
    });
    expect((await readAll(source, table('places', { columns: ['id'] }))).rows).toEqual(['{"id":1}']);
  });

  test('a record just below the limit stays whole; one above it is told from its neighbours', async () => {
    const frame = '{"id":1,"body":""}'.length;
    const body = randomBytes((limits.recordMaxBytes - frame) / 2 - 1).toString('hex');
    await server.run(
      'SET GLOBAL max_allowed_packet = 1073741824',
      'CREATE TABLE `long` (id int PRIMARY KEY, body longtext)',
    );
    const client = await server.client();
    await client.query(`INSERT INTO \`long\` VALUES (0, 'a'), (1, ?)`, [body]);
    await client.query(`INSERT INTO \`long\` SELECT 2, CONCAT(body, body, body) FROM \`long\` WHERE id = 1`);
    await client.query(`INSERT INTO \`long\` VALUES (3, 'b')`);
    const { rows } = await readAll(source, { ...table('long'), cursorPath: 'id' });
    expect(rows.map((line) => line.length > limits.recordMaxBytes)).toEqual([false, false, true, false]);
    expect(rows[1] === `{"id":1,"body":"${body}"}`).toBe(true);
    // Of it no more is kept than the next stage needs to set it aside.
    expect(rows[2]?.length).toBeLessThan(limits.recordMaxBytes + 100);
    expect([rows[0], rows[3]]).toEqual(['{"id":0,"body":"a"}', '{"id":3,"body":"b"}']);
  });
});
