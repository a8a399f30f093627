import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type pg from 'pg';
import { createSource } from '../../connectors/postgres/index.js';
import type { ReadRequest } from '../../connectors/source.js';
import type { JsonValue } from '../../core/json.js';
import { temporaryFolder } from '../helpers/folder.js';
import { startPostgres, type PostgresServer } from '../helpers/postgres-server.js';
import { readAll, rejection } from '../sources/read-all.js';

const source = createSource({ projectDirectory: temporaryFolder() });
let server: PostgresServer;
let client: pg.Client;

beforeAll(async () => {
  server = await startPostgres();
  client = await server.client();
  await client.query(
    'CREATE TABLE changes (id int PRIMARY KEY, at timestamptz, local timestamp, day date, seq bigint, gone boolean)',
  );
}, 240_000);

afterAll(() => server.stop());

interface Change {
  readonly id: number;
  readonly at: string | null;
  readonly seq: number | null;
  readonly gone: boolean | null;
}

function changes(more: Partial<ReadRequest> = {}): Partial<ReadRequest> {
  return {
    stream: 'table',
    connection: server.connection(),
    ...more,
    options: { table: 'changes', ...more.options },
  };
}

const parsed = (lines: readonly string[]): Change[] => lines.map((line) => JSON.parse(line) as Change);
const ids = (lines: readonly string[]): number[] => parsed(lines).map(({ id }) => id);

const startUs = Date.parse('2026-01-01T00:00:00Z') * 1000;
const instant = (us: number): string => {
  const at = startUs + us;
  return `${new Date(Math.floor(at / 1_000_000) * 1000).toISOString().slice(0, 19)}.${String(at % 1_000_000).padStart(6, '0')}Z`;
};
const put = (id: number, us: number, by: pg.Client = client) =>
  by.query(
    `INSERT INTO changes (id, at, local, seq) VALUES ($1, $2, $2::timestamptz AT TIME ZONE 'UTC', $3)
     ON CONFLICT (id) DO UPDATE SET at = excluded.at, local = excluded.local, seq = excluded.seq`,
    [id, instant(us), us],
  );

