import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { defaultContract, type SchemaContract } from '../../core/loading/columns.js';
import { temporaryFolder } from '../helpers/folder.js';
import { column, TestWarehouse } from '../helpers/warehouse.js';

const folder = temporaryFolder();
const base = [column('id', 'int64'), column('version', 'int64'), column('amount', 'int64')];
let house: TestWarehouse;

beforeEach(async () => {
  house = await TestWarehouse.open(folder);
  await house.load({ columns: base, rows: [{ id: 1, version: 1, amount: 10 }] });
});

afterEach(async () => {
  await house.close();
});

const contract = (change: Partial<SchemaContract>) => ({
  config: { contract: { ...defaultContract, ...change } },
});
const tableTypes = async () =>
  Object.fromEntries((await house.warehouse.tableColumns('items'))!.map(({ name, type }) => [name, type]));

describe('a new column', () => {
  const columns = [...base, column('note', 'string')];
  const rows = [
    { id: 2, version: 1, amount: 20, note: 'hello' },
    { id: 3, version: 1, amount: 30, note: null },
  ];

  test('evolve adds it', async () => {
    const { counts } = await house.load({ columns, rows, ...contract({ newColumns: 'evolve' }) });
    expect(counts.loaded).toBe(2);
    expect(await house.rows('SELECT id, note FROM items ORDER BY id')).toEqual([
      { id: '1', note: null },
      { id: '2', note: 'hello' },
      { id: '3', note: null },
    ]);
  });

  test('freeze refuses the batch and names the column', async () => {
    await expect(house.load({ columns, rows, ...contract({ newColumns: 'freeze' }) })).rejects.toMatchObject({
      code: 'CONTRACT_BROKEN',
      message: expect.stringContaining('"note" is new'),
    });
    expect(await house.rows('SELECT count(*) AS n FROM items')).toEqual([{ n: '1' }]);
  });

  test('quarantine sets the rows aside that carry it', async () => {
    const { counts } = await house.load({ columns, rows, ...contract({ newColumns: 'quarantine' }) });
    expect(counts).toMatchObject({ loaded: 1, quarantined: 1 });
    expect(await house.rows('SELECT code, pointer FROM _millrace_quarantine')).toEqual([
      { code: 'COLUMN_NEW', pointer: '/note' },
    ]);
    expect(await tableTypes()).not.toHaveProperty('note');
  });
});

describe('a missing column', () => {
  const columns = base.slice(0, 2);
  const rows = [{ id: 2, version: 1 }];

  test('evolve loads NULL', async () => {
    await house.load({ columns, rows, ...contract({ missingColumns: 'evolve' }) });
    expect(await house.rows('SELECT amount FROM items WHERE id = 2')).toEqual([{ amount: null }]);
  });

  test('freeze refuses the batch', async () => {
    await expect(
      house.load({ columns, rows, ...contract({ missingColumns: 'freeze' }) }),
    ).rejects.toMatchObject({
      code: 'CONTRACT_BROKEN',
      message: expect.stringContaining('"amount" is missing'),
    });
  });

  test('quarantine sets the batch aside', async () => {
    const { counts } = await house.load({ columns, rows, ...contract({ missingColumns: 'quarantine' }) });
    expect(counts).toMatchObject({ loaded: 0, quarantined: 1 });
    expect(await house.rows('SELECT code FROM _millrace_quarantine')).toEqual([{ code: 'COLUMN_MISSING' }]);
  });
});

describe('a clashing column', () => {
  const columns = [...base.slice(0, 2), column('amount', 'decimal', 12, 2)];
  const rows = [
    { id: 2, version: 1, amount: '20.00' },
    { id: 3, version: 1, amount: '30.55' },
  ];

  test('evolve widens it without losing a digit', async () => {
    await house.load({ columns, rows, ...contract({ clashingColumns: 'evolve' }) });
    expect(await house.rows('SELECT id, amount::VARCHAR AS amount FROM items ORDER BY id')).toEqual([
      { id: '1', amount: '10.00' },
      { id: '2', amount: '20.00' },
      { id: '3', amount: '30.55' },
    ]);
  });

  test('freeze refuses the batch', async () => {
    await expect(
      house.load({ columns, rows, ...contract({ clashingColumns: 'freeze' }) }),
    ).rejects.toMatchObject({ code: 'CONTRACT_BROKEN' });
  });

  test('quarantine loads what fits and sets aside what would be rounded', async () => {
    const { counts } = await house.load({ columns, rows, ...contract({ clashingColumns: 'quarantine' }) });
    expect(counts).toMatchObject({ loaded: 1, quarantined: 1 });
    expect(await house.rows('SELECT id, amount FROM items ORDER BY id')).toEqual([
      { id: '1', amount: '10' },
      { id: '2', amount: '20' },
    ]);
    expect(await house.rows('SELECT code, raw FROM _millrace_quarantine')).toMatchObject([
      { code: 'COLUMN_CLASH', raw: expect.stringContaining('30.55') },
    ]);
  });

  test('text beside a number becomes text', async () => {
    await house.load({
      columns: [...base.slice(0, 2), column('amount', 'string')],
      rows: [{ id: 2, version: 1, amount: 'many' }],
      ...contract({ clashingColumns: 'evolve' }),
    });
    expect(await house.rows('SELECT amount FROM items ORDER BY id')).toEqual([
      { amount: '10' },
      { amount: 'many' },
    ]);
  });
});

test('every frozen difference is named at once', async () => {
  const columns = [column('id', 'int64'), column('version', 'string'), column('note', 'string')];
  const frozen = contract({ newColumns: 'freeze', missingColumns: 'freeze', clashingColumns: 'freeze' });
  const error = await house
    .load({ columns, rows: [{ id: 2, version: 'x', note: 'n' }], ...frozen })
    .catch((caught: unknown) => caught);
  for (const text of ['"note" is new', '"amount" is missing', '"version" is'])
    expect(String(error)).toContain(text);
});
