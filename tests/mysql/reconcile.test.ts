import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createPlanReconcile } from '../../activities/reconcile/reconcile-plan.js';
import { checksumContext, sourceRequest } from '../../activities/reconcile/reconcile-source.js';
import { createCompareBuckets, createCompareKeys } from '../../activities/reconcile/reconcile-steps.js';
import { createSource } from '../../connectors/mysql/index.js';
import { mysql } from '../../connectors/mysql/reference.js';
import type { ReconcileRequest } from '../../core/reconcile/reconcile.js';
import { defineDag } from '../../core/dag/dag-builder.js';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import type { JsonObject } from '../../core/json.js';
import { chainOf } from '../../workflows/load-chain.js';
import { bucketsOf, checksumColumns, doubleOf, textRows, type TextRow } from '../helpers/checksum-oracle.js';
import { temporaryFolder } from '../helpers/folder.js';
import { mysqlProgram, startMysql, type MysqlServer } from '../helpers/mysql-server.js';
import { openStages, type Stages } from '../postgres/stages.js';
import { readAll } from '../sources/read-all.js';

const nullable = (type: string, more: JsonObject = {}): JsonObject => ({ type: [type, 'null'], ...more });
const decimal = (digits: string) => nullable('string', { 'x-type': `decimal(${digits})` });
const time = nullable('string', { format: 'date-time' });

/** Column → type in MySQL, its part of the schema, and values that are hard to render alike. */
const hard: Readonly<Record<string, readonly [string, JsonObject, readonly string[]]>> = {
  big: ['bigint', nullable('integer'), ['-9223372036854775808', '9223372036854775807', '0']],
  positive: ['bigint unsigned', nullable('integer'), ['0', '9223372036854775807', '1']],
  filled: ['int zerofill', nullable('integer'), ['7', '4294967295', '0']],
  bits: ['bit(9)', nullable('integer'), ["b'100000001'", '1', '0']],
  since: ['year', nullable('integer'), ['2026', "'0000'", '1999']],
  money: [
    'decimal(38,10)',
    decimal('38,10'),
    ['1234567890123456789012345678.0123456789', '-0.0000000001', '-0.5'],
  ],
  share: ['decimal(4,4)', decimal('4,4'), ['0.5', '-0.0001', '0']],
  loose: ['decimal(20,6)', decimal('20,3'), ['1.5', '10', '0.001']],
  at: [
    'timestamp(6) NULL',
    time,
    [`'2026-03-29 02:30:00.123450'`, `'1970-01-01 00:00:01'`, `'2026-01-01 10:20:30.1'`],
  ],
  wall: [
    'datetime(6)',
    time,
    [`'2026-01-01 12:00:00'`, `'1600-02-29 00:00:00.000001'`, `'9999-12-31 23:59:50.5'`],
  ],
  whole: ['datetime', time, [`'2026-01-01 12:00:00'`, `'2026-01-01 12:10:20'`, `'9999-12-31 23:59:50'`]],
  day: ['date', nullable('string', { format: 'date' }), [`'2026-02-28'`, `'1000-01-01'`, `'9999-12-31'`]],
  text: ['text', nullable('string'), [`'tab\\tquote"\\\\ line\\n'`, `'Zoë 🤦🏼‍♂️ ﷽'`, `''`]],
  code: ['varchar(20) CHARACTER SET latin1', nullable('string'), [`'n'`, `'1:a,€'`, `' padded '`]],
  choice: [`enum('a','b,')`, nullable('string'), [`'a'`, `'b,'`, `'a'`]],
  wait: ['time(3)', nullable('string'), [`'-838:59:59'`, `'01:00:00.5'`, `'00:00:00'`]],
  bytes: ['varbinary(80)', nullable('string'), [`x'00ff'`, `REPEAT('a', 80)`, `''`]],
  blob4: ['varbinary(80)', nullable('string', { 'x-type': 'bytes' }), [`x'00ff'`, `REPEAT('a', 80)`, `''`]],
  base64: ['text', nullable('string', { 'x-type': 'bytes' }), [`'AAEC/w=='`, `''`, `TO_BASE64('ü')`]],
  ratio: ['double', nullable('number'), ['0.1', '-5e-324', '1.7976931348623157e308']],
  share4: ['float', nullable('number'), ['0.1', '-16777217', '1e-38']],
  count8: ['bigint', nullable('number'), ['9007199254740993', '-9223372036854775808', '0']],
};
const names = Object.keys(hard);
const properties = Object.fromEntries(names.map((name) => [name, hard[name]?.[1] ?? {}]));
const hardSchema = {
  type: 'object',
  properties: { id: { type: 'integer' }, ...properties, doc: nullable('object') },
};
const pairSchema = {
  type: 'object',
  properties: {
    region: { type: 'string' },
    n: { type: 'integer' },
    amount: decimal('12,2'),
    updated_at: time,
  },
};

