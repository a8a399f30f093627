import { beforeAll, expect, test } from '@jest/globals';
import { TestProject } from '../helpers/project.js';
import { triggerRun } from '../helpers/runs.js';

const dag = (schema: string) => `
import { defineDag } from 'millrace';
export default defineDag({
  id: 'shop', schedule: 'manual',
  tasks: ({ extract, validate, load }) => {
    const raw = extract('pull', { from: async function* () {
      yield { id: 'good', value: 1 };
      yield { id: 'odd', value: -1 };
      yield { value: 2 };
    } });
    load('store', validate('check', raw, { schema: '${schema}' }), { into: 'things', key: ['id'], disposition: 'merge' });
  },
});`;
const orders = `
import { defineDag } from 'millrace';
export default defineDag({
  id: 'orders', schedule: 'manual',
  tasks: ({ extract, validate, load }) => {
    const raw = extract('pull', { from: async function* () {
      yield { value: 'CAESAmFi' };
      yield { value: 'CAISBWFi' };
      yield { value: 'CAMaAf8=' };
    } });
    const typed = validate('typed', raw, { schema: { proto: 'order.proto', message: 'shop.Order', field: 'value' } });
    load('store', typed, { into: 'orders', key: ['id'], disposition: 'merge' });
  },
});`;
const schema = (id: string, value: object) =>
  JSON.stringify({
    $id: id,
    type: 'object',
    required: ['id'],
    properties: { id: { type: 'string' }, value: { type: 'integer', ...value } },
  });

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({ 'shop.ts': dag('thing.v1'), 'orders.ts': orders });
  project.write(
    'schemas/order.proto',
    'syntax = "proto3"; package shop; message Order { int64 id = 1; string code = 2; string note = 3; }',
  );
  project.write('schemas/thing.v1.schema.json', schema('thing.v1', { minimum: 0 }));
  project.write('schemas/thing.v2.schema.json', schema('thing.v2', {}));
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
  await project.json('dag', 'trigger', 'shop', '--wait');
}, 240_000);

interface Quarantined {
  readonly quarantine_id: string;
  readonly pointer: string;
  readonly raw: string;
}

test('bad records are listed with their place and text, and the rest is loaded', async () => {
  const { rows } = await project.json<{ rows: Quarantined[] }>('quarantine', 'list', '--dag', 'shop');
  expect(rows.map(({ pointer, raw }) => [pointer, raw]).sort()).toEqual([
    ['/id', '{"value":2}'],
    ['/value', '{"id":"odd","value":-1}'],
  ]);
  expect(await project.rows('SELECT id FROM things')).toEqual([{ id: 'good' }]);
});

test('a replay through the corrected pipeline loads what passes now, and sets the rest aside again', async () => {
  project.write('dags/shop.ts', dag('thing.v2'));
  await project.json('deploy');
  const outcome = await project.run('quarantine', 'replay', 'shop', '--json');
  expect(outcome.code).toBe(1);
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    rows: 2,
    counts: { extracted: 2, loaded: 1, quarantined: 1 },
  });
  expect(await project.rows('SELECT id FROM things ORDER BY id')).toEqual([{ id: 'good' }, { id: 'odd' }]);
  const { rows } = await project.json<{ rows: Quarantined[] }>('quarantine', 'list', '--dag', 'shop');
  expect(rows.map(({ raw }) => raw)).toEqual(['{"value":2}']);
  const { rows: all } = await project.json<{ rows: unknown[] }>(
    'quarantine',
    'list',
    '--dag',
    'shop',
    '--all',
  );
  expect(all).toHaveLength(3);
});

test('messages of Protocol Buffers are loaded as rows; what is none is set aside as it came', async () => {
  const { counts } = (await triggerRun(project, 'orders')).result;
  expect(counts).toMatchObject({ extracted: 3, loaded: 1, quarantined: 2 });
  expect(await project.rows('SELECT id, code FROM orders')).toEqual([{ id: '1', code: 'ab' }]);
  const { rows } = await project.json<{ rows: Quarantined[] }>('quarantine', 'list', '--dag', 'orders');
  expect(rows.map(({ pointer, raw }) => [pointer, raw]).sort()).toEqual([
    ['/value', '{"value":"CAISBWFi"}'],
    ['/value', '{"value":"CAMaAf8="}'],
  ]);
  // The note was never text.
  project.write(
    'schemas/order.proto',
    'syntax = "proto3"; package shop; message Order { int64 id = 1; string code = 2; bytes seal = 3; }',
  );
  await project.json('deploy');
  const outcome = await project.run('quarantine', 'replay', 'orders', '--json');
  expect(JSON.parse(outcome.stdout)).toMatchObject({ counts: { extracted: 2, loaded: 1, quarantined: 1 } });
  expect(await project.rows('SELECT id FROM orders ORDER BY id')).toEqual([{ id: '1' }, { id: '3' }]);
});
