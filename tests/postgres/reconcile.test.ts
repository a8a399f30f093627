import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createPlanReconcile } from '../../activities/reconcile/reconcile-plan.js';
import { checksumContext, sourceRequest } from '../../activities/reconcile/reconcile-source.js';
import { createCompareBuckets, createCompareKeys } from '../../activities/reconcile/reconcile-steps.js';
import { createExtract } from '../../activities/extract.js';
import type { ReconcileRequest } from '../../core/reconcile/reconcile.js';
import { postgres } from '../../connectors/postgres/reference.js';
import { defineDag } from '../../core/dag/dag-builder.js';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import type { DataInterval } from '../../core/interval.js';
import type { JsonObject } from '../../core/json.js';
import type { ChecksumPlan } from '../../core/reconcile/reconcile.js';
import { chainOf } from '../../workflows/load-chain.js';
import { bucketsOf, checksumColumns, doubleOf, textRows } from '../helpers/checksum-oracle.js';
import { temporaryFolder } from '../helpers/folder.js';
import { startPostgres, type PostgresServer } from '../helpers/postgres-server.js';
import { openStages, type Stages } from './stages.js';

const folder = temporaryFolder();
const nullable = (type: string, more: JsonObject = {}): JsonObject => ({ type: [type, 'null'], ...more });
const decimal = (digits: string) => nullable('string', { 'x-type': `decimal(${digits})` });
const time = nullable('string', { format: 'date-time' });

/** Column → type in Postgres, its part of the schema, and values that are hard to render alike. */
const hard: Readonly<Record<string, readonly [string, JsonObject, readonly string[]]>> = {
  big: ['bigint', nullable('integer'), ['-9223372036854775808', '9223372036854775807', '0']],
  small: ['smallint', nullable('integer'), ['-32768', '32767', '1']],
  money: [
    'numeric(38,10)',
    decimal('38,10'),
    ['1234567890123456789012345678.0123456789', '-0.0000000001', '-0.5'],
  ],
  wide: ['numeric', decimal('38,0'), ['99999999999999999999999999999999999999', '-1', '100']],
  share: ['numeric(4,4)', decimal('4,4'), ['0.5', '-0.0001', '0']],
  loose: ['numeric', decimal('20,3'), ['1.5', '10', '0.001']],
  flag: ['boolean', nullable('boolean'), ['true', 'false', 'true']],
  at: [
    'timestamptz',
    time,
    [`'2026-03-29 02:30:00.123456+02'`, `'1969-12-31 23:59:59.999999Z'`, `'2026-01-01 00:00:00.1+05:30'`],
  ],
  wall: [
    'timestamp',
    time,
    [`'2026-01-01 12:00:00'`, `'1600-02-29 00:00:00.000001'`, `'9999-12-31 23:59:59.5'`],
  ],
  day: ['date', nullable('string', { format: 'date' }), [`'2026-02-28'`, `'0001-01-01'`, `'9999-12-31'`]],
  text: ['text', nullable('string'), [`E'tab\\tquote"\\\\ line\\n'`, `'Zoë 🤦🏼‍♂️ ﷽'`, `''`]],
  code: ['varchar(20)', nullable('string'), [`'n'`, `'1:a,'`, `' padded '`]],
  id8: ['uuid', nullable('string'), ['gen_random_uuid()', 'gen_random_uuid()', 'gen_random_uuid()']],
  padded: ['char(5)', nullable('string'), [`'ab'`, `''`, `'abcde'`]],
  net: ['inet', nullable('string'), [`'10.0.0.1'`, `'10.0.0.0/8'`, `'::1'`]],
  wait: ['interval', nullable('string'), [`'1 day 2 hours'`, `'-3 mons'`, `'0'`]],
  share8: ['double precision', nullable('number'), ['0.1', '-5e-324', `'-0'`]],
  share4: ['real', nullable('number'), ['0.1', '-16777217', '1e-38']],
  count8: ['bigint', nullable('number'), ['9007199254740993', '-9223372036854775808', '0']],
  base64: ['text', nullable('string', { 'x-type': 'bytes' }), [`'AAEC/w=='`, `''`, `encode('ü', 'base64')`]],
};
const names = Object.keys(hard);

let server: PostgresServer;
let stages: Stages;

