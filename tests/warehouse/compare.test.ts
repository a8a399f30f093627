import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { temporaryFolder } from '../helpers/folder.js';
import { column, TestWarehouse, type Batch } from '../helpers/warehouse.js';

const folder = temporaryFolder();
const columns = [column('id', 'int64'), column('version', 'int64'), column('value', 'string')];
let house: TestWarehouse;

beforeEach(async () => {
  house = await TestWarehouse.open(folder);
});

afterEach(async () => {
  await house.close();
});

const row = (id: number, version: number, value: string) => ({ id, version, value });

/** Compares the table with what a source would hold now. */
async function compare(source: Omit<Batch, 'columns'>) {
  const { config, manifest } = await house.request({ columns, ...source });
  return house.warehouse.compare({
    config,
    manifest,
    keyNames: [['id']],
    maxSamples: 5,
    ...(source.interval && { interval: source.interval }),
  });
}

describe('compare', () => {
  test('a table that holds what the source holds is clean, deletions and older versions included', async () => {
    await house.load({ columns, rows: [row(1, 1, 'a'), row(2, 1, 'b')] });
    await house.load({ columns, rows: [row(1, 2, 'a2')], deletes: [{ id: 2, version: 2 }] });
    const source = {
      rows: [row(1, 1, 'a'), row(1, 2, 'a2'), row(2, 1, 'b')],
      deletes: [{ id: 2, version: 2 }],
    };
    expect(await compare(source)).toMatchObject({
      sourceRows: 1,
      warehouseRows: 1,
      missing: 0,
      extra: 0,
      changed: 0,
    });
  });

  test('names what is missing, what is extra and what has other content', async () => {
    await house.load({ columns, rows: [row(1, 1, 'a'), row(2, 1, 'b'), row(3, 1, 'c')] });
    expect(await compare({ rows: [row(1, 1, 'a'), row(2, 1, 'other'), row(4, 1, 'd')] })).toMatchObject({
      missing: 1,
      extra: 1,
      changed: 1,
      samples: { missing: ['["4"]'], extra: ['["3"]'], changed: ['["2"]'] },
    });
  });

  test('a table that was never loaded lacks everything', async () => {
    expect(await compare({ rows: [row(1, 1, 'a')] })).toMatchObject({ missing: 1, extra: 0, changed: 0 });
  });

  test('a record in quarantine is no difference', async () => {
    await house.load({
      columns,
      rows: [row(1, 1, 'a')],
      rejects: [
        { code: 'RECORD_INVALID', pointer: '/value', message: 'no', raw: '{"id":2,"value":7}', position: 1 },
      ],
    });
    expect(await compare({ rows: [row(1, 1, 'a'), row(2, 1, 'b')] })).toMatchObject({
      missing: 0,
      extra: 0,
      changed: 0,
    });
  });

  test('without a key, rows are compared as often as they occur', async () => {
    const config = { disposition: 'append', key: [], version: [] } as const;
    await house.load({ columns, config, rows: [row(1, 1, 'a'), row(1, 1, 'a')] });
    expect(await compare({ config, rows: [row(1, 1, 'a'), row(2, 1, 'b')] })).toMatchObject({
      missing: 1,
      extra: 1,
    });
  });

  test('for one interval, rows of other intervals are not extra', async () => {
    const day = (number: number) => ({
      start: `2026-01-0${String(number)}T00:00:00.000Z`,
      end: `2026-01-0${String(number + 1)}T00:00:00.000Z`,
    });
    await house.load({ columns, interval: day(1), rows: [row(1, 1, 'a')] });
    await house.load({ columns, interval: day(2), rows: [row(2, 1, 'b'), row(3, 1, 'c')] });
    expect(await compare({ interval: day(2), rows: [row(2, 1, 'b')] })).toMatchObject({
      missing: 0,
      extra: 1,
      samples: { extra: ['["3"]'] },
    });
  });
});
