import { describe, expect, test } from '@jest/globals';
import { defineDag, file } from '../../index.js';
import type { TaskSpec } from '../../core/dag/task-spec.js';
import { hashSpec } from '../../client/deployment.js';

const source = file.records({ path: 'x.csv', format: 'csv' });

describe('defineDag', () => {
  test('gives a plain spec: it survives JSON and has the same hash', () => {
    const { spec, functions } = defineDag({
      id: 'plain',
      schedule: { every: '10s' },
      tasks: ({ extract, validate, load, task }) => {
        const loaded = load(
          'store',
          validate('check', extract('pull', { from: source }), { schema: 'order.v1' }),
          { into: 'rows', key: ['id'] },
        );
        task('tell', { inputs: { loaded }, run: async () => ({}) });
      },
    });
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
    expect(hashSpec(JSON.parse(JSON.stringify(spec)))).toBe(hashSpec(spec));
    expect(Object.keys(functions)).toEqual(['tell']);
    expect(spec.tasks.map(({ id, upstream }) => [id, upstream])).toEqual([
      ['pull', []],
      ['check', ['pull']],
      ['store', ['check']],
      ['tell', ['store']],
    ]);
  });

  test('how a table is written travels with its load', () => {
    const options = {
      into: 'rows',
      key: ['id'],
      version: ['at'],
      strategy: 'delete-insert',
      mergeKey: ['day'],
      hardDelete: 'gone',
      layout: { partitionBy: { column: 'at', unit: 'day' }, clusterBy: ['id'] },
    } as const;
    const { spec } = defineDag({
      id: 'written',
      tasks: ({ extract, load }) => {
        load('store', extract('pull', { from: source }), options);
      },
    });
    expect(spec.tasks.find(({ id }) => id === 'store')).toMatchObject({
      config: { ...options, disposition: 'merge' },
    });
  });

  test('a load whose options contradict one another is refused', () => {
    const build = () =>
      defineDag({
        id: 'contradictory',
        tasks: ({ extract, load }) => {
          load('store', extract('pull', { from: source }), {
            into: 'rows',
            disposition: 'replace',
            strategy: 'scd2',
            hardDelete: 'gone',
          });
        },
      });
    expect(build).toThrow(/strategy "scd2" does not belong to disposition "replace"/);
    expect(build).toThrow(/"hardDelete" belongs to disposition "merge"/);
  });

  test('deletions without a version are refused where the load orders by one', () => {
    const build = (version: readonly string[]) => () =>
      defineDag({
        id: 'deletions',
        tasks: ({ extract, validate, load }) => {
          const from = file.records({ path: 'x.ndjson', deleted: { path: 'gone', key: ['id'], version } });
          const checked = validate('check', extract('pull', { from }), { schema: 'order.v1' });
          load('store', checked, { into: 'rows', key: ['id'], version: ['at'] });
        },
      });
    expect(build([])).toThrow(/task "store" has versions \(at\), and "deleted" of "pull" names none/);
    expect(build(['at'])).not.toThrow();
  });

  test('lists every problem at once', () => {
    const build = () =>
      defineDag({
        id: 'bad id!',
        schedule: { cron: '61 * * * *', timezone: 'Nowhere/Else' },
        tasks: ({ extract, validate, load, task }) => {
          const raw = extract('twice', { from: source });
          const clean = validate('twice', raw, { schema: 'order.v1', quarantineOver: 2 });
          load('store', clean, { into: 'rows', disposition: 'merge', key: [] });
          task('after', {
            after: [{ taskId: 'nobody' }],
            retryDelay: 'soon',
            run: async () => ({}),
          });
        },
      });
    let message = '';
    try {
      build();
    } catch (error) {
      message = (error as Error).message;
    }
    for (const text of [
      'bad id!',
      '61 * * * *',
      'Nowhere/Else',
      '"twice"',
      'nobody',
      'soon',
      'quarantineOver',
      'key',
    ])
      expect(message).toContain(text);
  });

  test('default arguments reach every task that says nothing else; a group has its own before those of the DAG', () => {
    const { spec } = defineDag({
      id: 'defaults',
      defaultArgs: { retries: 7, pool: 'shop', timeout: '3m', onFailure: () => undefined },
      tasks: ({ task, group, waitFor, empty }) => {
        task('plain', { run: () => null });
        task('own', { retries: 1, run: () => null });
        group('inner', { defaultArgs: { retries: 2, priorityWeight: 5 } }, (inside) => {
          inside.task('deep', { run: () => null });
        });
        waitFor('wait', { run: () => true });
        empty('join');
      },
    });
    const read = ({ id, retry, pool, priorityWeight }: TaskSpec) => [
      id,
      retry.maximumAttempts - 1,
      pool?.name,
      priorityWeight,
    ];
    expect(spec.tasks.map(read)).toEqual([
      ['plain', 7, 'shop', undefined],
      ['own', 1, 'shop', undefined],
      ['inner.deep', 2, 'shop', 5],
      ['wait', 7, undefined, undefined],
      ['join', 7, undefined, undefined],
    ]);
    expect(spec.tasks.slice(0, 3).every((task) => task.timeouts.startToCloseMs === 180_000)).toBe(true);
    expect(spec.tasks.every((task) => task.callbacks?.failure === true)).toBe(true);
  });

  test('edges are typed: a result that is no rows is no input of a load', () => {
    const build = () =>
      defineDag({
        id: 'typed',
        tasks: ({ task, load }) => {
          const note = task('note', { run: async () => ({ a: 1 }) });
          // @ts-expect-error -- the compiler refuses this edge, and so does the builder
          load('store', note, { into: 'rows' });
        },
      });
    expect(build).toThrow('needs rows');
  });
});