beforeAll(async () => {
  server = await startPostgres();
  stages = await openStages(folder, server.connection());
  const rows = [0, 1, 2].map((row) => [String(row), ...names.map((name) => hard[name]?.[2][row] ?? 'NULL')]);
  await server.run(
    `CREATE TABLE hard (id int PRIMARY KEY, ${names.map((name) => `${name} ${hard[name]?.[0] ?? ''}`).join(', ')}, doc jsonb)`,
    ...rows.map((row) => `INSERT INTO hard VALUES (${row.join(', ')}, '{"a": 1}')`),
    `INSERT INTO hard (id) VALUES (3)`,
    ...names.map(
      (_, index) =>
        `INSERT INTO hard SELECT ${String(100 + index)}, ${names.join(', ')} FROM hard WHERE id = 1`,
    ),
    `CREATE TABLE texts (id bigint, version timestamptz, note text, amount numeric(18,4), is_open boolean, seen_at timestamp, day date, ratio double precision)`,
    `CREATE TABLE pairs (region text, n bigint, amount numeric(12,2), updated_at timestamptz, PRIMARY KEY (region, n))`,
    `INSERT INTO pairs SELECT 'région ' || g % 7, -g, g / 100.0, '2026-01-01Z'::timestamptz + g * interval '1 s' FROM generate_series(1, 3000) g`,
  );
  await stages.run(hardDag, { 'hard.v1': hardSchema });
  await stages.run(pairDag, { 'pair.v1': pairSchema });
}, 240_000);

afterAll(async () => {
  await stages.close();
  await server.stop();
});

const hardSchema = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    ...Object.fromEntries(names.map((name) => [name, hard[name]?.[1] ?? {}])),
    doc: nullable('object'),
  },
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
      const raw = extract('pull', { from: postgres.table({ connection: 'db', table }), read: 'full' });
      load('store', validate('check', raw, { schema }), { into: table, key, version, disposition: 'merge' });
    },
  });
}
const textDag = dagOf('texts', 'text.v1', ['id'], ['version']);
const hardDag = dagOf('hard', 'hard.v1', ['id'], []);
const pairDag = dagOf('pairs', 'pair.v1', ['region', 'n'], ['updated_at']);

function requestOf({ spec }: DagDefinition, interval?: DataInterval): ReconcileRequest {
  const load = spec.tasks.find((task) => task.kind === 'load');
  const chain = load === undefined ? undefined : chainOf(spec, load);
  if (load === undefined || chain === undefined) throw new Error('no load');
  return { dagId: spec.id, ...chain, load, ...(interval === undefined ? {} : { interval }) };
}

async function planOf(request: ReconcileRequest): Promise<ChecksumPlan> {
  const plan = await createPlanReconcile(stages.deps)(request, stages.io);
  if (plan.way !== 'checksums') throw new Error(plan.reason);
  return plan;
}

/** Bisects with few buckets, so that several keys share one. */
async function compare(
  dag: DagDefinition,
  inFlightSince = '9999-01-01T00:00:00.000Z',
  interval?: DataInterval,
) {
  const request = requestOf(dag, interval);
  const plan = await planOf(request);
  const coarse = await createCompareBuckets(stages.deps)({ request, plan, modulus: 7 }, stages.io);
  const fine = await createCompareBuckets(stages.deps)(
    { request, plan, modulus: 77, within: { file: coarse.file, modulus: 7 } },
    stages.io,
  );
  const within = { file: fine.file, modulus: 77 };
  const keys = await createCompareKeys(stages.deps)({ request, plan, within, inFlightSince }, stages.io);
  return { request, plan, coarse, fine, keys };
}

test('both sides render hard values alike, and name the columns that they leave out', async () => {
  const { plan, coarse, keys } = await compare(hardDag);
  expect(keys.samples).toEqual({ missing: [], extra: [], changed: [], timestampOnly: [] });
  expect(coarse).toMatchObject({ sourceRows: 4 + names.length, warehouseRows: 4 + names.length, rows: 0 });
  expect(plan.columns.map(({ name }) => name).sort()).toEqual(['id', ...names].sort());
  expect(plan.notCompared.map((text) => text.split(':')[0]).sort()).toEqual(['doc']);
});

test('a version that is a double is compared by reading again', async () => {
  const byRatio = requestOf(dagOf('hard', 'hard.v1', ['id'], ['share8']));
  expect(await createPlanReconcile(stages.deps)(byRatio, stages.io)).toEqual({
    way: 're-read',
    reason: 'the version has no text that both sides share',
  });
});

test('a change of each single column is found', async () => {
  await server.run(
    ...names.map((name, index) => `UPDATE hard SET ${name} = NULL WHERE id = ${String(100 + index)}`),
  );
  const { keys } = await compare(hardDag);
  expect(keys).toMatchObject({ changed: names.length, missing: 0, extra: 0 });
  expect(keys.differences.rows).toBe(names.length);
});

test('digits that the table cannot hold are a difference, not rounded away', async () => {
  await server.run('UPDATE hard SET loose = 1.5001 WHERE id = 0');
  expect((await compare(hardDag)).keys).toMatchObject({ changed: names.length + 1 });
  await server.run('UPDATE hard SET loose = 1.5000 WHERE id = 0');
  expect((await compare(hardDag)).keys).toMatchObject({ changed: names.length });
});

