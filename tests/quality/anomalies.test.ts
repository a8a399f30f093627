import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { join } from 'node:path';
import { createCompareBatch, createSettleBatch } from '../../activities/anomaly-gate.js';
import { columnChanges } from '../../activities/worker/load-alarms.js';
import type { ActivityDeps } from '../../activities/deps.js';
import { judgeLag } from '../../activities/alarms/judge-lag.js';
import { profileBatch } from '../../activities/judge/profile-batch.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import { createLocalStaging } from '../../connectors/staging/local.js';
import {
  anomalyMeasures,
  gateProblems,
  type AnomalyGateConfig,
  type AnomalyRules,
  type BatchProfile,
} from '../../core/quality/anomaly.js';
import { findAnomalies, medianOf, stabilityIndex } from '../../core/quality/anomaly-rules.js';
import { dagDefaults } from '../../core/dag/dag-defaults.js';
import type { AnomalyGateTask } from '../../core/dag/dag-spec.js';
import { describeAnomaly } from '../../core/quality/describe-anomaly.js';
import type { JsonObject } from '../../core/json.js';
import { unexplainedRows } from '../../core/loading/manifest.js';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import { openOpsStore, type OpsStore } from '../../ops/store.js';
import { temporaryFolder } from '../helpers/folder.js';
import { column } from '../helpers/warehouse.js';
import { context, io, rejectsOf, rowsOf, validated } from './batches.js';

const folder = temporaryFolder();
const config: AnomalyGateConfig = {
  ...dagDefaults.anomalyGate,
  warmUp: 3,
  measures: anomalyMeasures,
  onAnomaly: 'flag',
};
const profile = (rows: number, nulls = 0, histogram?: Record<string, number>): BatchProfile => ({
  rows,
  columns: { country: { nulls, ...(histogram === undefined ? {} : { histogram }) } },
});
const usual = [980, 1000, 1030, 1010, 990].map((rows) =>
  profile(rows, Math.round(rows * 0.02), { fr: rows * 0.6, de: rows * 0.4 }),
);

describe('a batch beside those before it', () => {
  test.each([
    ['much the same', profile(1050, 22, { fr: 640, de: 410 }), []],
    ['a tenth of the rows', profile(100, 2, { fr: 58, de: 42 }), ['volume']],
    ['twice the rows', profile(2000, 40, { fr: 1200, de: 800 }), ['volume']],
    ['no rows', profile(0), ['volume']],
    ['many nulls', profile(1000, 300, { fr: 420, de: 280 }), ['null-rate country']],
    ['other values', profile(1000, 20, { fr: 200, us: 780 }), ['distribution country']],
  ])('%s', (_name, batch, expected) => {
    const found = findAnomalies(batch, usual, config);
    expect(found.map(({ measure, column: name }) => [measure, name].join(' ').trim())).toEqual(expected);
    for (const { score, threshold } of found) expect(score).toBeGreaterThan(threshold);
  });

  test('is no anomaly before the warm-up, nor where a measure or column is not compared', () => {
    const odd = profile(10, 10);
    expect(findAnomalies(odd, usual.slice(0, 2), config)).toEqual([]);
    expect(findAnomalies(odd, usual, { ...config, measures: ['volume'] })).toHaveLength(1);
    expect(findAnomalies(profile(1000, 900), usual, { ...config, columns: [] })).toEqual([]);
  });

  test('one odd batch among those before changes nothing', () => {
    const spoilt = [...usual, profile(1_000_000, 0)];
    expect(findAnomalies(profile(100, 2), spoilt, config)[0]).toMatchObject({ measure: 'volume' });
    expect(findAnomalies(profile(1000, 20), spoilt, config)).toEqual([]);
  });

  test('small samples of one distribution are no anomaly by chance', () => {
    const before = usual.map(() => profile(12, 0, { fr: 7, de: 5 }));
    expect(findAnomalies(profile(10, 0, { fr: 3, de: 7 }), before, config)).toEqual([]);
  });

  test('the same batches in any order give the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5_000), { minLength: 3, maxLength: 20 }),
        fc.nat(10_000),
        fc.nat(),
        (sizes, rows, seed) => {
          const turned = sizes.map((_, index) => sizes[(index + seed) % sizes.length] ?? 0);
          const of = (list: number[]) =>
            findAnomalies(
              profile(rows),
              list.map((size) => profile(size)),
              config,
            );
          expect(of(turned)).toEqual(of(sizes));
        },
      ),
    );
  });

  test('medians and the stability index, by hand', () => {
    expect([medianOf([3, 1, 2]), medianOf([1, 2, 3, 4])]).toEqual([2, 2.5]);
    expect(stabilityIndex(['a', 'b'], { a: 50, b: 50 }, { a: 50, b: 50 })).toBe(0);
    // (0.8 - 0.5) ln(0.8 / 0.5) + (0.2 - 0.5) ln(0.2 / 0.5) = 0.4159, as half a row hardly counts in a million.
    const index = stabilityIndex(['a', 'b'], { a: 800_000, b: 200_000 }, { a: 500_000, b: 500_000 });
    expect(index).toBeCloseTo(0.4159, 3);
  });

  test('settings that make no sense are refused, all at once', () => {
    expect(
      gateProblems({
        ...config,
        loads: 2,
        warmUp: 3,
        deviations: 0,
        stabilityOver: -1,
        measures: [],
        reviewWithinMs: 1,
        correct: { volume: 'quarantine', distribution: [] },
      }),
    ).toHaveLength(8);
  });
});

