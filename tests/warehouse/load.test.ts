import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { connectDuckDb, type RebuildReport } from '../../connectors/duckdb/index.js';
import { temporaryFolder } from '../helpers/folder.js';
import { column, TestWarehouse } from '../helpers/warehouse.js';

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
const items = () => house.rows('SELECT id, version, value FROM items ORDER BY id, version');

describe('merge', () => {
  test('keeps the greatest version of a key within a batch and against the stored row', async () => {
    const first = await house.load({ columns, rows: [row(1, 1, 'a'), row(1, 3, 'c'), row(1, 2, 'b')] });
    expect(first.counts).toMatchObject({ extracted: 3, loaded: 1, superseded: 2 });
    const late = await house.load({ columns, rows: [row(1, 2, 'late'), row(2, 1, 'new')] });
    expect(late.counts).toMatchObject({ extracted: 2, loaded: 1, superseded: 1 });
    expect(await items()).toEqual([
      { id: '1', version: '3', value: 'c' },
      { id: '2', version: '1', value: 'new' },
    ]);
  });

  test('a row with the same version and content is unchanged', async () => {
    await house.load({ columns, rows: [row(1, 1, 'a')] });
    const again = await house.load({ columns, rows: [row(1, 1, 'a'), row(9, 1, 'z')] });
    expect(again.counts).toMatchObject({ loaded: 1, unchanged: 1, superseded: 0 });
  });

  test('an older insert does not revive a deleted row, a newer one does', async () => {
    await house.load({ columns, rows: [row(1, 1, 'a')] });
    await house.load({ columns, rows: [], deletes: [{ id: 1, version: 5 }] });
    expect(await items()).toEqual([]);
    const late = await house.load({ columns, rows: [row(1, 4, 'late')] });
    expect(late.counts).toMatchObject({ superseded: 1, loaded: 0 });
    expect(await items()).toEqual([]);
    await house.load({ columns, rows: [row(1, 6, 'back')] });
    expect(await items()).toEqual([{ id: '1', version: '6', value: 'back' }]);
  });

  test('a column called rowid is one like any other, with several rows of one value and without one', async () => {
    const named = [...columns, column('rowid', 'string')];
    const place = (id: number, version: number, rowid: string | null) => ({
      ...row(id, version, 'a'),
      rowid,
    });
    await house.load({ columns: named, rows: [place(1, 1, 'same'), place(2, 2, 'same'), place(3, 1, null)] });
    const { counts } = await house.load({
      columns: named,
      rows: [
        place(1, 2, 'two'),
        place(2, 1, 'two'),
        place(3, 2, null),
        place(4, 1, 'two'),
        place(5, 1, null),
      ],
    });
    expect(counts).toMatchObject({ loaded: 4, unchanged: 0, superseded: 1 });
    expect(await house.rows('SELECT id, version, rowid FROM items ORDER BY id')).toEqual([
      { id: '1', version: '2', rowid: 'two' },
      { id: '2', version: '2', rowid: 'same' },
      { id: '3', version: '2', rowid: null },
      { id: '4', version: '1', rowid: 'two' },
      { id: '5', version: '1', rowid: null },
    ]);
  });

  test('ids beyond 2^53, money and microseconds arrive to the digit', async () => {
    const exact = [column('id', 'int64'), column('version', 'timestamp'), column('price', 'decimal', 38, 9)];
    await house.load({
      columns: exact,
      rows: [
        {
          id: '820982911946154508',
          version: '2026-02-01 10:00:00.123456',
          price: '12345678901234567890.123456789',
        },
      ],
    });
    expect(
      await house.rows(
        'SELECT id::VARCHAR AS id, version::VARCHAR AS version, price::VARCHAR AS price FROM items',
      ),
    ).toEqual([
      {
        id: '820982911946154508',
        version: '2026-02-01 10:00:00.123456',
        price: '12345678901234567890.123456789',
      },
    ]);
  });

  test('a null key goes to quarantine and the rest loads', async () => {
    const { counts } = await house.load({
      columns,
      rows: [{ id: null, version: 1, value: 'x' }, row(1, 1, 'a')],
    });
    expect(counts).toMatchObject({ loaded: 1, quarantined: 1 });
    expect(await house.rows('SELECT code, pointer FROM _millrace_quarantine')).toEqual([
      { code: 'KEY_NULL', pointer: '/id' },
    ]);
  });
});