describe('a read by cursor', () => {
  test('finds what was committed late, within the lag', async () => {
    await client.query('TRUNCATE changes');
    const slow = await server.client();
    await slow.query('BEGIN');
    await put(1, 10_000_000, slow);
    await put(2, 12_000_000);
    const first = await readAll(source, changes({ cursorPath: 'at', lagMs: 5_000 }));
    expect(ids(first.rows)).toEqual([2]);
    expect(first.cursor).toBe('2026-01-01T00:00:12+00:00');
    await slow.query('COMMIT');
    // At the very bound, and just before it.
    await put(3, 7_000_000);
    await put(4, 6_999_999);
    const cursor = first.cursor as JsonValue;
    expect(ids((await readAll(source, changes({ cursorPath: 'at', lagMs: 0, cursor }))).rows)).toEqual([2]);
    expect(ids((await readAll(source, changes({ cursorPath: 'at', lagMs: 5_000, cursor }))).rows)).toEqual([
      3, 1, 2,
    ]);
  });

  test('by integers re-reads the overlap, and keeps digits beyond 2^53', async () => {
    await client.query('TRUNCATE changes');
    await client.query(
      `INSERT INTO changes (id, seq) VALUES (1, 9007199254740993), (2, 9007199254740995), (3, NULL)`,
    );
    const first = await readAll(source, changes({ cursorPath: 'seq' }));
    expect(first.cursor).toBe('9007199254740995');
    expect(ids(first.rows)).toEqual([3, 1, 2]);
    const cursor = first.cursor as JsonValue;
    expect(ids((await readAll(source, changes({ cursorPath: 'seq', cursor }))).rows)).toEqual([2]);
    const options = { overlap: 2 };
    expect(ids((await readAll(source, changes({ cursorPath: 'seq', cursor, options }))).rows)).toEqual([
      1, 2,
    ]);
  });

  test('is not led astray by infinite instants, or by those of a clock that is wrong', async () => {
    await client.query('TRUNCATE changes');
    await client.query(
      `INSERT INTO changes (id, at) VALUES (1, '2026-01-01'), (2, 'infinity'), (3, now() + interval '10 years'), (4, '-infinity'), (5, NULL)`,
    );
    const first = await readAll(source, changes({ cursorPath: 'at' }));
    expect(first.cursor).toBe('2026-01-01T00:00:00+00:00');
    expect(ids(first.rows)).toEqual([5, 4, 1, 3, 2]);
    const next = await readAll(source, changes({ cursorPath: 'at', cursor: first.cursor as JsonValue }));
    expect(ids(next.rows)).toEqual([1, 3, 2]);
  });

  test('delivers deletions with key and version alone', async () => {
    await client.query('TRUNCATE changes');
    await put(1, 1_000_000);
    await put(2, 2_000_000);
    await client.query('UPDATE changes SET gone = id = 2');
    const options = { deletedWhen: 'gone' };
    const { rows, deletes, cursor } = await readAll(source, changes({ cursorPath: 'at', options }));
    expect(ids(rows)).toEqual([1]);
    expect(deletes).toEqual(['{"id":2,"at":"2026-01-01T00:00:02+00:00"}']);
    expect(cursor).toBe('2026-01-01T00:00:02+00:00');
  });

  test('refuses what cannot be a cursor', async () => {
    const message = async (more: Partial<ReadRequest>) =>
      (await rejection(readAll(source, changes(more)))).message;
    expect(await message({ cursorPath: 'gone' })).toContain('column "gone" has type boolean; a cursor needs');
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
});

describe('boundaries', () => {
  /** Few different instants, so that many rows share one, near whole milliseconds and at their edges. */
  const moment = fc
    .tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom(-1, 0, 1, 499, 500, 999))
    .map(([ms, us]) => Math.max(0, ms * 1000 + us));

  test('between intervals belong to one of them: each row is read once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 200 }), moment), {
          selector: ([id]) => id,
          maxLength: 30,
        }),
        fc.constantFrom('at', 'local'),
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
      { numRuns: 8 },
    );
  });

  test('of cursors lose nothing: after random commits, late ones among them, the merged rows are the table', async () => {
    const lagUs = 3_000;
    const commits = fc.array(
      fc.record({
        writes: fc.array(
          fc.tuple(
            fc.integer({ min: 1, max: 12 }),
            fc.oneof(fc.constant(lagUs), fc.integer({ min: 0, max: lagUs })),
          ),
          {
            maxLength: 5,
          },
        ),
        stepUs: fc.constantFrom(0, 1, 999, 1000, 2_500),
      }),
      { minLength: 2, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(commits, fc.constantFrom('at', 'local', 'seq'), async (rounds, path) => {
        await client.query('TRUNCATE changes');
        const isInteger = path === 'seq';
        const more = isInteger ? { options: { overlap: lagUs } } : { lagMs: lagUs / 1000 };
        const merged = new Map<number, Change>();
        let clockUs = lagUs;
        let cursor: JsonValue | undefined;
        for (const { writes, stepUs } of rounds) {
          clockUs += stepUs;
          // Stamped up to the lag ago, committed now; a row's own stamps never go back.
          for (const [id, agoUs] of writes)
            await client.query(
              `INSERT INTO changes (id, at, local, seq) VALUES ($1, $2, $2::timestamptz AT TIME ZONE 'UTC', $3)
               ON CONFLICT (id) DO UPDATE SET at = excluded.at, local = excluded.local, seq = excluded.seq WHERE changes.seq < excluded.seq`,
              [id, instant(clockUs - agoUs), clockUs - agoUs],
            );
          const result = await readAll(
            source,
            changes({ ...more, cursorPath: path, ...(cursor !== undefined && { cursor }) }),
          );
          for (const row of parsed(result.rows)) {
            const before = merged.get(row.id);
            if (before === undefined || Number(before.seq) <= Number(row.seq)) merged.set(row.id, row);
          }
          cursor = result.cursor;
        }
        const { rows } = await client.query<{ id: number; seq: string }>(
          'SELECT id, seq FROM changes ORDER BY id',
        );
        expect(
          [...merged.values()]
            .map(({ id, seq }) => [id, String(seq)])
            .sort((a, b) => Number(a[0]) - Number(b[0])),
        ).toEqual(rows.map(({ id, seq }) => [id, seq]));
      }),
      { numRuns: 10 },
    );
  });
});
