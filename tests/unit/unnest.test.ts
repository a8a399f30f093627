import { describe, expect, test } from '@jest/globals';
import { describeDataFlow } from '../../client/data-flows/describe.js';
import { transformNotes } from '../../client/transform-notes.js';
import { transformGaps } from '../../connectors/duckdb/index.js';
import { compileUnnest } from '../../connectors/load/unnest-sql.js';
import type { DagSpec } from '../../core/dag/dag-spec.js';
import type { LoadOptions, TransformOptions } from '../../core/dag/dag-options.js';
import { defineDag, shopify } from '../../index.js';
import { column } from '../helpers/warehouse.js';

const unnest = {
  column: 'items',
  key: ['id'],
  version: ['at'],
  position: 'line_no',
  columns: { sku: { path: '$.sku', type: 'string' } },
} as const;
const merge = {
  ...{ into: 'lines', disposition: 'merge', strategy: 'delete-insert', mergeKey: ['order_id'] },
  ...{ key: ['order_id', 'line_no'], version: ['at'] },
} as const;

/** A DAG that unnests orders, does one thing more to the elements, and loads them. */
function specOf(
  shape: TransformOptions,
  load: Partial<LoadOptions> = {},
  more: TransformOptions = {},
): DagSpec {
  return defineDag({
    id: 'lines',
    tasks: (build) => {
      const raw = build.extract('pull', { from: shopify.orders({ connection: 'shop' }), read: 'full' });
      const clean = build.validate('check', raw, { schema: 'order.v1' });
      const rows = build.transform('shape', build.transform('open', clean, shape), more);
      build.load('store', rows, { ...merge, ...load } as LoadOptions);
    },
  }).spec;
}
const shape: TransformOptions = { unnest, rename: { id: 'order_id' } };

function problemsOf(build: () => unknown): string {
  try {
    build();
    return '';
  } catch (error) {
    return String(error);
  }
}

describe('a DAG that unnests', () => {
  test('is built, with the merge key under the name that it has by then', () => {
    expect(specOf(shape).tasks.map(({ id }) => id)).toContain('store');
    expect(specOf({ unnest }, {}, { rename: { id: 'order_id' } }).tasks).toHaveLength(5);
  });

  test('is refused with all problems of the declaration at once', () => {
    const wrong = {
      ...{ column: '', path: 'items', key: [], position: 'SKU' },
      columns: { sku: { path: 'sku', type: 'text' as 'string' }, _millrace_x: { path: '$', type: 'json' } },
    } as const;
    const problems = problemsOf(() => specOf({ unnest: wrong }, { disposition: 'append' }));
    for (const text of [
      'name the JSON column',
      '"key" is empty',
      '"array": "items" is not a path',
      '"sku": "sku" is not a path',
      'there is no type "text"',
      'two columns are called "sku"',
      '"_millrace_x" cannot be the name of a column',
    ])
      expect(problems).toContain(text);
    expect(problemsOf(() => specOf({ unnest: { ...unnest, columns: {} } }))).toContain('"columns" is empty');
  });

  test('is refused where elements that are gone would stay, or old ones come back', () => {
    expect(problemsOf(() => specOf(shape, { strategy: 'upsert', mergeKey: undefined as never }))).toContain(
      `mergeKey: ['order_id']`,
    );
    const both = problemsOf(() => specOf(shape, { mergeKey: ['line_no'], version: [], hardDelete: 'sku' }));
    expect(both).toContain('"hardDelete" would take single elements away');
    expect(both).toContain(`mergeKey: ['order_id']`);
    expect(both).toContain(`its version is that of their parent: ['at']`);
    expect(problemsOf(() => specOf(shape, {}, { keep: { sku: ['a'] } }))).toContain(
      '"keep" leaves elements out',
    );
    expect(problemsOf(() => specOf(shape, {}, { unnest }))).toContain('unnest once');
    const dedupe = { key: ['sku'], version: [] };
    expect(problemsOf(() => specOf(shape, {}, { dedupe }))).toContain('"dedupe" leaves elements out');
    expect(problemsOf(() => specOf(shape, { key: ['order_id'] }))).toContain('is that of their parent');
    expect(
      specOf(shape, { key: [] }, { dedupe: { key: ['order_id', 'sku'], version: [] } }).tasks,
    ).toHaveLength(5);
  });
});

describe('flatten', () => {
  const of = (shape: TransformOptions) =>
    specOf({ unnest, rename: { id: 'order_id' } }, {}, shape).tasks.find(({ id }) => id === 'shape');

  test('is extract of each member and drop of the object, under the name that it has by then', () => {
    const members = { city: 'string', 'geo.lat': 'double', 'post code': 'string' } as const;
    expect(
      of({ flatten: { address: { members } }, rename: { address: 'place' }, drop: ['x'] }),
    ).toMatchObject({
      config: {
        extract: {
          address_city: { from: 'address', path: '$.city', type: 'string' },
          address_geo_lat: { from: 'address', path: '$.geo.lat', type: 'double' },
          'address_post code': { from: 'address', path: '$."post code"', type: 'string' },
        },
        drop: ['x', 'place'],
      },
    });
    expect(of({ flatten: { a: { members: { b: 'json' }, separator: '__' } } })).toMatchObject({
      config: { extract: { a__b: { from: 'a', path: '$.b' } } },
    });
  });

  test('is refused with all problems at once', () => {
    const wrong = { members: { 'a.b': 'string', a_b: 'text' as 'string', '': 'json' } } as const;
    const problems = problemsOf(() => of({ flatten: { o: wrong, none: { members: {} } } }));
    for (const text of [
      'two columns are called "o_a_b"',
      'there is no type "text"',
      '"" is not the name',
      '"members" is empty',
    ])
      expect(problems).toContain(text);
  });
});

test('columns that are missing or no JSON are named together', () => {
  const plan = compileUnnest([column('items', 'string'), column('at', 'timestamp')], unnest);
  expect('problems' in plan ? plan.problems : []).toEqual([
    'there is no column "id"; known here: items, at',
    'unnest: column "items" is string, not json',
  ]);
});

const document = {
  type: 'object',
  properties: {
    id: { type: 'integer', 'x-pii': 'none', 'x-purpose': ['service'] },
    at: { type: 'string', format: 'date-time', 'x-pii': 'none', 'x-purpose': ['service'] },
    items: { type: 'array', 'x-pii': 'behaviour', 'x-purpose': ['service'] },
  },
};
function embedded(spec: DagSpec): DagSpec {
  const tasks = spec.tasks.map((task) =>
    task.kind === 'validate'
      ? { ...task, config: { ...task.config, schema: { id: 'order.v1', document } } }
      : task,
  );
  return { ...spec, tasks };
}

test('the data flow leads from a member of an element to the array of the source, with its tags', () => {
  const [table] = describeDataFlow(embedded(specOf(shape))).tables;
  expect(table?.fields?.map(({ name, from, type, pii }) => [name, from, type, pii])).toEqual([
    ['order_id', 'id', 'int64', 'none'],
    ['at', 'at', 'timestamp', 'none'],
    ['line_no', 'items[]', 'int64', 'none'],
    ['sku', 'items[].sku', 'string', 'behaviour'],
  ]);
});

test('a deploy says that the worker unnests, wherever the transform is to run', () => {
  const spec = embedded(specOf({ ...shape, runIn: 'warehouse' }, {}, { runIn: 'warehouse' }));
  const notes = transformNotes(spec, 'duckdb', transformGaps);
  expect(notes).toEqual([expect.stringMatching(/transform "open" will run in the worker.*unnest/)]);
});
