import { describe, expect } from '@jest/globals';
import { isPipelineError } from '../../../core/errors/index.js';
import type { LoadMarker, LoadRequest, Warehouse } from '../../../connectors/warehouse.js';
import { column, type TestWarehouse } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

const columns = [column('id', 'int64'), column('version', 'int64'), column('value', 'string')];
const row = (id: number, version: number, value: string) => ({ id, version, value });
const day = (number: number) => ({
  start: `2026-01-0${String(number)}T00:00:00.000Z`,
  end: `2026-01-0${String(number + 1)}T00:00:00.000Z`,
});

/** Tries again as Temporal does: retryable errors only, each try with a fence of its own. */
export async function withRetries(warehouse: Warehouse, request: LoadRequest): Promise<LoadMarker> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await warehouse.load(request);
    } catch (error) {
      if (!isPipelineError(error) || !error.retryable || attempt === 12) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20 * attempt));
      const key = request.interval === undefined ? '-' : `${request.interval.start}/${request.interval.end}`;
      request = { ...request, fence: await warehouse.claimFence(request.config.into, key) };
    }
  }
}

/** Several workers at one table. */
export function workerContract({ house, it }: Contract): void {
  const otherWorkers = async (test: TestWarehouse, count: number): Promise<Warehouse[]> => {
    if (!test.warehouse.capabilities.isShared) return Array.from({ length: count }, () => test.warehouse);
    const others = Array.from({ length: count }, () => test.create());
    for (const other of others) await other.open();
    return others;
  };
  const end = async (test: TestWarehouse, others: readonly Warehouse[]) => {
    if (test.warehouse.capabilities.isShared) for (const other of others) await other.close();
  };

  describe('workers', () => {
    it('loads of one table at once, by several workers, all arrive', async () => {
      const others = await otherWorkers(house(), 2);
      const requests = [];
      for (const number of [1, 2, 3, 4])
        requests.push(await house().request({ columns, interval: day(number), rows: [row(number, 1, 'x')] }));
      await Promise.all(
        requests.map((request, index) => withRetries(others[index % 2] ?? house().warehouse, request)),
      );
      await end(house(), others);
      expect(await house().rows('SELECT id FROM items ORDER BY id')).toEqual(
        ['1', '2', '3', '4'].map((id) => ({ id })),
      );
      expect(await house().rows('SELECT count(*) AS n FROM _millrace_loads')).toEqual([{ n: '4' }]);
    });

    it('the same load delivered twice, to two workers at once, happens once', async () => {
      await house().load({ columns, interval: day(1), rows: [row(9, 1, 'before')] });
      const others = await otherWorkers(house(), 2);
      const request = await house().request({
        columns,
        config: { disposition: 'append', key: [], version: [] },
        rows: [row(1, 1, 'a'), row(2, 1, 'b')],
      });
      const markers = await Promise.all(others.map((other) => withRetries(other, request)));
      await end(house(), others);
      expect(new Set(markers.map(({ loadId }) => loadId)).size).toBe(1);
      expect(await house().rows('SELECT count(*) AS n FROM items')).toEqual([{ n: '3' }]);
      expect(
        await house().rows(`SELECT count(*) AS n FROM _millrace_loads WHERE load_id = '${request.loadId}'`),
      ).toEqual([{ n: '1' }]);
    });

    it('of two workers at one interval, the one that claimed last holds it', async () => {
      const [first = house().warehouse, second = house().warehouse] = await otherWorkers(house(), 2);
      const early = await house().request({ columns, rows: [row(1, 1, 'early')] });
      const fence = await second.claimFence('items', '-');
      const late = { ...(await house().request({ columns, rows: [row(1, 2, 'late')], fence: 0 })), fence };
      await expect(first.load(early)).rejects.toMatchObject({ code: 'STALE_FENCE' });
      await second.load(late);
      await expect(first.load(early)).rejects.toMatchObject({ code: 'STALE_FENCE' });
      await end(house(), [first, second]);
      expect(await house().rows('SELECT value FROM items')).toEqual([{ value: 'late' }]);
    });
  });
}
