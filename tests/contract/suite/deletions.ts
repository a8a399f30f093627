import { describe, expect } from '@jest/globals';
import { defaultContract, type ColumnType } from '../../../core/loading/columns.js';
import type { LoadConfig } from '../../../core/dag/dag-spec.js';
import { column } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

const columns = [column('id', 'int64'), column('version', 'int64')];
const flagged = (type: ColumnType, name = 'gone') => [...columns, column(name, type)];
const row = (id: number, version: number, gone?: boolean | string) => ({ id, version, gone });
const config: Partial<LoadConfig> = { hardDelete: 'gone' };

/** Deletions that are easily lost: said by a column that the table has otherwise, without a key, late, at a version that is there. */
export function deletionContract({ house, it }: Contract): void {
  const ids = async () => (await house().rows('SELECT id FROM items ORDER BY id')).map(({ id }) => id);

  describe('hard delete and the columns of the table', () => {
    it('the column that says deleted may differ in case from the table’s', async () => {
      await house().load({ columns: flagged('boolean'), config, rows: [row(1, 1, false), row(2, 1, false)] });
      await house().load({
        columns: flagged('boolean', 'Gone'),
        config: { hardDelete: 'Gone' },
        rows: [{ id: 1, version: 2, Gone: true }],
      });
      expect(await ids()).toEqual(['2']);
    });

    it('the column that says deleted deletes though the table does not get it', async () => {
      await house().load({ columns, rows: [row(1, 1), row(2, 1)] });
      await house().load({
        columns: flagged('boolean'),
        config: { ...config, contract: { ...defaultContract, newColumns: 'discard' } },
        rows: [row(1, 2, true), row(2, 2, false)],
      });
      expect(await ids()).toEqual(['2']);
    });

    it('false in a column that the table has as text deletes nothing', async () => {
      await house().load({ columns: flagged('string'), rows: [row(1, 1, 'no'), row(2, 1, 'no')] });
      for (const [version, clashingColumns] of [
        [2, 'evolve'],
        [3, 'quarantine'],
        [4, 'discard'],
      ] as const) {
        await house().load({
          columns: flagged('boolean'),
          config: { ...config, contract: { ...defaultContract, clashingColumns } },
          rows: [row(1, version, false), row(2, version, false)],
        });
        expect(await ids()).toEqual(['1', '2']);
      }
      await house().load({ columns: flagged('boolean'), config, rows: [row(1, 5, true)] });
      expect(await ids()).toEqual(['2']);
    });

    it('a column that the rows do not have is refused, and nothing is loaded', async () => {
      const wrong = { columns: flagged('boolean'), config: { hardDelete: 'gonne' }, rows: [row(1, 1, true)] };
      await expect(house().load(wrong)).rejects.toMatchObject({
        code: 'CONTRACT_BROKEN',
        message: expect.stringContaining('"gonne"'),
      });
    });
  });

  describe('delete-insert', () => {
    const byDay = [column('day', 'string'), ...columns];
    const grouped: Partial<LoadConfig> = { strategy: 'delete-insert', mergeKey: ['day'] };

    it('delete-insert: a deletion that is older than a row of its key, or has no key, takes nothing away', async () => {
      const rows = [
        { day: 'mon', id: 1, version: 5 },
        { day: 'mon', id: 2, version: 5 },
      ];
      await house().load({ columns: byDay, config: grouped, rows });
      const deletes = [
        { id: 1, version: 4 },
        { id: 2, version: 6 },
      ];
      const { counts } = await house().load({ columns: byDay, config: grouped, rows: [], deletes });
      expect(counts).toMatchObject({ loaded: 1, superseded: 1 });
      expect(await ids()).toEqual(['1']);
      const keyless = { ...grouped, key: [] };
      const idle = await house().load({
        columns: byDay,
        config: keyless,
        rows: [],
        deletes: [{ version: 9 }],
      });
      expect(idle.counts).toMatchObject({ loaded: 0, unchanged: 1 });
      expect(await ids()).toEqual(['1']);
    });

    it('delete-insert: a group without versions does not replace one that has them', async () => {
      await house().load({ columns: byDay, config: grouped, rows: [{ day: 'mon', id: 1, version: 5 }] });
      const { counts } = await house().load({
        columns: byDay,
        config: grouped,
        rows: [{ day: 'mon', id: 2, version: null }],
      });
      expect(counts).toMatchObject({ loaded: 0, superseded: 1 });
      expect(await ids()).toEqual(['1']);
    });
  });

  it('scd2: a deletion at the version of a row ends that version, in whatever order they come', async () => {
    const history: Partial<LoadConfig> = { strategy: 'scd2' };
    const gone = (id: number) => ({ id, version: 1 });
    await house().load({ columns, config: history, rows: [row(1, 1)] });
    await house().load({ columns, config: history, rows: [row(2, 1)], deletes: [gone(1), gone(2), gone(3)] });
    await house().load({ columns, config: history, rows: [row(3, 1), row(4, 1)] });
    expect(await house().rows('SELECT id, _millrace_is_current AS c FROM items ORDER BY id')).toEqual([
      { id: '1', c: false },
      { id: '2', c: false },
      { id: '3', c: false },
      { id: '4', c: true },
    ]);
  });

  it('a version that would become text is refused, since late data would win', async () => {
    const text = [column('id', 'int64'), column('version', 'string')];
    await house().load({ columns, rows: [row(1, 10)] });
    for (const clashingColumns of ['evolve', 'freeze'] as const)
      await expect(
        house().load({
          columns: text,
          config: { contract: { ...defaultContract, clashingColumns } },
          rows: [{ id: 1, version: '9' }],
        }),
      ).rejects.toMatchObject({ code: 'CONTRACT_BROKEN' });
    const late = await house().load({ columns: text, rows: [{ id: 1, version: '9' }] });
    expect(late.counts).toMatchObject({ superseded: 1 });
  });
}