test('each kind of difference is told apart, and what is in flight counts for itself', async () => {
  await server.run(
    `DELETE FROM pairs WHERE n = -10`,
    `INSERT INTO pairs VALUES ('new', 1, 1, '2026-01-01Z'), ('new', 2, 1, '2026-02-01Z')`,
    `UPDATE pairs SET amount = 0 WHERE n = -20`,
    `UPDATE pairs SET amount = 0, updated_at = '2026-02-01Z' WHERE n = -21`,
    `UPDATE pairs SET updated_at = '2026-01-02Z' WHERE n = -30`,
  );
  const { coarse, fine, keys, request, plan } = await compare(pairDag, '2026-01-31T00:00:00.000Z');
  expect(coarse).toMatchObject({ sourceRows: 3001, warehouseRows: 3000 });
  expect(fine.rows).toBeLessThan(coarse.rows);
  expect(keys).toMatchObject({
    missing: 1,
    extra: 1,
    changed: 1,
    timestampOnly: 1,
    inFlight: 2,
    samples: {
      missing: ['["new","1"]'],
      extra: ['["région 3","-10"]'],
      changed: ['["région 6","-20"]'],
      timestampOnly: ['["région 2","-30"]'],
    },
  });
  expect(keys.differences.rows).toBe(4);

  const manifest = await createExtract(stages.deps)(
    {
      context: {
        dagId: 'pairs',
        workflowId: 'w',
        runId: 'r',
        runType: 'manual',
        startedAt: '2026-01-01T00:00:00.000Z',
        params: {},
      },
      task: request.extract,
      keys: {
        file: keys.differences,
        key: plan.key.map(({ source }) => source),
        version: plan.version.map(({ source }) => source),
        deletions: true,
      },
    },
    stages.io,
  );
  const rows = (files: readonly { readonly rows: number }[]) =>
    files.reduce((sum, file) => sum + file.rows, 0);
  expect([rows(manifest.files), rows(manifest.deletes)]).toEqual([3, 1]);
});

test('of a time, only rows whose version in the source or in the table is of it are compared', async () => {
  const ofTime = async (start: string, end: string) => {
    const interval = { start: `${start}T00:00:00.000Z`, end: `${end}T00:00:00.000Z` };
    const { coarse, keys } = await compare(pairDag, undefined, interval);
    const { missing, extra, changed, timestampOnly } = keys;
    return [coarse.sourceRows, coarse.warehouseRows, { missing, extra, changed, timestampOnly }];
  };
  // Two rows of the source have versions after the first day, which the table has of it; a third has come after it.
  expect(await ofTime('2026-01-01', '2026-01-02')).toEqual([
    2998,
    3000,
    { missing: 1, extra: 1, changed: 2, timestampOnly: 1 },
  ]);
  expect(await ofTime('2026-01-02', '2026-02-02')).toEqual([
    3,
    0,
    { missing: 1, extra: 0, changed: 1, timestampOnly: 1 },
  ]);
  expect(await ofTime('2026-02-02', '2026-03-01')).toEqual([
    0,
    0,
    { missing: 0, extra: 0, changed: 0, timestampOnly: 0 },
  ]);
  const without = requestOf(hardDag, { start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' });
  expect(await createPlanReconcile(stages.deps)(without, stages.io)).toMatchObject({ way: 're-read' });
});

test('random rows have the checksums that the canonical text gives, by bucket, as on every warehouse', async () => {
  const request = await sourceRequest(stages.deps, requestOf(textDag));
  const reader = (await stages.deps.source('postgres')).checksums;
  const client = await server.client();
  const names = checksumColumns.map(({ name }) => name).join(', ');
  const byId = checksumColumns.slice(0, 1);
  const byTexts = [...checksumColumns.slice(2, 3), ...byId];
  const words = ['NaN', 'Infinity', '-Infinity'];
  await fc.assert(
    fc.asyncProperty(textRows, async (random) => {
      const rows = random.map((row, index) =>
        index % 5 === 4 ? { ...row, ratio: words[index % 3] ?? null } : row,
      );
      await client.query('TRUNCATE texts');
      await client.query(
        `INSERT INTO texts (${names}) SELECT ${names} FROM json_populate_recordset(NULL::texts, $1::json)`,
        [
          JSON.stringify(
            rows.map((row) => ({
              ...row,
              ratio: doubleOf(row['ratio']),
              version: `${row['version'] ?? ''}Z`,
            })),
          ),
        ],
      );
      for (const key of [byId, byTexts]) {
        const query = { level: 'buckets', modulus: 7, columns: checksumColumns, key, version: [] } as const;
        const lines: unknown[] = [];
        for await (const { bytes } of reader?.read(request, query, checksumContext(stages.deps, stages.io)) ??
          [])
          lines.push(
            ...Buffer.from(bytes ?? [])
              .toString('utf8')
              .split('\n')
              .filter((line) => line !== '')
              .map((line) => JSON.parse(line) as unknown),
          );
        const expected = bucketsOf(rows, key, checksumColumns, 7);
        expect(lines).toHaveLength(expected.length);
        expect(lines).toEqual(expect.arrayContaining(expected));
      }
    }),
    { numRuns: 30, seed: 20261129, endOnFailure: true },
  );
  await client.end();
});
