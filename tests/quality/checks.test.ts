import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ActivityDeps } from '../../activities/deps.js';
import { createCheck } from '../../activities/check.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import {
  acceptedValues,
  freshness,
  matches,
  notNull,
  range,
  readCheck,
  references,
  unique,
  type CheckOptions,
} from '../../core/quality/checks.js';
import { checkProblems } from '../../core/quality/check-spec.js';
import type { CheckTask } from '../../core/dag/dag-spec.js';
import { parseDuration } from '../../core/duration.js';
import type { JsonObject } from '../../core/json.js';
import { unexplainedRows, type Manifest } from '../../core/loading/manifest.js';
import { temporaryFolder } from '../helpers/folder.js';
import { column, TestWarehouse } from '../helpers/warehouse.js';
import { context, io, rejectsOf, rowsOf, validated } from './batches.js';

const folder = temporaryFolder();
let sql: StagedSql;
let house: TestWarehouse;
let deps: ActivityDeps;

beforeAll(async () => {
  sql = await createStagedSql();
  house = await TestWarehouse.open(folder);
  await house.load({
    columns: [column('id', 'int64'), column('version', 'int64')],
    rows: [1, 2, 3].map((id) => ({ id, version: 1 })),
    config: { into: 'customers' },
  });
  deps = { staging: house.staging, stagedSql: sql, warehouse: house.warehouse } as unknown as ActivityDeps;
});

afterAll(async () => {
  sql.close();
  await house.close();
});

const configOf = (options: CheckOptions) => readCheck(options, (input) => parseDuration(input) ?? 0);

async function check(options: CheckOptions, records: readonly JsonObject[]): Promise<Manifest> {
  const task = { id: 'sane', kind: 'check', config: configOf(options) } as unknown as CheckTask;
  return createCheck(deps)({ context, task, input: await validated(deps, records) }, io);
}

const order = (id: number, members: JsonObject = {}): JsonObject => ({
  id,
  total: '10.00',
  currency: 'EUR',
  customer: 1,
  at: '2026-01-01T12:00:00Z',
  ...members,
});

describe('severity quarantine', () => {
  test('each row that misses goes to quarantine with code, pointer and original bytes; the rest goes on', async () => {
    const records = [
      order(1),
      order(2, { total: '-0.01' }),
      order(3, { currency: 'XXX', note: 'as sent' }),
      order(4, { customer: 99 }),
      order(1, { currency: 'USD' }),
      order(6, { currency: null, customer: null, total: null }),
    ];
    const manifest = await check(
      {
        severity: 'quarantine',
        checks: [
          range('total', { min: 0 }),
          acceptedValues('currency', ['EUR', 'USD']),
          references('customer', { table: 'customers', column: 'id' }),
          unique(['id']),
        ],
      },
      records,
    );
    expect((await rejectsOf(deps, manifest.rejects)).map(({ message: _text, ...row }) => row)).toEqual([
      { code: 'CHECK_RANGE', pointer: '/total', raw: JSON.stringify(records[1]), position: 1 },
      { code: 'CHECK_ACCEPTED_VALUES', pointer: '/currency', raw: JSON.stringify(records[2]), position: 2 },
      { code: 'CHECK_REFERENCES', pointer: '/customer', raw: JSON.stringify(records[3]), position: 3 },
      { code: 'CHECK_UNIQUE', pointer: '/id', raw: JSON.stringify(records[4]), position: 4 },
    ]);
    expect((await rowsOf(deps, manifest)).map(({ id }) => id)).toEqual(['1', '6']);
    expect(unexplainedRows({ ...manifest.counts, loaded: 2 })).toBe(0);
    expect(manifest.counts).toMatchObject({ extracted: 6, quarantined: 4 });
  });

  test('a repeated row stays where the one before it goes', async () => {
    const manifest = await check(
      { severity: 'quarantine', checks: [unique(['id']), range('total', { max: 50 })] },
      [order(1, { total: '99.00' }), order(1)],
    );
    expect(await rowsOf(deps, manifest)).toMatchObject([{ id: '1', total: '10.00' }]);
  });

  test('a threshold stops the load', async () => {
    await expect(
      check({ severity: 'quarantine', quarantineOver: 0.4, checks: [range('total', { min: 20 })] }, [
        order(1),
        order(2, { total: '30.00' }),
      ]),
    ).rejects.toMatchObject({ code: 'QUARANTINE_THRESHOLD' });
  });

  test('what is rejected is part of the content, so that a later run with other references loads anew', async () => {
    const options: CheckOptions = {
      severity: 'quarantine',
      checks: [references('customer', { table: 'customers', column: 'id' })],
    };
    const before = await check(options, [order(1, { customer: 4 })]);
    await house.load({
      columns: [column('id', 'int64'), column('version', 'int64')],
      rows: [{ id: 4, version: 1 }],
      config: { into: 'customers' },
    });
    const after = await check(options, [order(1, { customer: 4 })]);
    expect([before.counts.quarantined, after.counts.quarantined]).toEqual([1, 0]);
    expect(after.contentHash).not.toBe(before.contentHash);
    expect((await check(options, [order(1, { customer: 4 })])).contentHash).toBe(after.contentHash);
  });
});

