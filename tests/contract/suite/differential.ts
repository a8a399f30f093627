import { describe, expect } from '@jest/globals';
import { createHash } from 'node:crypto';
import { temporaryFolder } from '../../helpers/folder.js';
import { column, TestWarehouse, type Batch } from '../../helpers/warehouse.js';
import { seededRandom } from '../../../testing/index.js';
import type { Contract } from './contract.js';

const columns = [
  column('id', 'int64'),
  column('version', 'timestamp'),
  column('amount', 'decimal', 18, 2),
  column('note', 'string'),
  column('is_open', 'boolean'),
  column('details', 'json'),
];

/** Batches of rows and deletions, some late, some repeated, some without a key. */
function batches(seed: number, count: number): Omit<Batch, 'columns'>[] {
  const random = seededRandom(seed);
  const instant = () =>
    `2026-01-0${String(random.integer(1, 9))} 0${String(random.integer(0, 9))}:00:00.00000${String(random.integer(1, 9))}`;
  return Array.from({ length: count }, (_, number) => ({
    loadId: `load${String(seed)}x${String(number)}`,
    rows: Array.from({ length: random.integer(1, 30) }, () => ({
      id: random.chance(0.05) ? null : random.integer(1, 15),
      version: instant(),
      amount: `${String(random.integer(-9999, 9999))}.${String(random.integer(10, 99))}`,
      note: random.chance(0.2) ? null : random.chance(0.1) ? '' : `note, "${String(random.integer(1, 5))}"\n`,
      is_open: random.chance(0.3) ? null : random.chance(0.5),
      details: random.chance(0.3) ? null : `{"n":[${String(random.integer(1, 9))},null]}`,
    })),
    deletes: Array.from({ length: random.integer(0, 3) }, () => ({
      id: random.integer(1, 15),
      version: `${instant().replace(' ', 'T')}Z`,
    })),
  }));
}

/** A hash of a table's rows that does not depend on their order or on how a warehouse pads decimals. */
export async function tableHash(
  house: TestWarehouse,
  names: readonly string[],
  table: string,
): Promise<string> {
  const rows = await house.rows(`SELECT ${names.join(', ')} FROM ${table}`);
  const texts = rows.map((row) =>
    JSON.stringify(
      names.map((name) => {
        const value = row[name];
        return typeof value === 'string' && /^-?\d+\.\d+$/.test(value)
          ? value.replace(/0+$/, '').replace(/\.$/, '')
          : (value ?? null);
      }),
    ),
  );
  return createHash('sha256').update(texts.sort().join('\n')).digest('hex');
}

/** The same loads give the same table as on DuckDB, row by row. */
export function differentialContract({ house, it }: Contract): void {
  const folder = temporaryFolder();
  describe('beside DuckDB', () => {
    for (const strategy of ['upsert', 'scd2', 'insert-only', 'delete-insert'] as const) {
      it(`random batches end as the same rows and counts: ${strategy}`, async () => {
        const duckDb = await TestWarehouse.open(folder);
        try {
          const names = columns.map(({ name }) => name);
          const history =
            strategy === 'scd2' ? ['_millrace_valid_from', '_millrace_valid_to', '_millrace_is_current'] : [];
          for (const batch of batches(strategy.length, 6)) {
            const load = { columns, ...batch, config: { strategy } };
            const [here, there] = [await house().load(load), await duckDb.load(load)];
            expect(here.counts).toEqual(there.counts);
          }
          const all = [...names, ...history];
          expect(await tableHash(house(), all, 'items')).toBe(await tableHash(duckDb, all, 'items'));
        } finally {
          await duckDb.close();
        }
      });
    }
  });
}
