import { describe, expect } from '@jest/globals';
import type { CombinationRequest } from '../../../connectors/warehouse.js';
import { column } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

/** What `combinations` reads of a table. */
export function combiningContract({ house, it }: Contract): void {
  describe('combinations', () => {
    it('of values come once each, as text, with their first and last instants', async () => {
      const columns = [
        column('id', 'int64'),
        column('version', 'int64'),
        column('user_id', 'string'),
        column('shop', 'int64'),
        column('seen', 'timestamp'),
      ];
      const row = (id: number, user_id: string | null, shop: string, seen: string | null) => ({
        ...{ id, version: 1, user_id, shop, seen },
      });
      const beyondDoubles = '9007199254740993';
      await house().load({
        columns,
        rows: [
          row(1, 'ana', beyondDoubles, '2026-01-02 08:00:00.250000'),
          row(2, 'ana', beyondDoubles, '2026-01-01 08:00:00'),
          row(3, null, '2', '2026-01-03 00:00:00'),
          row(4, 'bo', '2', null),
        ],
      });
      const { warehouse } = house();
      const request = { table: 'items', columns: ['user_id', 'shop'], maxRows: 10 };
      const read = async (asked: CombinationRequest) => {
        const rows: string[] = [];
        for await (const some of warehouse.combinations(asked)) rows.push(...some.map(String));
        return rows.sort();
      };
      expect(await read({ ...request, at: 'seen' })).toEqual([
        ',2,2026-01-03 00:00:00,2026-01-03 00:00:00',
        `ana,${beyondDoubles},2026-01-01 08:00:00,2026-01-02 08:00:00.25`,
      ]);
      expect(await read(request)).toEqual([',2', `ana,${beyondDoubles}`, 'bo,2']);
      expect(await read({ ...request, maxRows: 1 })).toHaveLength(2);
      const ofTwo = { column: 'user_id', values: ['bo', 'ana', 'nobody'] };
      expect(await read({ ...request, columns: ['id'], within: ofTwo })).toEqual(['1', '2', '4']);
      expect(await read({ ...request, within: { column: 'user_id', values: [] } })).toEqual([]);
      // Whoever reads no further is in nobody's way: a new table is made as ever.
      for await (const rows of warehouse.combinations(request)) if (rows.length > 0) break;
      await house().load({ columns, rows: [row(1, 'ana', '1', null)], config: { into: 'further' } });
    });

    it('leave out what another table names, and a tally counts', async () => {
      const own = [column('id', 'int64'), column('version', 'int64'), column('tag', 'string')];
      const row = (id: number, tag: string | null) => ({ id, version: id * 2, tag });
      await house().load({ columns: own, rows: [row(1, 'a'), row(2, 'b'), row(3, null)] });
      const noted = [
        { id: 1, version: 1, tag: 'a', owner: 'first' },
        { id: 2, version: 1, tag: 'b', owner: 'second' },
      ];
      await house().load({
        columns: [...own, column('owner', 'string')],
        rows: noted,
        config: { into: 'noted' },
      });
      const { warehouse } = house();
      const except = {
        column: 'tag',
        from: 'noted',
        fromColumn: 'tag',
        having: { column: 'owner', value: 'second' },
      };
      const ids: unknown[] = [];
      for await (const rows of warehouse.combinations({
        table: 'items',
        columns: ['id'],
        except,
        maxRows: 9,
      }))
        ids.push(...rows.flat());
      expect(ids.sort()).toEqual(['1', '3']);
      expect(await warehouse.tally('items', 'version')).toEqual({ rows: 3, greatest: 6 });
      expect(await warehouse.tally('nowhere', 'version')).toEqual({ rows: 0, greatest: 0 });
    });
  });
}
