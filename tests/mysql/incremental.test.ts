import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Connection } from 'mysql2/promise';
import { createSource } from '../../connectors/mysql/index.js';
import type { ReadRequest } from '../../connectors/source.js';
import type { JsonValue } from '../../core/json.js';
import { temporaryFolder } from '../helpers/folder.js';
import { mysqlProgram, startMysql, type MysqlServer } from '../helpers/mysql-server.js';
import { readAll, rejection } from '../sources/read-all.js';

interface Change {
  readonly id: number;
  readonly seq: number | null;
}

const suite = mysqlProgram === undefined ? describe.skip : describe;

suite('a read of changes', () => {
  const source = createSource({ projectDirectory: temporaryFolder() });
  let server: MysqlServer;
  let client: Connection;

  beforeAll(async () => {
    server = await startMysql();
    client = await server.client();
    await client.query(
      'CREATE TABLE changes (id int PRIMARY KEY, at datetime(6), stamp timestamp(6) NULL, day date, seq bigint unsigned, gone tinyint(1))',
    );
  }, 240_000);

  afterAll(() => server.stop());

  const changes = (more: Partial<ReadRequest> = {}): Partial<ReadRequest> => ({
    stream: 'table',
    connection: server.connection(),
    ...more,
    options: { table: 'changes', ...more.options },
  });
  const parsed = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Change);
  const ids = (lines: readonly string[]) => parsed(lines).map(({ id }) => id);

  const startUs = Date.parse('2026-01-01T00:00:00Z') * 1000;
  const instant = (us: number): string => {
    const at = startUs + us;
    return `${new Date(Math.floor(at / 1_000_000) * 1000).toISOString().slice(0, 19).replace('T', ' ')}.${String(at % 1_000_000).padStart(6, '0')}`;
  };
  const put = (id: number, us: number, by: Connection = client) =>
    by.query(
      `INSERT INTO changes (id, at, stamp, seq) VALUES (?, ?, ?, ?)
       ON DUPLICATE KEY UPDATE at = VALUES(at), stamp = VALUES(stamp), seq = VALUES(seq)`,
      [id, instant(us), instant(us), us],
    );
  const cursorOf = ({ cursor }: { readonly cursor: JsonValue | undefined }): JsonValue => cursor ?? null;

  test('finds what was committed late, within the lag, and not before its bound', async () => {
    await client.query('TRUNCATE changes');
    const slow = await server.client();
    await slow.query('BEGIN');
    await put(1, 10_000_000, slow);
    await put(2, 12_000_000);
    const first = await readAll(source, changes({ cursorPath: 'at', lagMs: 5_000 }));
    expect(ids(first.rows)).toEqual([2]);
    expect(first.cursor).toBe('2026-01-01T00:00:12.000000+00:00');
    await slow.query('COMMIT');
    // At the very bound, and just before it.
    await put(3, 7_000_000);
    await put(4, 6_999_999);
    const cursor = cursorOf(first);
    expect(ids((await readAll(source, changes({ cursorPath: 'at', lagMs: 0, cursor }))).rows)).toEqual([2]);
    expect(ids((await readAll(source, changes({ cursorPath: 'at', lagMs: 5_000, cursor }))).rows)).toEqual([
      3, 1, 2,
    ]);
  });

  test('by integers re-reads the overlap, and keeps digits beyond 2^63', async () => {
    await client.query('TRUNCATE changes');
    await client.query(
      'INSERT INTO changes (id, seq) VALUES (1, 18446744073709551613), (2, 18446744073709551615), (3, NULL)',
    );
    const first = await readAll(source, changes({ cursorPath: 'seq' }));
    expect(first.cursor).toBe('18446744073709551615');
    expect(ids(first.rows)).toEqual([3, 1, 2]);
    const cursor = cursorOf(first);
    expect(ids((await readAll(source, changes({ cursorPath: 'seq', cursor }))).rows)).toEqual([2]);
    const options = { overlap: 2 };
    expect(ids((await readAll(source, changes({ cursorPath: 'seq', cursor, options }))).rows)).toEqual([
      1, 2,
    ]);
  });

  test('is not led astray by zero dates, or by those of a clock that is wrong', async () => {
    await client.query('TRUNCATE changes');
    await client.query(
      `INSERT INTO changes (id, at) VALUES (1, '2026-01-01'), (2, '0000-00-00'), (3, NOW() + INTERVAL 10 YEAR), (4, NULL)`,
    );
    const first = await readAll(source, changes({ cursorPath: 'at' }));
    expect(first.cursor).toBe('2026-01-01T00:00:00.000000+00:00');
    expect(ids(first.rows)).toEqual([4, 2, 1, 3]);
    const next = await readAll(source, changes({ cursorPath: 'at', cursor: cursorOf(first) }));
    expect(ids(next.rows)).toEqual([1, 3]);
  });

  test('delivers deletions with key and version alone', async () => {
    await client.query('TRUNCATE changes');
    await put(1, 1_000_000);
    await put(2, 2_000_000);
    await client.query('UPDATE changes SET gone = id = 2');
    const { rows, deletes, cursor } = await readAll(
      source,
      changes({ cursorPath: 'at', options: { deletedWhen: 'gone' } }),
    );
    expect(ids(rows)).toEqual([1]);
    expect(deletes).toEqual(['{"id":2,"at":"2026-01-01T00:00:02.000000+00:00"}']);
    expect(cursor).toBe('2026-01-01T00:00:02.000000+00:00');
  });

  test('refuses what cannot be a cursor', async () => {
    const message = async (more: Partial<ReadRequest>) =>
      (await rejection(readAll(source, changes(more)))).message;
    expect(await message({ cursorPath: 'seq', lagMs: 1 })).toContain('use the option "overlap"');
    expect(await message({ cursorPath: 'at', options: { overlap: 1 } })).toContain(
      'use the lag of the cursor',
    );
    expect(await message({ cursorPath: 'at', cursor: 'x' })).toContain(
      'holds instants, and the cursor is none',
    );
    expect(await message({ cursorPath: 'seq', cursor: '1; x' })).toContain(
      'is an integer, and the cursor is none',
    );
    const interval = { start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' };
    expect(await message({ interval })).toContain('needs "intervalColumn"');
    expect(await message({ interval, options: { intervalColumn: 'seq' } })).toContain('no data interval');
  });

  /** Few different instants, so that many rows share one, near whole milliseconds and at their edges. */
  const moment = fc
    .tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom(-1, 0, 1, 499, 500, 999))
    .map(([ms, us]) => Math.max(0, ms * 1000 + us));

  test('between adjoining intervals reads each row once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 200 }), moment), {
          selector: ([id]) => id,
          maxLength: 30,
        }),
        fc.constantFrom('at', 'stamp'),
        async (rows, intervalColumn) => {
          await client.query('TRUNCATE changes');
          for (const [id, us] of rows) await put(id, us);
          const read: number[] = [];
          for (let ms = 0; ms < 8; ms += 2) {
            const interval = {
              start: new Date(startUs / 1000 + ms).toISOString(),
              end: new Date(startUs / 1000 + ms + 2).toISOString(),
            };
            const { rows: lines } = await readAll(source, changes({ interval, options: { intervalColumn } }));
            read.push(...ids(lines));
          }
          expect([...read].sort((a, b) => a - b)).toEqual(rows.map(([id]) => id).sort((a, b) => a - b));
        },
      ),
      { numRuns: 6, seed: 20261129 },
    );
  });

  test('loses nothing between cursors: after random commits, late ones among them, the merged rows are the table', async () => {
    const lagUs = 3_000;
    const ago = fc.oneof(fc.constant(lagUs), fc.integer({ min: 0, max: lagUs }));
    const commits = fc.array(
      fc.record({
        writes: fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), ago), { maxLength: 5 }),
        stepUs: fc.constantFrom(0, 1, 999, 1000, 2_500),
      }),
      { minLength: 2, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(commits, fc.constantFrom('at', 'stamp', 'seq'), async (rounds, path) => {
        await client.query('TRUNCATE changes');
        const more = path === 'seq' ? { options: { overlap: lagUs } } : { lagMs: lagUs / 1000 };
        const table = new Map<number, number>();
        const merged = new Map<number, number>();
        let clockUs = lagUs;
        let cursor: JsonValue | undefined;
        for (const { writes, stepUs } of rounds) {
          clockUs += stepUs;
          // Stamped up to the lag ago, committed now; a row's own stamps never go back.
          for (const [id, agoUs] of writes) {
            if ((table.get(id) ?? -1) >= clockUs - agoUs) continue;
            table.set(id, clockUs - agoUs);
            await put(id, clockUs - agoUs);
          }
          const result = await readAll(
            source,
            changes({ ...more, cursorPath: path, ...(cursor !== undefined && { cursor }) }),
          );
          for (const { id, seq } of parsed(result.rows))
            merged.set(id, Math.max(merged.get(id) ?? 0, seq ?? 0));
          cursor = result.cursor;
        }
        expect(new Map([...merged].sort())).toEqual(new Map([...table].sort()));
      }),
      { numRuns: 8, seed: 20261129 },
    );
  });
});