function dagOf(
  table: string,
  schema: string,
  key: readonly string[],
  version: readonly string[],
): DagDefinition {
  return defineDag({
    id: table,
    schedule: 'manual',
    tasks: ({ extract, validate, load }) => {
      const raw = extract('pull', { from: mysql.table({ connection: 'db', table }), read: 'full' });
      load('store', validate('check', raw, { schema }), { into: table, key, version, disposition: 'merge' });
    },
  });
}
const hardDag = dagOf('hard', 'hard.v1', ['id'], []);
const pairDag = dagOf('pairs', 'pair.v1', ['region', 'n'], ['updated_at']);
const textDag = dagOf('texts', 'text.v1', ['id'], ['version']);

function requestOf({ spec }: DagDefinition): ReconcileRequest {
  const load = spec.tasks.find((task) => task.kind === 'load');
  const chain = load === undefined ? undefined : chainOf(spec, load);
  if (load === undefined || chain === undefined) throw new Error('no load');
  return { dagId: spec.id, ...chain, load };
}

const suite = mysqlProgram === undefined ? describe.skip : describe;

suite('checksums of MySQL', () => {
  const folder = temporaryFolder();
  let server: MysqlServer;
  let stages: Stages;

  beforeAll(async () => {
    server = await startMysql();
    stages = await openStages(folder, server.connection(), createSource);
    const rows = [0, 1, 2].map((row) => [
      String(row),
      ...names.map((name) => hard[name]?.[2][row] ?? 'NULL'),
    ]);
    await server.run(
      `CREATE TABLE hard (id int PRIMARY KEY, ${names.map((name) => `${name} ${hard[name]?.[0] ?? ''}`).join(', ')}, doc json)`,
      ...rows.map((row) => `INSERT INTO hard VALUES (${row.join(', ')}, '{"a": 1}')`),
      `INSERT INTO hard (id) VALUES (3)`,
      ...names.map(
        (_, index) =>
          `INSERT INTO hard SELECT ${String(100 + index)}, ${names.join(', ')}, doc FROM hard WHERE id = 1`,
      ),
      `CREATE TABLE texts (id bigint, version datetime(6), note text, amount decimal(18,4), is_open tinyint, seen_at datetime(6), day date, ratio double)`,
      `CREATE TABLE pairs (region varchar(20) CHARACTER SET latin1, n bigint, amount decimal(12,2), updated_at datetime(6), PRIMARY KEY (region, n))`,
      `INSERT INTO pairs WITH RECURSIVE g AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM g WHERE i < 900)
       SELECT CONCAT('région ', i % 7), -i, i / 100, '2026-01-01' + INTERVAL i SECOND FROM g`,
    );
    await stages.run(hardDag, { 'hard.v1': hardSchema });
    await stages.run(pairDag, { 'pair.v1': pairSchema });
  }, 240_000);

  afterAll(async () => {
    await stages.close();
    await server.stop();
  });

  /** Bisects with few buckets, so that several keys share one. */
  async function compare(dag: DagDefinition) {
    const request = requestOf(dag);
    const plan = await createPlanReconcile(stages.deps)(request, stages.io);
    if (plan.way !== 'checksums') throw new Error(plan.reason);
    const coarse = await createCompareBuckets(stages.deps)({ request, plan, modulus: 7 }, stages.io);
    const fine = await createCompareBuckets(stages.deps)(
      { request, plan, modulus: 77, within: { file: coarse.file, modulus: 7 } },
      stages.io,
    );
    const within = { file: fine.file, modulus: 77 };
    const inFlightSince = '2026-01-31T00:00:00.000Z';
    const keys = await createCompareKeys(stages.deps)({ request, plan, within, inFlightSince }, stages.io);
    return { plan, coarse, keys };
  }

  test('render hard values as DuckDB does, and name the columns that they leave out', async () => {
    const { plan, coarse, keys } = await compare(hardDag);
    expect(keys.samples).toEqual({ missing: [], extra: [], changed: [], timestampOnly: [] });
    expect(coarse).toMatchObject({ sourceRows: 4 + names.length, warehouseRows: 4 + names.length, rows: 0 });
    expect(plan.columns.map(({ name }) => name).sort()).toEqual(['id', ...names].sort());
    expect(plan.notCompared.map((text) => text.split(':')[0]).sort()).toEqual(['doc']);
  });

  test('find a change of each single column, and digits that the table cannot hold', async () => {
    await server.run(
      ...names.map((name, index) => `UPDATE hard SET ${name} = NULL WHERE id = ${String(100 + index)}`),
      'UPDATE hard SET loose = 1.5001 WHERE id = 0',
    );
    expect((await compare(hardDag)).keys).toMatchObject({ changed: names.length + 1, missing: 0, extra: 0 });
    await server.run('UPDATE hard SET loose = 1.5 WHERE id = 0');
    expect((await compare(hardDag)).keys).toMatchObject({ changed: names.length });
  });

  test('tell each kind of difference, and its keys are read once more', async () => {
    await server.run(
      `DELETE FROM pairs WHERE n = -10`,
      `INSERT INTO pairs VALUES ('new', 1, 1, '2026-01-01'), ('new', 2, 1, '2026-02-01')`,
      `UPDATE pairs SET amount = 0 WHERE n = -20`,
      `UPDATE pairs SET updated_at = '2026-01-02' WHERE n = -30`,
      // Another key for the warehouse, and the same for the collation of the column.
      `UPDATE pairs SET region = 'RÉGION 5' WHERE n = -40`,
    );
    const { keys } = await compare(pairDag);
    expect(keys).toMatchObject({
      ...{ missing: 2, extra: 2, changed: 1, timestampOnly: 1, inFlight: 1 },
      samples: { changed: ['["région 6","-20"]'], timestampOnly: ['["région 2","-30"]'] },
    });
    const rows = await stages.deps.staging.localPath(keys.differences);
    const { readFile } = await import('node:fs/promises');
    const lines = (await readFile(rows, 'utf8')).split('\n').filter((line) => line !== '');
    const read = await readAll(createSource({ projectDirectory: folder }), {
      stream: 'table',
      options: { table: 'pairs' },
      connection: server.connection(),
      keys: { key: ['region', 'n'], version: ['updated_at'], rows: `[${lines.join(',')}]`, deletions: true },
    });
    const parsed = (from: readonly string[]) =>
      from.map((line) => JSON.parse(line) as { region: string; n: number });
    expect(
      parsed(read.rows)
        .map(({ region, n }) => [region, n])
        .sort(),
    ).toEqual([
      ['RÉGION 5', -40],
      ['new', 1],
      ['région 2', -30],
      ['région 6', -20],
    ]);
    expect(
      parsed(read.deletes)
        .map(({ region, n }) => [region, n])
        .sort(),
    ).toEqual([
      ['région 3', -10],
      ['région 5', -40],
    ]);
    expect(read.deletes[0]).toContain('"updated_at":"2026-01-01T00:00:');
  });

  test('of random rows are those of the canonical text, by bucket', async () => {
    const request = await sourceRequest(stages.deps, requestOf(textDag));
    const reader = (await stages.deps.source('mysql')).checksums;
    const client = await server.client();
    // MySQL has no boolean of its own, and its calendar begins with the year 1000.
    const columns = checksumColumns.filter(({ name }) => name !== 'is_open');
    const byId = columns.slice(0, 1);
    const byTexts = [...columns.filter(({ name }) => name === 'note'), ...byId];
    const isHere = ({ version, seen_at, day }: TextRow) =>
      [version, seen_at, day].every((text) => text === null || text === undefined || text >= '1600');
    await fc.assert(
      fc.asyncProperty(textRows, async (random) => {
        const rows = random.filter(isHere);
        await client.query('TRUNCATE texts');
        for (const row of rows)
          await client.query(
            'INSERT INTO texts (id, version, note, amount, seen_at, day, ratio) VALUES (?, ?, ?, ?, ?, ?, ?)',
            [
              ...['id', 'version', 'note', 'amount', 'seen_at', 'day'].map((name) => row[name] ?? null),
              doubleOf(row['ratio']),
            ],
          );
        for (const key of [byId, byTexts]) {
          const query = { level: 'buckets', modulus: 7, columns, key, version: [] } as const;
          const lines: unknown[] = [];
          for await (const { bytes } of reader?.read(
            request,
            query,
            checksumContext(stages.deps, stages.io),
          ) ?? [])
            lines.push(
              ...Buffer.from(bytes ?? [])
                .toString('utf8')
                .split('\n')
                .filter((line) => line !== '')
                .map((line) => JSON.parse(line) as unknown),
            );
          const expected = bucketsOf(rows, key, columns, 7);
          expect(lines).toHaveLength(expected.length);
          expect(lines).toEqual(expect.arrayContaining(expected));
        }
      }),
      { numRuns: 15, seed: 20261129, endOnFailure: true },
    );
  });
});