describe('append and replace', () => {
  test('append adds every row', async () => {
    const config = { disposition: 'append', key: [], version: [] } as const;
    await house.load({ columns, config, rows: [row(1, 1, 'a'), row(1, 1, 'a')] });
    await house.load({ columns, config, rows: [row(1, 1, 'b')] });
    expect(await items()).toHaveLength(3);
  });

  test('replace leaves the rows of the last load only', async () => {
    const config = { disposition: 'replace', key: [], version: [] } as const;
    await house.load({ columns, config, rows: [row(1, 1, 'a'), row(2, 1, 'b')] });
    await house.load({ columns, config, rows: [row(3, 1, 'c')] });
    expect(await items()).toEqual([{ id: '3', version: '1', value: 'c' }]);
  });
});

describe('marker and fence', () => {
  test('the same load again changes nothing and returns the first marker', async () => {
    const request = await house.request({
      columns,
      config: { disposition: 'append', key: [], version: [] },
      rows: [row(1, 1, 'a')],
    });
    const first = await house.warehouse.load(request);
    const second = await house.warehouse.load({
      ...request,
      fence: await house.warehouse.claimFence('items', '-'),
    });
    expect(second).toEqual(first);
    expect(await items()).toHaveLength(1);
  });

  test('a writer with a stale fence is refused and leaves nothing', async () => {
    const stale = await house.request({ columns, rows: [row(1, 1, 'stale')] });
    const fresh = await house.request({ columns, rows: [row(2, 1, 'fresh')] });
    await house.warehouse.load(fresh);
    await expect(house.warehouse.load(stale)).rejects.toMatchObject({
      code: 'STALE_FENCE',
      retryable: false,
    });
    expect(await items()).toEqual([{ id: '2', version: '1', value: 'fresh' }]);
    expect(await house.rows('SELECT count(*) AS n FROM _millrace_loads')).toEqual([{ n: '1' }]);
  });

  test('two loads of one table at once both arrive, one after the other', async () => {
    const day = (number: number) => ({
      start: `2026-01-0${String(number)}T00:00:00.000Z`,
      end: `2026-01-0${String(number + 1)}T00:00:00.000Z`,
    });
    await Promise.all(
      [1, 2, 3, 4, 5].map((number) =>
        house.load({ columns, interval: day(number), rows: [row(number, 1, 'x')] }),
      ),
    );
    expect(await items()).toHaveLength(5);
  });

  test('the cursor is read from the last marker', async () => {
    expect(await house.warehouse.latestCursor('test', 'pull')).toBeUndefined();
    await house.load({ columns, rows: [row(1, 1, 'a')], cursor: '2026-01-01T00:00:00Z' });
    await house.load({ columns, rows: [row(2, 1, 'a')], cursor: '2026-01-02T00:00:00Z' });
    expect(await house.warehouse.latestCursor('test', 'pull')).toEqual({
      taskId: 'pull',
      value: '2026-01-02T00:00:00Z',
    });
    expect(await house.warehouse.latestCursor('test', 'other')).toBeUndefined();
  });

  test('counts that do not add up stop the load', async () => {
    const request = await house.request({ columns, rows: [row(1, 1, 'a')] });
    const broken = {
      ...request,
      manifest: { ...request.manifest, counts: { ...request.manifest.counts, extracted: 2 } },
    };
    await expect(house.warehouse.load(broken)).rejects.toMatchObject({ code: 'COUNT_MISMATCH' });
    expect(await house.rows('SELECT count(*) AS n FROM _millrace_loads')).toEqual([{ n: '0' }]);
  });
});

