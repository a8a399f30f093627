import { beforeEach, describe, expect } from '@jest/globals';
import { defaultContract, type SchemaContract } from '../../../core/loading/columns.js';
import { column } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

const base = [column('id', 'int64'), column('version', 'int64'), column('amount', 'int64')];
const contract = (change: Partial<SchemaContract>) => ({
  config: { contract: { ...defaultContract, ...change } },
});

/** New, missing, widened, clashing columns; names that differ in case or are reserved words. */
export function evolutionContract({ house, it }: Contract): void {
  const codes = () => house().rows('SELECT code, pointer FROM _millrace_quarantine');
  const tableTypes = async () =>
    Object.fromEntries(
      ((await house().warehouse.tableColumns('items')) ?? []).map(({ name, type }) => [name, type]),
    );

  describe('schema evolution', () => {
    beforeEach(async () => {
      await house().load({ columns: base, rows: [{ id: 1, version: 1, amount: 10 }] });
    });

    describe('a new column', () => {
      const columns = [...base, column('note', 'string')];
      const rows = [
        { id: 2, version: 1, amount: 20, note: 'hello' },
        { id: 3, version: 1, amount: 30, note: null },
      ];

      it('new, evolve: is added', async () => {
        const { counts } = await house().load({ columns, rows, ...contract({ newColumns: 'evolve' }) });
        expect(counts.loaded).toBe(2);
        expect(await house().rows('SELECT id, note FROM items ORDER BY id')).toEqual([
          { id: '1', note: null },
          { id: '2', note: 'hello' },
          { id: '3', note: null },
        ]);
      });

      it('new, freeze: refuses the batch and names the column', async () => {
        await expect(
          house().load({ columns, rows, ...contract({ newColumns: 'freeze' }) }),
        ).rejects.toMatchObject({
          code: 'CONTRACT_BROKEN',
          message: expect.stringContaining('"note" is new'),
        });
        expect(await house().rows('SELECT count(*) AS n FROM items')).toEqual([{ n: '1' }]);
      });

      it('new, quarantine: sets the rows aside that carry it', async () => {
        const { counts } = await house().load({ columns, rows, ...contract({ newColumns: 'quarantine' }) });
        expect(counts).toMatchObject({ loaded: 1, quarantined: 1 });
        expect(await codes()).toEqual([{ code: 'COLUMN_NEW', pointer: '/note' }]);
        expect(await tableTypes()).not.toHaveProperty('note');
      });

      it('new, discard: leaves the column out', async () => {
        const { counts } = await house().load({ columns, rows, ...contract({ newColumns: 'discard' }) });
        expect(counts).toMatchObject({ loaded: 2, quarantined: 0 });
        expect(await tableTypes()).not.toHaveProperty('note');
      });
    });

    describe('a missing column', () => {
      const columns = base.slice(0, 2);
      const rows = [{ id: 2, version: 1 }];

      it('missing, evolve: loads NULL', async () => {
        await house().load({ columns, rows, ...contract({ missingColumns: 'evolve' }) });
        expect(await house().rows('SELECT amount FROM items WHERE id = 2')).toEqual([{ amount: null }]);
      });

      it('missing, freeze: refuses the batch', async () => {
        await expect(
          house().load({ columns, rows, ...contract({ missingColumns: 'freeze' }) }),
        ).rejects.toMatchObject({ message: expect.stringContaining('"amount" is missing') });
      });

      it('missing, quarantine: sets the batch aside', async () => {
        const loaded = await house().load({ columns, rows, ...contract({ missingColumns: 'quarantine' }) });
        expect(loaded.counts).toMatchObject({ loaded: 0, quarantined: 1 });
        expect(await codes()).toEqual([{ code: 'COLUMN_MISSING', pointer: '/amount' }]);
      });

      it('missing, discard: withholds the batch', async () => {
        const loaded = await house().load({ columns, rows, ...contract({ missingColumns: 'discard' }) });
        expect(loaded.counts).toMatchObject({ loaded: 0, withheld: 1 });
        expect(await house().rows('SELECT count(*) AS n FROM items')).toEqual([{ n: '1' }]);
      });
    });

    describe('a clashing column', () => {
      const columns = [...base.slice(0, 2), column('amount', 'decimal', 12, 2)];
      const rows = [
        { id: 2, version: 1, amount: '20.00' },
        { id: 3, version: 1, amount: '30.55' },
      ];

      it('clashing, evolve: is widened without losing a digit, and the next load finds it so', async () => {
        await house().load({ columns, rows, ...contract({ clashingColumns: 'evolve' }) });
        await house()
          .load({
            columns,
            rows: [{ id: 4, version: 1, amount: '40.01' }],
            ...contract({ clashingColumns: 'freeze' }),
          })
          .catch((error: unknown) => {
            // A frozen contract sees the wider table: DECIMAL(21, 2) holds what DECIMAL(12, 2) brings, and is no clash only under evolve.
            expect(error).toMatchObject({ code: 'CONTRACT_BROKEN' });
          });
        const found = await house().rows('SELECT id, amount FROM items WHERE id < 4 ORDER BY id');
        expect(found.map(({ id, amount }) => [id, Number(amount)])).toEqual([
          ['1', 10],
          ['2', 20],
          ['3', 30.55],
        ]);
        expect(
          (await house().warehouse.tableColumns('items'))?.find(({ name }) => name === 'amount'),
        ).toMatchObject({ type: 'decimal', precision: 21, scale: 2 });
      });

      it('clashing, freeze: refuses the batch', async () => {
        await expect(
          house().load({ columns, rows, ...contract({ clashingColumns: 'freeze' }) }),
        ).rejects.toMatchObject({ code: 'CONTRACT_BROKEN' });
      });

      it('clashing, quarantine: loads what fits and sets aside what would be rounded', async () => {
        const loaded = await house().load({ columns, rows, ...contract({ clashingColumns: 'quarantine' }) });
        expect(loaded.counts).toMatchObject({ loaded: 1, quarantined: 1 });
        expect(await house().rows('SELECT id, amount FROM items ORDER BY id')).toEqual([
          { id: '1', amount: '10' },
          { id: '2', amount: '20' },
        ]);
        expect(await house().rows('SELECT code, raw FROM _millrace_quarantine')).toMatchObject([
          { code: 'COLUMN_CLASH', raw: expect.stringContaining('30.55') },
        ]);
      });

      it('clashing, discard: loads NULL for what would be rounded', async () => {
        const loaded = await house().load({ columns, rows, ...contract({ clashingColumns: 'discard' }) });
        expect(loaded.counts).toMatchObject({ loaded: 2, quarantined: 0 });
        expect(await house().rows('SELECT id, amount FROM items ORDER BY id')).toEqual([
          { id: '1', amount: '10' },
          { id: '2', amount: '20' },
          { id: '3', amount: null },
        ]);
      });

      it('clashing, evolve: text beside a number becomes text', async () => {
        await house().load({
          columns: [...base.slice(0, 2), column('amount', 'string')],
          rows: [{ id: 2, version: 1, amount: 'many' }],
          ...contract({ clashingColumns: 'evolve' }),
        });
        expect(await house().rows('SELECT amount FROM items ORDER BY id')).toEqual([
          { amount: '10' },
          { amount: 'many' },
        ]);
      });

      it('clashing, evolve: a key that becomes text keeps its tombstones', async () => {
        await house().load({ columns: base, rows: [], deletes: [{ id: 1, version: 5 }] });
        const text = [column('id', 'string'), ...base.slice(1)];
        const evolve = contract({ clashingColumns: 'evolve' });
        await house().load({ columns: text, rows: [{ id: 'x', version: 1, amount: 1 }], ...evolve });
        const { counts } = await house().load({
          columns: text,
          rows: [{ id: '1', version: 4, amount: 1 }],
          ...evolve,
        });
        expect(counts).toMatchObject({ superseded: 1, loaded: 0 });
        expect(await house().rows('SELECT id FROM items')).toEqual([{ id: 'x' }]);
      });
    });

    it('every frozen difference is named at once', async () => {
      const columns = [column('id', 'int64'), column('version', 'string'), column('note', 'string')];
      const frozen = contract({ newColumns: 'freeze', missingColumns: 'freeze', clashingColumns: 'freeze' });
      const error = await house()
        .load({ columns, rows: [{ id: 2, version: 'x', note: 'n' }], ...frozen })
        .catch((caught: unknown) => caught);
      for (const text of ['"note" is new', '"amount" is missing', '"version" is'])
        expect(String(error)).toContain(text);
    });

    it('a name that differs in case only is the same column', async () => {
      await house().load({
        columns: [...base.slice(0, 2), column('AMOUNT', 'int64')],
        rows: [{ id: 2, version: 1, AMOUNT: 20 }],
      });
      expect(await house().rows('SELECT amount FROM items ORDER BY id')).toEqual([
        { amount: '10' },
        { amount: '20' },
      ]);
      await expect(
        house().load({
          columns: [...base, column('Amount', 'int64')],
          rows: [],
        }),
      ).rejects.toMatchObject({
        code: 'CONTRACT_BROKEN',
        message: expect.stringContaining('differ in case only'),
      });
    });
  });
}