describe('severity fail and warn', () => {
  test('a failed check stops the load and names every check, with counts and without values', async () => {
    const failing = check(
      { checks: [notNull('currency'), range('total', { max: '5.00' }), acceptedValues('currency', ['EUR'])] },
      [order(1), order(2, { currency: null })],
    );
    await expect(failing).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      context: { failed: ['not-null(currency) (1)', 'range(total) (2)'], rows: 2 },
    });
  });

  test('up to failOver and with warn, rows go on and are counted', async () => {
    const manifest = await check(
      {
        checks: [
          notNull('currency', { failOver: 0.5 }),
          range('total', { name: 'cheap', max: 5, severity: 'warn' }),
        ],
      },
      [order(1), order(2, { currency: null })],
    );
    expect(await rowsOf(deps, manifest)).toHaveLength(2);
    expect(manifest.checks).toEqual([
      { name: 'not-null(currency)', severity: 'fail', misses: 1, corrected: 0 },
      { name: 'cheap', severity: 'warn', misses: 2, corrected: 0 },
    ]);
  });

  test('freshness judges the newest value at the end of the interval', async () => {
    const fresh = (maxAge: string) => check({ checks: [freshness('at', { maxAge })] }, [order(1), order(2)]);
    await expect(fresh('12h')).resolves.toMatchObject({ checks: [{ misses: 0 }] });
    await expect(fresh('11h')).rejects.toMatchObject({ code: 'CHECK_FAILED' });
  });
});

test('declared corrections come first, are counted, and keep decimals exact', async () => {
  const manifest = await check(
    {
      severity: 'quarantine',
      checks: [
        range('total', { min: '0.01', max: '9999999999999999.99', correct: 'clamp' }),
        acceptedValues('currency', ['EUR', 'USD'], { correct: 'null' }),
        notNull('currency', { correct: { default: 'EUR' } }),
        references('customer', { table: 'customers', column: 'id' }, { correct: { default: 2 } }),
      ],
    },
    [
      order(1, { total: '-3.00', currency: 'GBP', customer: 77 }),
      order(2, { total: '9007199254740993.07', currency: null }),
    ],
  );
  expect(await rowsOf(deps, manifest)).toMatchObject([
    { id: '1', total: '0.01', currency: 'EUR', customer: '2' },
    { id: '2', total: '9007199254740993.07', currency: 'EUR', customer: '1' },
  ]);
  expect(manifest.checks?.map(({ misses, corrected }) => [misses, corrected])).toEqual([
    [0, 1],
    [0, 1],
    [0, 2],
    [0, 1],
  ]);
  expect(manifest.counts.quarantined).toBe(0);
});