describe('the file', () => {
  test('one that does not open is set aside and made again from staging', async () => {
    await house.load({ columns, rows: [row(1, 1, 'a'), row(2, 1, 'b')], cursor: 'c1' });
    await house.load({ columns, rows: [row(1, 2, 'newer')], deletes: [{ id: 2, version: 9 }] });
    const before = await items();
    await house.warehouse.close();
    writeFileSync(house.path, 'this is no database');
    let report: RebuildReport | undefined;
    await house.reopen({ onRebuilt: (made) => (report = made) });
    expect(await items()).toEqual(before);
    expect(await house.warehouse.latestCursor('test', 'pull')).toEqual({ taskId: 'pull', value: 'c1' });
    expect(report).toMatchObject({ loads: 2, lost: [] });
    expect(readdirSync(dirname(house.path)).filter((name) => name.includes('.broken-'))).toHaveLength(1);
  });

  test('others read through the process that holds it, and cannot write', async () => {
    await house.load({ columns, rows: [row(1, 1, 'a')] });
    const reader = await connectDuckDb({ path: house.path });
    expect((await reader.query('SELECT value FROM items', 10)).rows).toEqual([{ value: 'a' }]);
    for (const sql of [
      'DELETE FROM items',
      'SELECT 1; DROP TABLE items',
      "COPY items TO 'x.csv'",
      "ATTACH 'other.db'",
    ]) {
      await expect(reader.query(sql, 10)).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
    }
    expect(await items()).toHaveLength(1);
    await reader.close();
  });

  test('a result longer than asked says so', async () => {
    const result = await house.warehouse.query('SELECT * FROM range(10)', 3);
    expect(result.rows).toHaveLength(3);
    expect(result.truncated).toBe(true);
    expect((await house.warehouse.query('SELECT * FROM range(3)', 3)).truncated).toBe(false);
  });

  test('a query that fails midway is an error, not a shorter result', async () => {
    const sql = `SELECT CASE WHEN i = 500000 THEN error('odd row') ELSE i END AS i FROM range(1000000) t(i)`;
    await expect(house.warehouse.query(`${sql} -- all of it`, 2_000_000)).rejects.toThrow(/odd row/);
    expect((await house.warehouse.query('EXPLAIN SELECT 1;', 10)).rows).toHaveLength(1);
  });
});

describe('quarantine', () => {
  const reject = (position: number) => ({
    code: 'RECORD_INVALID',
    pointer: '/id',
    message: 'is no number',
    raw: `{"id":"x${String(position)}"}`,
    position,
  });

  test('keeps reason, place and original text, once', async () => {
    const request = await house.request({ columns, rows: [row(1, 1, 'a')], rejects: [reject(1), reject(2)] });
    const marker = await house.warehouse.load(request);
    await house.warehouse.load(request);
    expect(marker.counts).toMatchObject({ extracted: 3, loaded: 1, quarantined: 2 });
    const rows = await house.rows(
      'SELECT quarantine_id, code, pointer, raw, status FROM _millrace_quarantine ORDER BY position',
    );
    expect(rows).toMatchObject([
      { code: 'RECORD_INVALID', pointer: '/id', raw: '{"id":"x1"}', status: 'open' },
      { raw: '{"id":"x2"}' },
    ]);
    expect(
      await house.warehouse.quarantinedRows(rows.map((found) => String(found['quarantine_id']))),
    ).toEqual(['{"id":"x1"}', '{"id":"x2"}']);
  });

  test('a replay settles its rows in the same transaction', async () => {
    await house.load({ columns, rows: [], rejects: [reject(1)] });
    const [found] = await house.rows('SELECT quarantine_id FROM _millrace_quarantine');
    await house.load({ columns, rows: [row(7, 1, 'fixed')], settles: [String(found?.['quarantine_id'])] });
    expect(
      await house.rows('SELECT status, settled_by_load IS NOT NULL AS settled FROM _millrace_quarantine'),
    ).toEqual([{ status: 'replayed', settled: true }]);
  });
});

test('a table is made while a reader goes on that began before the last commit; it waits for the reader', async () => {
  await house.load({ columns, rows: [row(1, 1, 'a')] });
  let hasRead = false;
  const reading = house.warehouse
    .query(
      'SELECT count(*) AS n FROM items, range(12000) a, range(12000) b WHERE hash(a.range + b.range) % 7 = 3',
      10,
    )
    .then((result) => {
      hasRead = true;
      return result;
    });
  await house.load({ columns, rows: [row(2, 1, 'b')], loadId: 'beside' });
  await house.load({ columns, config: { into: 'others' }, rows: [row(3, 1, 'c')], loadId: 'new-table' });
  expect(hasRead).toBe(true);
  await reading;
  expect(await house.rows('SELECT id FROM others')).toEqual([{ id: '3' }]);
});
