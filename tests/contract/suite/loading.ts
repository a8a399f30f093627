import { describe, expect, test } from '@jest/globals';
import { cursorOfTask } from '../../../core/loading/manifest.js';
import { column, type TestWarehouse } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

const columns = [column('id', 'int64'), column('version', 'int64'), column('value', 'string')];
const row = (id: number, version: number, value: string | null) => ({ id, version, value });
const items = (house: TestWarehouse) =>
  house.rows('SELECT id, version, value FROM items ORDER BY id, version');

/** Merge, append, replace, markers, fences, quarantine. */
export function loadingContract({ house, it }: Contract): void {
  describe('merge', () => {
    it('keeps the greatest version of a key within a batch and against the stored row', async () => {
      const first = await house().load({
        columns,
        rows: [row(1, 1, 'a'), row(1, 3, 'c'), row(1, 2, 'b')],
      });
      expect(first.counts).toMatchObject({ extracted: 3, loaded: 1, superseded: 2 });
      const late = await house().load({ columns, rows: [row(1, 2, 'late'), row(2, 1, 'new')] });
      expect(late.counts).toMatchObject({ extracted: 2, loaded: 1, superseded: 1 });
      expect(await items(house())).toEqual([
        { id: '1', version: '3', value: 'c' },
        { id: '2', version: '1', value: 'new' },
      ]);
    });

    it('calls a row with the same version and content unchanged', async () => {
      await house().load({ columns, rows: [row(1, 1, 'a')] });
      const again = await house().load({ columns, rows: [row(1, 1, 'a'), row(9, 1, 'z')] });
      expect(again.counts).toMatchObject({ loaded: 1, unchanged: 1, superseded: 0 });
    });

    it('of two contents of one version, the one extracted later stays', async () => {
      await house().load({ columns, rows: [row(1, 1, 'a'), row(2, 1, 'b')] });
      const again = await house().load({
        columns,
        rows: [row(1, 1, 'a'), row(2, 1, 'other'), row(3, 1, 'c')],
      });
      expect(again.counts).toMatchObject({ loaded: 2, unchanged: 1, superseded: 0 });
      expect(await items(house())).toEqual([
        { id: '1', version: '1', value: 'a' },
        { id: '2', version: '1', value: 'other' },
        { id: '3', version: '1', value: 'c' },
      ]);
    });

    for (const disposition of ['append', 'replace'] as const) {
      it(`counts deletions of the source as unchanged with ${disposition}, where no row waits for them`, async () => {
        const { counts } = await house().load({
          columns,
          config: { disposition, key: [], version: [] },
          rows: [row(1, 1, 'a'), row(2, 1, 'b')],
          deletes: [{ id: 3, version: 5 }],
        });
        expect(counts).toMatchObject({ extracted: 3, loaded: 2, unchanged: 1 });
        expect(await house().rows('SELECT id FROM items ORDER BY id')).toEqual([{ id: '1' }, { id: '2' }]);
      });
    }

    it('does not let an older insert revive a deleted row; a newer one does', async () => {
      await house().load({ columns, rows: [row(1, 1, 'a'), row(2, 1, 'b')] });
      await house().load({ columns, rows: [], deletes: [{ id: 1, version: 5 }] });
      expect(await items(house())).toEqual([{ id: '2', version: '1', value: 'b' }]);
      const late = await house().load({ columns, rows: [row(1, 4, 'late')] });
      expect(late.counts).toMatchObject({ superseded: 1, loaded: 0 });
      await house().load({ columns, rows: [row(1, 6, 'back')] });
      expect(await items(house())).toEqual([
        { id: '1', version: '6', value: 'back' },
        { id: '2', version: '1', value: 'b' },
      ]);
    });

    it('sets a column to NULL that a newer version of the row lacks', async () => {
      await house().load({ columns, rows: [row(1, 1, 'a')] });
      await house().load({ columns: columns.slice(0, 2), rows: [{ id: 1, version: 2 }] });
      expect(await items(house())).toEqual([{ id: '1', version: '2', value: null }]);
    });

    it('orders by several version columns, NULL first', async () => {
      const two = [column('id', 'int64'), column('major', 'int64'), column('minor', 'int64')];
      const config = { version: ['major', 'minor'] };
      await house().load({ columns: two, config, rows: [{ id: 1, major: 1, minor: null }] });
      await house().load({ columns: two, config, rows: [{ id: 1, major: 1, minor: 2 }] });
      await house().load({ columns: two, config, rows: [{ id: 1, major: 1, minor: 1 }] });
      expect(await house().rows('SELECT major, minor FROM items')).toEqual([{ major: '1', minor: '2' }]);
    });

    it('puts a null key into quarantine and loads the rest', async () => {
      const { counts } = await house().load({
        columns,
        rows: [{ id: null, version: 1, value: 'x' }, row(1, 1, 'a')],
      });
      expect(counts).toMatchObject({ loaded: 1, quarantined: 1 });
      expect(await house().rows('SELECT code, pointer FROM _millrace_quarantine')).toEqual([
        { code: 'KEY_NULL', pointer: '/id' },
      ]);
    });
  });

  describe('append and replace', () => {
    const append = { disposition: 'append', key: [], version: [] } as const;

    it('append adds every row', async () => {
      await house().load({ columns, config: append, rows: [row(1, 1, 'a'), row(1, 1, 'a')] });
      await house().load({ columns, config: append, rows: [row(1, 1, 'b')] });
      expect(await items(house())).toHaveLength(3);
    });

    test.each(['truncate-insert', 'staged-swap'] as const)(
      'replace leaves the rows of the last load only: %s',
      async (strategy) => {
        const config = { disposition: 'replace', strategy, key: [], version: [] } as const;
        await house().load({ columns, config, rows: [row(1, 1, 'a'), row(2, 1, 'b')] });
        const { counts } = await house().load({ columns, config, rows: [row(3, 1, 'c')] });
        expect(counts).toMatchObject({ extracted: 1, loaded: 1 });
        expect(await items(house())).toEqual([{ id: '3', version: '1', value: 'c' }]);
        await house().load({ columns, config, rows: [] });
        expect(await items(house())).toEqual([]);
      },
    );
  });

  describe('marker and fence', () => {
    it('the same load again changes nothing and returns the first marker', async () => {
      const request = await house().request({
        columns,
        config: { disposition: 'append', key: [], version: [] },
        rows: [row(1, 1, 'a')],
      });
      const first = await house().warehouse.load(request);
      const fence = await house().warehouse.claimFence('items', '-');
      expect(await house().warehouse.load({ ...request, fence })).toEqual(first);
      expect(await items(house())).toHaveLength(1);
      expect(await house().warehouse.findLoad(request.loadId)).toEqual(first);
    });

    it('a writer with a stale fence is refused and leaves nothing', async () => {
      const rejects = [{ code: 'RECORD_INVALID', pointer: '/id', message: 'no', raw: '{}', position: 0 }];
      const stale = await house().request({ columns, rows: [row(1, 1, 'stale')], rejects });
      const fresh = await house().request({ columns, rows: [row(2, 1, 'fresh')] });
      await house().warehouse.load(fresh);
      await expect(house().warehouse.load(stale)).rejects.toMatchObject({
        code: 'STALE_FENCE',
        retryable: false,
      });
      expect(await items(house())).toEqual([{ id: '2', version: '1', value: 'fresh' }]);
      expect(await house().rows('SELECT count(*) AS n FROM _millrace_loads')).toEqual([{ n: '1' }]);
      expect(await house().rows('SELECT count(*) AS n FROM _millrace_quarantine')).toEqual([{ n: '0' }]);
    });

    it('a stale append and a stale replace leave the table as it is', async () => {
      for (const disposition of ['append', 'replace'] as const) {
        const config = { disposition, key: [], version: [] };
        const stale = await house().request({ columns, config, rows: [row(9, 9, disposition)] });
        await house().load({ columns, config, rows: [row(1, 1, disposition)] });
        await expect(house().warehouse.load(stale)).rejects.toMatchObject({ code: 'STALE_FENCE' });
        expect(await house().rows('SELECT count(*) AS n FROM items WHERE id = 9')).toEqual([{ n: '0' }]);
      }
    });

    it('the cursor is read from the last marker', async () => {
      expect(await house().warehouse.latestCursor('test', 'pull')).toBeUndefined();
      await house().load({ columns, rows: [row(1, 1, 'a')], cursor: '2026-01-01T00:00:00Z' });
      await house().load({ columns, rows: [row(2, 1, 'a')], cursor: '2026-01-02T00:00:00Z' });
      expect(await house().warehouse.latestCursor('test', 'pull')).toEqual({
        taskId: 'pull',
        value: '2026-01-02T00:00:00Z',
      });
      expect(await house().warehouse.latestCursor('test', 'other')).toBeUndefined();
    });

    it('of several loads the slowest holds the cursor back; one that is no more does not', async () => {
      const cursors = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', '2026-01-03T00:00:00Z'];
      const load = async (taskId: string, id: number) => {
        const request = await house().request({
          columns,
          rows: [row(id, id, taskId)],
          ...(cursors[id] === undefined ? {} : { cursor: cursors[id] }),
        });
        await house().warehouse.load({ ...request, taskId });
      };
      const latest = async (loads?: readonly string[]) =>
        cursorOfTask(await house().warehouse.latestCursor('test', 'pull', loads), 'pull');
      await load('removed', 0);
      // A load that was renamed goes on where it was under its former name.
      expect(await latest(['renamed'])).toBe(cursors[0]);
      await load('renamed', 2);
      await load('slow', 1);
      expect(await latest(['renamed'])).toBe(cursors[2]);
      expect(await latest(['renamed', 'slow'])).toBe(cursors[1]);
      expect(await latest()).toBe(cursors[0]);
    });

    it('counts that do not add up stop the load', async () => {
      const request = await house().request({ columns, rows: [row(1, 1, 'a')] });
      const { manifest } = request;
      const broken = { ...request, manifest: { ...manifest, counts: { ...manifest.counts, extracted: 2 } } };
      await expect(house().warehouse.load(broken)).rejects.toMatchObject({ code: 'COUNT_MISMATCH' });
      expect(await house().rows('SELECT count(*) AS n FROM _millrace_loads')).toEqual([{ n: '0' }]);
    });

    it('a load without rows is a committed marker', async () => {
      const marker = await house().load({ columns, rows: [], cursor: 'c' });
      expect(marker.counts).toMatchObject({ extracted: 0, loaded: 0 });
      expect(await items(house())).toEqual([]);
    });
  });

  describe('quarantine', () => {
    const reject = (position: number) => ({
      code: 'RECORD_INVALID',
      pointer: '/id',
      message: 'is "no" number; DROP TABLE items',
      raw: `{"id":"x${String(position)}'; DROP TABLE items; --"}`,
      position,
    });

    it('keeps reason, place and original text, once', async () => {
      const request = await house().request({
        columns,
        rows: [row(1, 1, 'a')],
        rejects: [reject(1), reject(2)],
      });
      const marker = await house().warehouse.load(request);
      await house().warehouse.load(request);
      expect(marker.counts).toMatchObject({ extracted: 3, loaded: 1, quarantined: 2 });
      const rows = await house().rows(
        'SELECT quarantine_id, code, pointer, message, raw, status FROM _millrace_quarantine ORDER BY position',
      );
      expect(rows).toMatchObject([
        { code: 'RECORD_INVALID', pointer: '/id', raw: reject(1).raw, status: 'open' },
        { message: reject(2).message, raw: reject(2).raw },
      ]);
      const ids = rows.map((found) => String(found['quarantine_id']));
      expect(await house().warehouse.quarantinedRows([ids[1] ?? '', ids[0] ?? ''])).toEqual([
        reject(2).raw,
        reject(1).raw,
      ]);
    });

    it('a replay settles its rows in the same transaction', async () => {
      await house().load({ columns, rows: [], rejects: [reject(1)] });
      const [found] = await house().rows('SELECT quarantine_id FROM _millrace_quarantine');
      await house().load({
        columns,
        rows: [row(7, 1, 'fixed')],
        settles: [String(found?.['quarantine_id'])],
      });
      expect(
        await house().rows('SELECT status, settled_by_load IS NOT NULL AS settled FROM _millrace_quarantine'),
      ).toEqual([{ status: 'replayed', settled: true }]);
    });
  });

  describe('reading', () => {
    it('a query that does not only read is refused', async () => {
      await house().load({ columns, rows: [row(1, 1, 'a')] });
      for (const sql of [
        'DELETE FROM items',
        'SELECT 1; DROP TABLE items',
        'DROP TABLE items',
        'INSERT INTO items (id) SELECT 2',
        'SELECT nothing FROM nowhere',
      ])
        await expect(house().warehouse.query(sql, 10)).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
      expect(await items(house())).toHaveLength(1);
    });

    it('a result longer than asked says so', async () => {
      await house().load({ columns, rows: [row(1, 1, 'a'), row(2, 1, 'b'), row(3, 1, 'c')] });
      const result = await house().warehouse.query('SELECT id FROM items ORDER BY id', 2);
      expect(result).toMatchObject({ columns: ['id'], rows: [{ id: '1' }, { id: '2' }], truncated: true });
      expect((await house().warehouse.query('SELECT id FROM items', 3)).truncated).toBe(false);
    });
  });
}
