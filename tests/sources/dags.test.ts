import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import purchaseHistory from '../../dags/purchase-history.js';
import shopOrders from '../../dags/shop-orders.js';
import siteEvents from '../../dags/site-events.js';

interface Field {
  readonly type: string | readonly string[];
}
interface RecordSchema {
  readonly $id: string;
  readonly properties: Readonly<Record<string, Field & Record<string, unknown>>>;
}

const directory = fileURLToPath(new URL('../../schemas/records/', import.meta.url));
const schemas = new Map(
  readdirSync(directory).map((name) => {
    const schema = JSON.parse(readFileSync(`${directory}${name}`, 'utf8')) as RecordSchema;
    return [name.replace(/\.schema\.json$/, ''), schema] as const;
  }),
);
const dags: readonly DagDefinition[] = [purchaseHistory, shopOrders, siteEvents];

test('the three DAGs have the three speeds', () => {
  expect(dags.map(({ spec }) => [spec.id, spec.mode, spec.schedule.kind])).toEqual([
    ['purchase-history', 'batch', 'cron'],
    ['shop-orders', 'near-real-time', 'every'],
    ['site-events', 'real-time', 'stream'],
  ]);
});

test.each(dags)('$spec.id reads, checks and loads with names that its schema has', ({ spec }) => {
  for (const load of spec.tasks) {
    if (load.kind !== 'load') continue;
    const shape = spec.tasks.find((task) => task.id === load.input);
    const check = spec.tasks.find((task) => shape?.kind === 'transform' && task.id === shape.input);
    if (shape?.kind !== 'transform' || check?.kind !== 'validate')
      throw new Error('each load has a check and a shape');
    const fields = Object.keys(schemas.get(check.config.schema.id)?.properties ?? {});
    const { rename = {}, extract = {} } = shape.config;
    for (const name of Object.keys(rename)) expect(fields).toContain(name);
    for (const { from } of Object.values(extract)) expect(fields).toContain(from);
    const columns = [...fields.map((name) => rename[name] ?? name), ...Object.keys(extract)];
    for (const name of [...load.config.key, ...load.config.version]) expect(columns).toContain(name);
    for (const name of columns) expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(new Set(columns).size).toBe(columns.length);
  }
});

describe.each([...schemas])('schema %s', (name, schema) => {
  test('has its name, and every field says type, class of personal data, purpose and subject', () => {
    expect(schema.$id).toBe(name);
    for (const [field, value] of Object.entries(schema.properties)) {
      expect({
        field,
        pii: value['x-pii'],
        purpose: value['x-purpose'],
        subject: value['x-subject-key'],
      }).toEqual({
        field,
        pii: expect.stringMatching(/^(none|pseudonym|contact|behaviour|free-text)$/),
        purpose: expect.arrayContaining([expect.stringMatching(/^[a-z]+$/)]),
        subject: expect.any(Boolean),
      });
    }
  });
});