describe('the gate', () => {
  let sql: StagedSql;
  let store: OpsStore;
  let deps: ActivityDeps;
  let files = 0;
  const staging = createLocalStaging({ directory: join(folder, 'staging') });

  beforeAll(async () => {
    sql = await createStagedSql();
  });
  afterAll(() => sql.close());
  beforeEach(async () => {
    files += 1;
    store = await openOpsStore({ path: join(folder, `ops-${String(files)}.db`) });
    const alarms = store.alarms.book({ sinks: [], routes: [] });
    deps = { staging, stagedSql: sql, quality: store.quality, alarms } as unknown as ActivityDeps;
  });
  afterEach(() => store.close());

  const pass = async (run: number, rows: number, onAnomaly: 'flag' | 'wait' = 'flag') => {
    const records = Array.from({ length: rows }, (_, id) => ({ id: run * 10_000 + id, currency: 'EUR' }));
    const task = { id: 'usual', kind: 'anomaly-gate', config: { ...config, onAnomaly } };
    return createCompareBatch(deps)(
      { context, task: task as unknown as AnomalyGateTask, input: await validated(deps, records) },
      io,
    );
  };
  const openAnomalies = () => store.quality.list({ status: 'open', limit: 10 });

  test('flags an odd batch once, however often it is tried; a usual one afterwards ends the alarm', async () => {
    for (const run of [1, 2, 3]) expect((await pass(run, 100)).open).toBe(0);
    expect((await pass(4, 10)).open).toBe(1);
    expect((await pass(4, 10)).open).toBe(1);
    expect(await openAnomalies()).toMatchObject([{ measure: 'volume', actual: 10, expected: 100 }]);
    expect(await store.alarms.listOpen()).toMatchObject([{ kind: 'anomaly', subject: 'usual', count: 1 }]);
    expect((await pass(5, 101)).open).toBe(0);
    expect(await store.alarms.listOpen()).toEqual([]);
    expect(await openAnomalies()).toHaveLength(1);
  });

  test('what is not accepted teaches nothing; accepting teaches', async () => {
    for (const run of [1, 2, 3]) await pass(run, 100);
    for (const run of [4, 5, 6, 7]) await pass(run, 300);
    expect((await pass(8, 300)).open).toBe(1);
    for (const { id } of await openAnomalies())
      await store.quality.decide(id, { decision: 'accepted', by: 'ana', comment: 'a sale' });
    expect((await pass(9, 300)).open).toBe(0);
  });

  test('a person decides about a batch once; its repeat finds the decision', async () => {
    for (const run of [1, 2, 3]) await pass(run, 100);
    const { profileId } = await pass(4, 10, 'wait');
    const settle = createSettleBatch(deps);
    await settle({ profileId, decision: 'rejected', by: 'ana', comment: 'half a file' }, io);
    await settle({ profileId, decision: 'accepted', by: 'bo', comment: '' }, io);
    expect(await store.alarms.listOpen()).toEqual([]);
    await expect(pass(4, 10, 'wait')).rejects.toMatchObject({
      code: 'ANOMALY_REJECTED',
      context: { by: 'ana', comment: 'half a file' },
    });
    expect((await store.quality.baseline('shop', 'usual', 10)).map(({ rows }) => rows)).toEqual([
      100, 100, 100,
    ]);
  });

  test('a declared rule corrects instead of asking; a repeat corrects the same, and nothing of it is learnt', async () => {
    const gated = async (records: readonly JsonObject[], correct: AnomalyRules) => {
      const task = { id: 'usual', kind: 'anomaly-gate', config: { ...config, onAnomaly: 'wait', correct } };
      return createCompareBatch(deps)(
        { context, task: task as unknown as AnomalyGateTask, input: await validated(deps, records) },
        io,
      );
    };
    const rows = (run: number, count: number, currency: (id: number) => string | null) =>
      Array.from({ length: count }, (_, id) => ({ id: run * 1_000 + id, currency: currency(id) }));
    const name = 'not-null(currency)';
    const rule = { kind: 'not-null', column: 'currency', name, severity: 'quarantine', failOver: 0 } as const;
    const correct: AnomalyRules = {
      volume: 'quarantine',
      'null-rate': [{ ...rule, correct: { default: 'EUR' } }],
    };
    for (const run of [1, 2, 3])
      await gated(
        rows(run, 100, () => 'EUR'),
        correct,
      );
    const holes = rows(4, 100, (id) => (id < 40 ? null : 'EUR'));
    const first = await gated(holes, correct);
    const again = await gated(holes, correct);
    expect(again).toEqual(first);
    expect(first.open).toBe(0);
    expect((await rowsOf(deps, first.manifest)).every(({ currency }) => currency === 'EUR')).toBe(true);
    const corrected = await store.quality.list({ status: 'corrected', limit: 10 });
    expect(corrected).toMatchObject([
      {
        measure: 'null-rate',
        column: 'currency',
        isWaiting: false,
        decidedBy: 'rule',
        correction: { rule: `${name}: default "EUR"`, values: 40, quarantined: 0 },
      },
    ]);
    expect(corrected.map(describeAnomaly)).toEqual([
      `column "currency": 40.0 % null where 0.0 % is usual; 40 values corrected (${name}: default "EUR")`,
    ]);

    const few = await gated(
      rows(5, 10, () => 'EUR'),
      correct,
    );
    expect(few).toMatchObject({ open: 0, manifest: { files: [] } });
    expect(unexplainedRows(few.manifest.counts)).toBe(0);
    expect(few.manifest.counts).toMatchObject({ extracted: 10, quarantined: 10 });
    expect((await rejectsOf(deps, few.manifest.rejects))[9]).toMatchObject({
      code: 'ANOMALY_BATCH',
      raw: JSON.stringify({ id: 5009, currency: 'EUR' }),
    });
    expect(await openAnomalies()).toEqual([]);
    expect(await store.quality.baseline('shop', 'usual', 10)).toHaveLength(3);
    // Without a rule the same rows are another batch, which waits.
    expect((await gated(holes, {})).open).toBe(1);
  });

  test('the first decision counts, also against the end of the time for review', async () => {
    for (const run of [1, 2, 3]) await pass(run, 100);
    const { profileId } = await pass(4, 10, 'wait');
    for (const { id } of await openAnomalies())
      await store.quality.decide(id, { decision: 'accepted', by: 'ana', comment: 'a sale' });
    const settle = createSettleBatch(deps);
    const timeout = { decision: 'rejected', by: 'timeout', comment: 'nobody answered in time' } as const;
    expect(await settle({ profileId, ...timeout }, io)).toEqual({
      decision: 'accepted',
      by: 'ana',
      comment: 'a sale',
    });
    expect(await store.alarms.listOpen()).toEqual([]);
    const { profileId: other } = await pass(5, 10, 'wait');
    expect(await settle({ profileId: other, ...timeout }, io)).toEqual(timeout);
    expect((await store.alarms.listOpen()).map(({ message }) => message)).toContainEqual(
      expect.stringContaining('nobody reviewed a batch in time'),
    );
  });

  test('what is remembered of a batch holds no value of it', async () => {
    const names = ['Ana', 'Bo', 'Cy'];
    const records = Array.from({ length: 60 }, (_, id) => ({
      id,
      currency: names[id % 3] ?? '',
      total: `${String(id % 7)}.50`,
    }));
    const manifest = await validated(deps, records);
    const seen = await profileBatch(deps, manifest, manifest.columns ?? [], io);
    expect(seen.rows).toBe(60);
    expect(Object.values(seen.columns['currency']?.histogram ?? {})).toEqual([20, 20, 20]);
    expect(JSON.stringify(seen)).not.toMatch(/Ana|Bo|Cy/);
    expect(seen.columns['total']?.histogram).toMatchObject({ '+1': 9 });
    expect(seen.columns['id']).toEqual({ nulls: 0 });
    expect(seen.columns['customer']).toEqual({ nulls: 60 });
  });
});

