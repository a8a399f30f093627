import { describe, expect, test } from '@jest/globals';
import { describeDataFlow } from '../../client/data-flows/describe.js';
import { renderFlow, renderLineage } from '../../client/data-flows/render.js';
import { asset, defineDag, shopify, type DagOptions } from '../../index.js';
import type { JsonObject } from '../../core/json.js';

const document: JsonObject = {
  $id: 'person.v1',
  type: 'object',
  required: ['id'],
  properties: {
    id: { type: 'integer', 'x-pii': 'none', 'x-purpose': ['service'] },
    email: {
      type: 'string',
      'x-pii': 'contact',
      'x-purpose': ['service', 'marketing'],
      'x-subject-key': true,
    },
    home: { type: 'object', 'x-pii': 'contact', 'x-purpose': 'service' },
    colour: { type: 'string' },
  },
};

/** The flow of a DAG, with the schema embedded as when it is deployed. */
function flowOf(tasks: DagOptions['tasks'], options: Partial<DagOptions> = {}) {
  const { spec } = defineDag({ id: 'people', owner: 'crm', tasks, ...options });
  const embedded = spec.tasks.map((task) =>
    task.kind === 'validate'
      ? { ...task, config: { ...task.config, schema: { ...task.config.schema, document } } }
      : task,
  );
  return describeDataFlow({ ...spec, tasks: embedded });
}

const from = shopify.orders({ connection: 'shop' });

describe('a data flow', () => {
  test('follows each field from the schema through the steps of a transform, with its tags', () => {
    const flow = flowOf(({ extract, validate, transform, load }) => {
      const clean = validate('check', extract('pull', { from, read: 'full' }), { schema: 'person.v1' });
      const rows = transform('shape', clean, {
        extract: { town: { from: 'home', path: '$.address.town', type: 'string' } },
        rename: { id: 'person_id' },
        constant: { origin: 'shop' },
        drop: ['home', 'colour'],
      });
      load('store', rows, { into: 'people', key: ['person_id'], disposition: 'merge' });
    });
    expect(flow.sources).toEqual([
      { taskId: 'pull', connector: 'shopify', stream: 'orders', connection: 'shop', read: 'full' },
    ]);
    const service = { purpose: ['service'], isSubjectKey: false };
    expect(flow.tables).toEqual([
      expect.objectContaining({
        table: 'people',
        sources: ['pull'],
        schema: 'person.v1',
        key: ['person_id'],
      }),
    ]);
    expect(flow.tables[0]?.fields).toEqual([
      { name: 'person_id', type: 'int64', from: 'id', pii: 'none', ...service },
      {
        name: 'email',
        type: 'string',
        from: 'email',
        pii: 'contact',
        purpose: ['service', 'marketing'],
        isSubjectKey: true,
      },
      { name: 'town', type: 'string', from: 'home.address.town', pii: 'contact', ...service },
      { name: 'origin', type: 'string', from: 'constant', pii: 'none', purpose: [], isSubjectKey: false },
    ]);
  });

  test('names all that is missing at once: the owner, tags, and a schema for what a function writes', () => {
    const { spec } = defineDag({
      id: 'unknown',
      tasks: ({ extract, load }) => {
        load('raw', extract('pull', { from, read: 'full' }), { into: 'raw', disposition: 'append' });
      },
    });
    expect(describeDataFlow(spec).problems).toEqual([
      'DAG "unknown" has no owner',
      'table "raw": task "raw" loads rows that no schema describes',
    ]);
    const flow = flowOf(({ extract, validate, transform, load }) => {
      const clean = validate('check', extract('pull', { from, read: 'full' }), { schema: 'person.v1' });
      const rows = transform('shape', clean, (row) => row);
      load('store', rows, { into: 'people', disposition: 'append' });
    });
    expect(flow.problems).toEqual([
      'schema "person.v1": field "colour" has no x-pii',
      'schema "person.v1": field "colour" has no x-purpose',
      'table "people": the function of task "shape" writes its columns; validate them before task "store"',
    ]);
    expect(flow.tables[0]?.fields).toBeNull();
    expect(renderFlow(flow)).toContain('## To be completed');
  });

  test('the lineage has each source, DAG, table and asset once', () => {
    const tasks: DagOptions['tasks'] = ({ extract, validate, load }) => {
      const clean = validate('check', extract('pull', { from, read: 'full' }), { schema: 'person.v1' });
      load('store', clean, { into: 'people', disposition: 'append', outlets: [asset('file:people')] });
    };
    const graph = renderLineage([flowOf(tasks), flowOf(tasks, { id: 'others' })]);
    expect(graph.split('\n')).toEqual([
      'flowchart LR',
      '  n0["people"]',
      '  n1(["shopify/orders @ shop"])',
      '  n2[("people")]',
      '  n3{{"file:people"}}',
      '  n4["others"]',
      '  n1 --> n0',
      '  n0 --> n2',
      '  n0 -.-> n3',
      '  n1 --> n4',
      '  n4 --> n2',
      '  n4 -.-> n3',
    ]);
  });

  test('text of authors cannot break a table or a graph', () => {
    const flow = flowOf(({ empty }) => void empty('only'), { owner: 'a|b', tags: ['x\ny'] });
    expect(renderFlow(flow)).toContain('| a\\|b | x y |');
  });
});
