import { describe, expect, test } from '@jest/globals';
import { Outlets } from '../../activities/assets/outlets.js';
import { asset, uriProblem } from '../../core/assets/asset.js';
import { allOf, anyOf, selfTriggers } from '../../core/dag/asset-schedule.js';
import { defineDag } from '../../core/dag/dag-builder.js';
import type { DagOptions } from '../../core/dag/dag-options.js';
import { limits } from '../../core/limits.js';

const orders = asset('duckdb://warehouse/orders', {
  name: 'orders',
  group: 'shop',
  extra: { owner: 'data' },
});
const people = asset('duckdb://warehouse/people');

function build(schedule: NonNullable<DagOptions['schedule']>, outlets: (typeof orders | string)[] = []) {
  return defineDag({
    id: 'dag',
    schedule,
    tasks: ({ task }) => {
      task('work', { outlets, inlets: [people], run: async () => null });
    },
  }).spec;
}

describe('a schedule by assets', () => {
  test('allOf, anyOf, a list, one asset', () => {
    expect(build(orders).schedule).toEqual({ kind: 'asset', condition: { kind: 'asset', uri: orders.uri } });
    const leaves = [
      { kind: 'asset', uri: orders.uri },
      { kind: 'asset', uri: 's3://bucket/file' },
    ];
    expect(build([orders, 's3://bucket/file']).schedule).toEqual({
      kind: 'asset',
      condition: { kind: 'all', of: leaves },
    });
    expect(build(allOf(people, anyOf(orders, 's3://bucket/file'))).schedule).toEqual({
      kind: 'asset',
      condition: {
        kind: 'all',
        of: [
          { kind: 'asset', uri: people.uri },
          { kind: 'any', of: leaves },
        ],
      },
    });
  });

  test('by time as well', () => {
    expect(build({ assets: orders, cron: '0 6 * * *', timezone: 'Europe/Paris' }).schedule).toMatchObject({
      kind: 'cron',
      timezone: 'Europe/Paris',
      orAssets: { kind: 'asset', uri: orders.uri },
    });
    expect(build({ assets: orders }).schedule).toEqual(build(orders).schedule);
  });

  test('what is known of the assets stands in the spec once, by uri; without it nothing does', () => {
    expect(build(allOf(people, orders), [orders, orders]).assets).toEqual([
      { uri: orders.uri, name: 'orders', group: 'shop', extra: { owner: 'data' } },
      { uri: people.uri },
    ]);
    expect(build(allOf(people, orders), [orders, orders]).tasks[0]).toMatchObject({
      outlets: [orders.uri],
      inlets: [people.uri],
    });
    expect(
      defineDag({ id: 'a', tasks: ({ task }) => void task('t', { outlets: ['x:y'], run: async () => null }) })
        .spec,
    ).not.toHaveProperty('assets');
  });

  test('all problems at once', () => {
    const wrong = () =>
      build(allOf(anyOf(), 'no scheme', asset(orders.uri, { name: 'other' })), [
        orders,
        'pg://me:secret@host/a',
      ]);
    expect(wrong).toThrow(/has two names or groups/);
    expect(wrong).toThrow(/name at least one asset/);
    expect(wrong).toThrow(/asset "no scheme" is refused/);
    expect(wrong).toThrow(/a uri carries no user name and no password/);
    expect(wrong).not.toThrow(/secret/);
    expect(() => build(anyOf(...Array.from({ length: 51 }, (_none, n) => `x:${String(n)}`)))).toThrow(
      /51 assets, over 50/,
    );
  });

  test('an extract that reads by interval is refused, and reads everything by default', () => {
    const reading = (read?: 'interval') =>
      defineDag({
        id: 'reads',
        schedule: { assets: orders, cron: '0 * * * *' },
        tasks: ({ extract }) => {
          extract('pull', { from: async function* () {}, ...(read === undefined ? {} : { read }) });
        },
      }).spec.tasks[0];
    expect(() => reading('interval')).toThrow(/which a run that assets start has not/);
    expect(reading()).toMatchObject({ config: { read: 'full' } });
  });

  test('a DAG that starts itself is allowed and found', () => {
    expect(selfTriggers(build(anyOf(orders, people), [orders]))).toEqual([
      { taskId: 'work', uri: orders.uri },
    ]);
    expect(selfTriggers(build(people, [orders]))).toEqual([]);
  });
});

test.each(['x:y', 's3://b/k?version=1#part', 'urn:a:b', 'file:///tmp/a%20b', 'https://h:8080/[x]'])(
  '%s is a good uri',
  (uri) => {
    expect(uriProblem(uri)).toBeUndefined();
  },
);

test.each([
  '',
  'orders',
  's3://a b',
  'x:"y"',
  'x:ä',
  "x:'y'",
  'x:<y>',
  `x:${'y'.repeat(600)}`,
  'ftp://me@host/a',
])('%s is refused', (uri) => {
  expect(uriProblem(uri)).toBeDefined();
});

describe('outlets of a task', () => {
  test('details add up, and join the result only where there are any', () => {
    const outlets = new Outlets({ id: 'work', outlets: [orders.uri] });
    expect(outlets.join([1])).toEqual([1]);
    outlets.emit(orders, { rows: 1, day: 'one' });
    outlets.emit(orders.uri, { rows: 2 });
    expect(outlets.join([1])).toEqual({ $emitted: { [orders.uri]: { rows: 2, day: 'one' } }, $output: [1] });
  });

  test('an asset that is not declared, and details that are too long, are refused', () => {
    const outlets = new Outlets({ id: 'work', outlets: [orders.uri] });
    expect(() => outlets.emit(people, {})).toThrow(/"work" emits an event of asset ".*people", .*orders/);
    expect(() => outlets.emit(orders, { text: 'x'.repeat(limits.assetExtraMaxBytes) })).toThrow(
      /assetExtraMaxBytes/,
    );
    expect(() => new Outlets({ id: 'other' }).emit(orders, {})).toThrow(/it has none/);
  });
});
