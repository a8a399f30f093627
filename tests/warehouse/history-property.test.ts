import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { temporaryFolder } from '../helpers/folder.js';
import { column, TestWarehouse } from '../helpers/warehouse.js';

const folder = temporaryFolder();
const columns = [column('id', 'int64'), column('changed_at', 'timestamp'), column('value', 'string')];

interface Change {
  readonly id: number;
  readonly day: number;
  readonly isDelete: boolean;
}

const at = (day: number) => `2026-01-0${String(day)} 00:00:00`;

/** The obvious model: each version once, valid until the next version or deletion of its key; a deletion at a version ends it. */
function model(changes: readonly Change[]) {
  const distinct = [...new Map(changes.map((change) => [JSON.stringify(change), change])).values()];
  const isAfter = (a: Change, b: Change) =>
    a.id === b.id && (a.day > b.day || (a.day === b.day && a.isDelete && !b.isDelete));
  return distinct
    .filter(({ isDelete }) => !isDelete)
    .map((row) => {
      const later = distinct.filter((other) => isAfter(other, row)).map(({ day }) => day);
      const until = later.length === 0 ? null : at(Math.min(...later));
      return {
        id: String(row.id),
        valid_from: at(row.day),
        valid_to: until,
        is_current: until === null,
      };
    })
    .sort((a, b) => (`${a.id} ${a.valid_from}` < `${b.id} ${b.valid_from}` ? -1 : 1));
}

const change: fc.Arbitrary<Change> = fc.record({
  id: fc.integer({ min: 1, max: 2 }),
  day: fc.integer({ min: 1, max: 4 }),
  isDelete: fc.boolean(),
});

test('scd2: any order and any cut into batches end as the same history, and every row is counted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
      async (batches) => {
        fc.pre(batches.some((batch) => batch.length > 0));
        const house = await TestWarehouse.open(folder);
        try {
          for (const [index, batch] of batches.entries()) {
            const { counts } = await house.load({
              columns,
              config: { strategy: 'scd2', version: ['changed_at'] },
              loadId: `load-${String(index)}`,
              rows: batch
                .filter(({ isDelete }) => !isDelete)
                .map(({ id, day }) => ({ id, changed_at: at(day), value: `${String(id)}/${String(day)}` })),
              deletes: batch
                .filter(({ isDelete }) => isDelete)
                .map(({ id, day }) => ({ id, changed_at: `${at(day).replace(' ', 'T')}Z` })),
            });
            const { extracted, loaded, unchanged, superseded } = counts;
            expect(loaded + unchanged + superseded).toBe(extracted);
          }
          expect(
            await house.rows(
              `SELECT id, _millrace_valid_from AS valid_from, _millrace_valid_to AS valid_to, _millrace_is_current AS is_current
               FROM items ORDER BY id, changed_at`,
            ),
          ).toEqual(model(batches.flat()));
        } finally {
          await house.close();
        }
      },
    ),
    { numRuns: 25, seed: 20261129 },
  );
});
