import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { temporaryFolder } from '../helpers/folder.js';
import { column, TestWarehouse } from '../helpers/warehouse.js';

const folder = temporaryFolder();
const columns = [column('id', 'int64'), column('version', 'int64'), column('value', 'string')];

interface Change {
  readonly id: number;
  readonly version: number;
  readonly isDelete: boolean;
}

/** The obvious model: of each key the greatest version wins, a deletion before a row of the same version. */
function model(changes: readonly Change[]): { id: string; version: string }[] {
  const winners = new Map<number, Change>();
  for (const change of changes) {
    const best = winners.get(change.id);
    if (
      best === undefined ||
      change.version > best.version ||
      (change.version === best.version && change.isDelete)
    )
      winners.set(change.id, change);
  }
  return [...winners.values()]
    .filter(({ isDelete }) => !isDelete)
    .map(({ id, version }) => ({ id: String(id), version: String(version) }))
    .sort((a, b) => Number(a.id) - Number(b.id));
}

const change = fc.record({
  id: fc.integer({ min: 1, max: 5 }),
  version: fc.integer({ min: 1, max: 6 }),
  isDelete: fc.boolean(),
});

test('any order and any cut into batches end as the model, and every row is counted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { maxLength: 6 }), { minLength: 1, maxLength: 5 }),
      async (batches) => {
        const house = await TestWarehouse.open(folder);
        try {
          for (const [index, batch] of batches.entries()) {
            // The content of a row follows from its key and version, as in a source that raises the version with each change.
            const rows = batch
              .filter(({ isDelete }) => !isDelete)
              .map(({ id, version }) => ({ id, version, value: `${String(id)}/${String(version)}` }));
            const deletes = batch
              .filter(({ isDelete }) => isDelete)
              .map(({ id, version }) => ({ id, version }));
            const { counts } = await house.load({ columns, rows, deletes, loadId: `load-${String(index)}` });
            const { extracted, loaded, unchanged, superseded, quarantined, withheld } = counts;
            expect(extracted).toBe(batch.length);
            expect(loaded + unchanged + superseded + quarantined + withheld).toBe(extracted);
          }
          const found = batches.every((batch) => batch.length === 0)
            ? []
            : await house.rows('SELECT id, version FROM items ORDER BY id');
          expect(found).toEqual(model(batches.flat()));
        } finally {
          await house.close();
        }
      },
    ),
    { numRuns: 40, seed: 20261124 },
  );
});
