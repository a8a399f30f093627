import { describe, expect } from '@jest/globals';
import { column, type Batch } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

const columns = [column('id', 'int64'), column('version', 'int64'), column('value', 'string')];
const row = (id: number, version: number, value: string) => ({ id, version, value });
const day = (number: number) => ({
  start: `2026-01-0${String(number)}T00:00:00.000Z`,
  end: `2026-01-0${String(number + 1)}T00:00:00.000Z`,
});

/** A table beside what its source holds. */
export function comparingContract({ house, it }: Contract): void {
  const compare = async (source: Omit<Batch, 'columns'>) => {
    const { config, manifest } = await house().request({ columns, ...source });
    return house().warehouse.compare({
      config,
      manifest,
      keyNames: [['id']],
      maxSamples: 5,
      ...(source.interval && { interval: source.interval }),
    });
  };

  describe('comparing', () => {
    it('a table that holds what the source holds is clean, deletions and older versions included', async () => {
      await house().load({ columns, rows: [row(1, 1, 'a'), row(2, 1, 'b')] });
      await house().load({ columns, rows: [row(1, 2, 'a2')], deletes: [{ id: 2, version: 2 }] });
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

    it('names what is missing, what is extra and what has other content', async () => {
      await house().load({ columns, rows: [row(1, 1, 'a'), row(2, 1, 'b'), row(3, 1, 'c')] });
      expect(await compare({ rows: [row(1, 1, 'a'), row(2, 1, 'other'), row(4, 1, 'd')] })).toMatchObject({
        missing: 1,
        extra: 1,
        changed: 1,
        samples: { missing: ['["4"]'], extra: ['["3"]'], changed: ['["2"]'] },
      });
    });

    it('a table that was never loaded lacks everything', async () => {
      expect(await compare({ rows: [row(1, 1, 'a')] })).toMatchObject({ missing: 1, extra: 0, changed: 0 });
    });

    it('a record in quarantine is no difference', async () => {
      const raw = '{"id":2,"value":7}';
      await house().load({
        columns,
        rows: [row(1, 1, 'a')],
        rejects: [{ code: 'RECORD_INVALID', pointer: '/value', message: 'no', raw, position: 1 }],
      });
      expect(await compare({ rows: [row(1, 1, 'a'), row(2, 1, 'b')] })).toMatchObject({
        missing: 0,
        extra: 0,
        changed: 0,
      });
    });

    it('without a key, rows are compared as often as they occur', async () => {
      const config = { disposition: 'append', key: [], version: [] } as const;
      await house().load({ columns, config, rows: [row(1, 1, 'a'), row(1, 1, 'a')] });
      expect(await compare({ config, rows: [row(1, 1, 'a'), row(2, 1, 'b')] })).toMatchObject({
        missing: 1,
        extra: 1,
      });
    });

    it('for one interval, rows of other intervals are not extra', async () => {
      await house().load({ columns, interval: day(1), rows: [row(1, 1, 'a')] });
      await house().load({ columns, interval: day(2), rows: [row(2, 1, 'b'), row(3, 1, 'c')] });
      expect(await compare({ interval: day(2), rows: [row(2, 1, 'b')] })).toMatchObject({
        missing: 0,
        extra: 1,
        samples: { extra: ['["3"]'] },
      });
    });
  });
}