describe('alarms of loads', () => {
  test('a table that is late raises an alarm, and its next load ends it', async () => {
    const store = await openOpsStore({ path: join(folder, 'lag.db') });
    try {
      const book = store.alarms.book({ sinks: [], routes: [] });
      const load = { id: 'merge', kind: 'load', config: { into: 'orders', freshWithinMs: 3_600_000 } };
      const definitions = [{ spec: { id: 'shop', tasks: [load] } }] as unknown as DagDefinition[];
      const look = (now: string) =>
        judgeLag(store.quality, book, definitions, { since: '2026-01-01T00:00:00.000Z', now });
      const loaded = (committedAt: string) =>
        store.quality.recordLoad({ dagId: 'shop', taskId: 'merge', table: 'orders', committedAt });
      await loaded('2026-01-01T01:00:00.000Z');
      await look('2026-01-01T02:00:00.000Z');
      expect(await store.alarms.listOpen()).toEqual([]);
      await look('2026-01-01T02:00:01.000Z');
      await look('2026-01-01T03:00:00.000Z');
      expect(await store.alarms.listOpen()).toMatchObject([{ kind: 'lag', subject: 'orders', count: 1 }]);
      await loaded('2026-01-01T03:30:00.000Z');
      await loaded('2026-01-01T00:30:00.000Z');
      await look('2026-01-01T03:31:00.000Z');
      expect(await store.alarms.listOpen()).toEqual([]);
    } finally {
      await store.close();
    }
  });

  test('new and widened columns are changes, each named', () => {
    const before = [column('id', 'int64'), column('total', 'decimal', 10, 2)];
    const after = [column('id', 'int64'), column('total', 'decimal', 18, 2), column('note', 'string')];
    expect(columnChanges(before, before)).toEqual([]);
    expect(columnChanges(before, after)).toEqual([
      'column "total" went from decimal(10, 2) to decimal(18, 2)',
      'column "note" (string) is new',
    ]);
  });
});
