import { describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { defaultContract } from '../../../core/loading/columns.js';
import type { LoadConfig, TransformConfig } from '../../../core/dag/dag-spec.js';
import type { JsonObject, JsonValue } from '../../../core/json.js';
import type { Manifest } from '../../../core/loading/manifest.js';
import type { TestWarehouse } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';
import { outcome, withStages } from './transforms.js';

const seed = 20261129;
const schema: JsonObject = {
  type: 'object',
  properties: {
    id: { type: ['integer', 'null'] },
    version: { type: 'string', format: 'date-time' },
    shop: { type: 'string' },
    items: {},
  },
  required: ['version'],
};
const transforms: readonly TransformConfig[] = [
  {
    unnest: {
      column: 'items',
      key: ['id'],
      version: ['version'],
      carry: ['shop'],
      position: 'line_no',
      columns: { sku: { path: '$.sku', type: 'string' }, price: { path: '$.price', type: 'decimal' } },
    },
    rename: { id: 'order_id' },
  },
  { normalise: { sku: ['lower'] } },
];
const config: LoadConfig = {
  ...{ into: 'lines', disposition: 'merge', strategy: 'delete-insert', contract: defaultContract },
  ...{ mergeKey: ['order_id'], key: ['order_id', 'line_no'], version: ['version'] },
};

interface Parent {
  readonly id: number | null;
  readonly version: number;
  readonly items?: JsonValue;
}
interface Batch {
  readonly parents: readonly Parent[];
  readonly deleted: readonly { readonly id: number; readonly version: number }[];
}

const element = fc.record({ sku: fc.constantFrom('a', 'b', 'c'), price: fc.constantFrom('1.50', '-0.10') });
const batch: fc.Arbitrary<Batch> = fc.record({
  parents: fc.array(
    fc.record(
      {
        id: fc.integer({ min: 1, max: 4 }),
        version: fc.integer({ min: 1, max: 9 }),
        items: fc.oneof(
          { weight: 6, arbitrary: fc.array(element, { maxLength: 3 }) },
          fc.constantFrom(null, { no: 'array' }),
        ),
      },
      { requiredKeys: ['id', 'version'] },
    ),
    { maxLength: 6 },
  ),
  deleted: fc.array(
    fc.record({ id: fc.integer({ min: 1, max: 4 }), version: fc.integer({ min: 1, max: 9 }) }),
    {
      maxLength: 2,
    },
  ),
});

/** With its version as an instant, to the microsecond. */
function dated<Versioned extends { readonly version: number }>(record: Versioned) {
  return { ...record, version: `2026-01-0${String(record.version)}T00:00:00.000001Z` };
}

/** What is known of a parent: its latest version, and the elements that it has, or had taken away. */
type Known = Map<number, { readonly version: number; readonly elements: readonly JsonValue[] }>;

/** Elements are those of the latest version of their parent; none at a version comes before some at it. */
function follow(known: Known, { parents, deleted }: Batch): void {
  for (const id of [1, 2, 3, 4]) {
    const own = parents.filter(
      ({ id: of, items }) => of === id && (Array.isArray(items ?? []) || items === null),
    );
    const latest = own.reduce<Parent | undefined>(
      (best, next) => (best === undefined || next.version >= best.version ? next : best),
      undefined,
    );
    const elements = (latest?.items ?? []) as readonly JsonValue[];
    const gone = [
      ...deleted.filter((deletion) => deletion.id === id).map(({ version }) => version),
      ...(latest !== undefined && elements.length === 0 ? [latest.version] : []),
    ];
    const goneAt = gone.length === 0 ? undefined : Math.max(...gone);
    const isFilled =
      latest !== undefined && elements.length > 0 && !(goneAt !== undefined && goneAt >= latest.version);
    const version = isFilled ? latest.version : goneAt;
    if (version === undefined) continue;
    const before = known.get(id);
    const isLate =
      before !== undefined &&
      (before.version > version || (before.version === version && before.elements.length === 0));
    if (!isLate) known.set(id, { version, elements: isFilled ? elements : [] });
  }
}

/** Child tables hold the elements of the latest version of each parent. */
export function unnestContract({ house, it, kind }: Contract): void {
  let loads = 0;
  type Stages = Parameters<Parameters<typeof withStages>[1]>[0];

  const prepared = async (stages: Stages, { parents, deleted }: Batch): Promise<Manifest> => {
    const lines = parents.map((parent) => JSON.stringify({ shop: 's', ...dated(parent) }));
    const input = await stages.validated(lines, schema);
    const deletes =
      deleted.length === 0
        ? []
        : [
            await house().staging.write(
              deleted.map((deletion) => Buffer.from(`${JSON.stringify(dated(deletion))}\n`)),
              deleted.length,
            ),
          ];
    const extracted = input.counts.extracted + deleted.length;
    return stages.transformed({ ...input, deletes, counts: { ...input.counts, extracted } }, transforms);
  };
  const load = async (manifest: Manifest, into: string) => {
    loads += 1;
    return (await outcome(house(), into, config, manifest, `unnest${String(loads)}`)).counts;
  };
  const stored = async (warehouse: TestWarehouse, table: string) =>
    (
      await warehouse.rows(
        `SELECT order_id, line_no, version, sku, price, shop FROM ${table} ORDER BY order_id, line_no`,
      )
    ).map(({ order_id: id, line_no: line, version, sku, price, shop }) =>
      [id, line, Number(String(version).slice(8, 10)), sku, Number(price), shop].join('/'),
    );
  const expected = (known: Known) =>
    [...known.entries()]
      .sort(([a], [b]) => a - b)
      .flatMap(([id, { version, elements }]) =>
        elements.map((item, line) => {
          const { sku, price } = item as { sku: string; price: string };
          return [id, line, version, sku, Number(price), 's'].join('/');
        }),
      );

  describe('unnest', () => {
    it('elements of random parents are those of the latest version of each, in whatever batches they come', () =>
      withStages(house(), (stages) =>
        fc.assert(
          fc.asyncProperty(fc.array(batch, { minLength: 2, maxLength: 5 }), async (batches) => {
            const known: Known = new Map();
            loads += 1;
            const table = `lines${String(loads)}`;
            for (const one of [
              { parents: [{ id: 4, version: 1, items: [{ sku: 'A', price: '1' }] }], deleted: [] },
              ...batches,
            ]) {
              const counts = await load(await prepared(stages, one), table);
              const refused = one.parents.filter(
                ({ items = null }) => items !== null && !Array.isArray(items),
              );
              expect(counts.quarantined).toBe(refused.length);
              follow(known, one);
              // Elements are normalised on the way.
              expect(await stored(house(), table)).toEqual(expected(known).map((row) => row.toLowerCase()));
            }
          }),
          { numRuns: kind.asked === undefined ? 8 : 3, seed, endOnFailure: true },
        ),
      ));

    it('a parent that is emptied or deleted takes its elements away, and a late version brings none back', () =>
      withStages(house(), async (stages) => {
        const items = [
          { sku: 'a', price: '1' },
          { sku: 'b', price: '2' },
        ];
        const of = (id: number, version: number, list: JsonValue): Parent => ({ id, version, items: list });
        const first = [of(1, 1, items), of(2, 1, items), of(3, 1, items), of(4, 1, items)];
        const filled = await load(await prepared(stages, { parents: first, deleted: [] }), 'lines');
        expect(filled).toMatchObject({ extracted: 8, loaded: 8 });

        const second = {
          parents: [of(1, 3, []), of(2, 3, null), of(4, 2, items.slice(1)), of(4, 1, items)],
          deleted: [{ id: 3, version: 3 }],
        };
        const emptied = await prepared(stages, second);
        expect(await load(emptied, 'lines')).toMatchObject({ extracted: 5, loaded: 4, superseded: 1 });
        expect(await stored(house(), 'lines')).toEqual(['4/0/2/b/2/s']);
        const compared = {
          config: { ...config, into: 'lines' },
          keyNames: [['order_id', 'id'], ['line_no']],
          maxSamples: 5,
        };
        expect(await house().warehouse.compare({ ...compared, manifest: emptied })).toMatchObject({
          ...{ sourceRows: 1, warehouseRows: 1, missing: 0, extra: 0, changed: 0 },
        });
        expect(await load(emptied, 'lines')).toMatchObject({ loaded: 1, unchanged: 3, superseded: 1 });

        const late = {
          parents: [of(1, 2, items), of(2, 3, items), of(3, 2, items), of(4, 1, items)],
          deleted: [],
        };
        expect(await load(await prepared(stages, late), 'lines')).toMatchObject({ loaded: 0, superseded: 8 });
        expect(await stored(house(), 'lines')).toEqual(['4/0/2/b/2/s']);

        const keyless = { parents: [of(1, 4, items.slice(1)), { id: null, version: 1, items }], deleted: [] };
        expect(await load(await prepared(stages, keyless), 'lines')).toMatchObject({
          loaded: 1,
          quarantined: 2,
        });
        expect(await stored(house(), 'lines')).toEqual(['1/0/4/b/2/s', '4/0/2/b/2/s']);
      }));
  });
}
