import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSource } from '../../connectors/mysql/index.js';
import type { SourceBatch } from '../../connectors/source.js';
import type { JsonObject } from '../../core/json.js';
import { temporaryFolder } from '../helpers/folder.js';
import { givenUrl, mysqlProgram, startMysql, type MysqlServer } from '../helpers/mysql-server.js';
import { waitUntil } from '../helpers/project.js';
import { readAll, rejection } from '../sources/read-all.js';
import { closeGate, createItems, itemCount, readsUnderWay } from './gate.js';

const suite = mysqlProgram === undefined ? describe.skip : describe;

suite('a read', () => {
  const source = createSource({ projectDirectory: temporaryFolder() });
  let server: MysqlServer;

  beforeAll(async () => {
    server = await startMysql();
    await createItems(server);
  }, 240_000);

  afterAll(() => server.stop());

  const table = (name: string, options: JsonObject = {}) => ({
    stream: 'table',
    options: { table: name, ...options },
    connection: server.connection(),
  });
  const query = (sql: string, options: JsonObject = {}) => ({
    stream: 'query',
    options: { sql, ...options },
    connection: server.connection(),
  });
  const idsOf = (lines: readonly string[]) => lines.map((line) => (JSON.parse(line) as { id: number }).id);

  test('sees the moment of its beginning in all its statements, whatever others commit', async () => {
    const gate = await closeGate(server);
    const options = { key: ['id'], deletedAt: 'deleted_at', version: 'updated_at' };
    const reading = readAll(source, table('gated', options));
    await gate.waiting();
    await server.run(
      `UPDATE items SET amount = -1 WHERE id > 39990`,
      `UPDATE items SET deleted_at = NOW() WHERE id = 39991`,
      `INSERT INTO items VALUES (50000, 1, '2026-01-02', NULL)`,
      `DELETE FROM items WHERE id = 39992`,
    );
    await gate.open();
    const { rows, deletes } = await reading;
    expect(idsOf(rows)).toEqual(Array.from({ length: itemCount }, (_, index) => index + 1));
    expect(rows.at(-1)).toContain(
      '"id":40000,"amount":"400.00","updated_at":"2026-01-01T11:06:40.000000+00:00"',
    );
    expect(deletes).toEqual([]);
    expect((await readAll(source, table('gated', options))).deletes).toEqual([
      '{"id":39991,"updated_at":"2026-01-01T11:06:31.000000+00:00"}',
    ]);
  });

  test('ends with an error that passes when its connection is killed or its server stops in the middle', async () => {
    const gate = await closeGate(server);
    const killed = rejection(readAll(source, table('gated')));
    await server.run(`KILL ${String(await gate.waiting())}`);
    expect(await killed).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
    if (givenUrl === undefined) {
      const stopped = rejection(readAll(source, table('gated')));
      await waitUntil('the second read stands', async () => (await readsUnderWay(server)).length === 1);
      await gate.waiting();
      await server.halt();
      expect(await stopped).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
      expect(await rejection(readAll(source, table('items')))).toMatchObject({
        code: 'SOURCE_UNAVAILABLE',
        context: { reason: 'ECONNREFUSED' },
      });
      await server.resume();
    }
    await gate.open();
    expect((await readAll(source, table('items'))).rows).toHaveLength(itemCount);
  });

  test('that is aborted, or left in the middle, ends its statement on the server', async () => {
    // It takes hours to find nothing, and the server does not notice by itself that nobody waits for it.
    const endless = query(`SELECT a.id FROM items a, items b, items c WHERE MD5(a.id + b.id + c.id) = 'x'`);
    const controller = new AbortController();
    const aborted = rejection(readAll(source, endless, controller.signal));
    await waitUntil('it is under way', async () => (await readsUnderWay(server)).length === 1);
    controller.abort(new Error('no longer wanted'));
    expect((await aborted).message).toBe('no longer wanted');
    await waitUntil('the statement has ended', async () => (await readsUnderWay(server)).length === 0);

    const gate = await closeGate(server);
    const cut = new AbortController();
    const reading = rejection(readAll(source, table('gated'), cut.signal));
    await gate.waiting();
    cut.abort(new Error('no longer wanted either'));
    expect((await reading).message).toBe('no longer wanted either');
    await gate.open();

    const request = { ...table('items'), connection: server.connection(), lagMs: 0, waitMs: 0 };
    const context = {
      signal: new AbortController().signal,
      staging: undefined as never,
      heartbeat: () => undefined,
    };
    for await (const batch of source.read(request, context)) {
      expect(batch.rowCount).toBeLessThan(itemCount);
      break;
    }
    await waitUntil('the statement has ended', async () => (await readsUnderWay(server)).length === 0);
  });

  test('takes no more from the server than is asked for', async () => {
    const wide = query(`SELECT i.id, REPEAT('x', 4096) AS filling FROM items i JOIN digits d`);
    const context = {
      signal: new AbortController().signal,
      staging: undefined as never,
      heartbeat: () => undefined,
    };
    const batches = source.read({ ...wide, lagMs: 0, waitMs: 0 }, context)[Symbol.asyncIterator]();
    const first = (await batches.next()).value as SourceBatch;
    expect(first.rowCount).toBeGreaterThan(0);
    // Of 1.6 GB the server hands out what the buffers in between hold, and waits.
    const client = await server.client();
    const sentBytes = async (): Promise<number> => {
      const [rows] = await client.query(`SHOW GLOBAL STATUS LIKE 'Bytes_sent'`);
      return Number((rows as { Value: string }[])[0]?.Value);
    };
    let before = 0;
    await waitUntil('nothing is sent any more', async () => {
      const now = await sentBytes();
      const isStill = now - before < 10_000;
      before = now;
      return isStill;
    });
    expect(before).toBeLessThan(200 * 1024 * 1024);
    await batches.return?.();
  });

  test('binds values, takes one statement, and writes nothing', async () => {
    const evil = `'; DROP TABLE items; -- "\\`;
    const sql = 'SELECT 1 AS id, ? AS text, ? + 0 AS n, ? AS yes, ? AS part';
    const { rows } = await readAll(source, query(sql, { values: [evil, 9007199254740991, true, 0.5] }));
    expect(rows).toEqual([`{"id":1,"text":${JSON.stringify(evil)},"n":9007199254740991,"yes":1,"part":0.5}`]);
    expect(
      await rejection(readAll(source, query('SELECT 1 AS a) AS q; DROP TABLE items; --'))),
    ).toMatchObject({
      code: 'SOURCE_REFUSED',
      retryable: false,
      context: { status: 'ER_PARSE_ERROR' },
    });
    await server.run(
      `CREATE TABLE written (id int)`,
      `CREATE FUNCTION writes() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO written VALUES (1); RETURN 1; END`,
    );
    expect(await rejection(readAll(source, query('SELECT writes() AS id')))).toMatchObject({
      code: 'SOURCE_REFUSED',
      context: { status: 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION' },
    });
    await server.run('CREATE TABLE `a``b "c" ?` (`x``y ?` int)', 'INSERT INTO `a``b "c" ?` VALUES (1)');
    expect((await readAll(source, table('a`b "c" ?', { columns: ['x`y ?'] }))).rows).toEqual(['{"x`y ?":1}']);
  });

  test('names all that is not there at once, with what is near', async () => {
    const options = { columns: ['id', 'amout'], key: ['idd'], deletedWhen: 'amount' };
    const error = await rejection(readAll(source, { ...table('items', options), cursorPath: 'updatedAt' }));
    expect(error['code']).toBe('CONFIG_INVALID');
    for (const part of [
      '"amout" is no column of what is read (did you mean "amount"?)',
      '"updatedAt" is no column of what is read (did you mean "updated_at"?)',
      '"idd" is no column of what is read (did you mean "id"?)',
      'column "amount" has type decimal; "deletedWhen" needs an integer or bit',
    ])
      expect(error.message).toContain(part);
    expect((await rejection(readAll(source, table('item')))).message).toContain('(did you mean "items"?)');
    expect(await rejection(readAll(source, query('SELECT nothing FROM items')))).toMatchObject({
      code: 'SOURCE_REFUSED',
      context: { status: 'ER_BAD_FIELD_ERROR' },
    });
    expect((await rejection(readAll(source, query('SELECT 1 AS a, 2 AS a')))).message).toContain(
      "Duplicate column name 'a'",
    );
  });
});