test('texts are normalised, and other values fall back to the last known one of their key', async () => {
  await house.load({
    columns: [column('id', 'int64'), column('version', 'int64'), column('total', 'decimal', 18, 2)],
    rows: [{ id: 1, version: 1, total: '12345678901234.56' }],
    config: { into: 'orders' },
  });
  const lastKnown = { table: 'orders', key: 'id' };
  const records = [
    order(1, { currency: ' eur ', total: '-1.00' }),
    order(2, { currency: 'e-u-r', total: '-1.00' }),
  ];
  const run = () =>
    check(
      {
        severity: 'quarantine',
        checks: [
          matches('currency', '[A-Z]{3}', { correct: { normalise: ['trim', 'upper'] } }),
          range('total', { min: 0, correct: { lastKnown } }),
        ],
      },
      records,
    );
  const manifest = await run();
  expect(await rowsOf(deps, manifest)).toMatchObject([
    { id: '1', currency: 'EUR', total: '12345678901234.56' },
  ]);
  expect(await rejectsOf(deps, manifest.rejects)).toMatchObject([
    { code: 'CHECK_MATCHES', pointer: '/currency', raw: JSON.stringify(records[1]) },
  ]);
  expect(manifest.checks?.map(({ misses, corrected }) => [misses, corrected])).toEqual([
    [1, 2],
    [0, 2],
  ]);
  // What is known is part of the content.
  expect((await run()).contentHash).toBe(manifest.contentHash);
  await house.load({
    columns: [column('id', 'int64'), column('version', 'int64'), column('total', 'decimal', 18, 2)],
    rows: [{ id: 1, version: 2, total: '7.00' }],
    config: { into: 'orders' },
  });
  expect((await run()).contentHash).not.toBe(manifest.contentHash);
});

test('before the first load of a table nothing is known', async () => {
  const correct = { lastKnown: { table: 'not_yet', key: 'id' } };
  const manifest = await check({ checks: [range('total', { min: 20, correct })] }, [order(1)]);
  expect(await rowsOf(deps, manifest)).toMatchObject([{ id: '1', total: null }]);
});

test('an empty batch passes', async () => {
  await expect(
    check({ checks: [unique(['id']), freshness('at', { maxAge: '1h' })] }, []),
  ).resolves.toMatchObject({ files: [] });
});

describe('checks that do not fit', () => {
  test('the rows are refused when they run, all at once', async () => {
    await expect(
      check(
        {
          checks: [
            range('weight', { min: 0 }),
            range('total', { min: 'cheap' }),
            freshness('id', { maxAge: '1h' }),
            acceptedValues('at', ['yesterday']),
          ],
        },
        [order(1)],
      ),
    ).rejects.toMatchObject({
      code: 'CHECK_INVALID',
      context: {
        problems: [
          expect.stringContaining('there is no column "weight"'),
          expect.stringContaining('"cheap" is no decimal'),
          expect.stringContaining('"yesterday" is no timestamp'),
          expect.stringContaining('"id" is int64, not timestamp or date'),
        ],
      },
    });
    await expect(
      check({ checks: [references('customer', { table: 'nowhere', column: 'id' })] }, [order(1)]),
    ).rejects.toMatchObject({ code: 'CHECK_INVALID' });
  });

  test('themselves are refused when the DAG is built, all at once', () => {
    const problems = checkProblems(
      configOf({
        quarantineOver: 2,
        checks: [
          range('total', {}),
          range('total', { min: 0 }),
          acceptedValues('currency', []),
          unique([]),
          matches('currency', '(?=x)'),
        ],
      }),
    );
    expect(problems).toEqual([
      'quarantineOver is 2; use a share from 0 to 1',
      'check "range(total)" has neither min nor max',
      'check "range(total)" is there twice; give one of them another name',
      'check "accepted-values(currency)" accepts no value',
      'check "unique()" names no column',
      'check "matches(currency)" has the pattern "(?=x)"; use ASCII literals, classes, groups and repeats only',
    ]);
  });

  test('freshness with severity quarantine of the task fails, for it judges no row', () => {
    const [spec] = configOf({ severity: 'quarantine', checks: [freshness('at', { maxAge: '2h' })] }).checks;
    expect(spec).toMatchObject({ severity: 'fail', maxAgeMs: 7_200_000 });
  });
});
