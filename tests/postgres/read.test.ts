import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createSource } from '../../connectors/postgres/index.js';
import type { ReadRequest } from '../../connectors/source.js';
import { root } from '../architecture/source-tree.js';
import { temporaryFolder } from '../helpers/folder.js';
import { startPostgres, type PostgresServer } from '../helpers/postgres-server.js';
import { waitUntil } from '../helpers/project.js';
import { readAll, rejection } from '../sources/read-all.js';
import { closeGate, createItems, itemCount, readsUnderWay } from './gate.js';

const source = createSource({ projectDirectory: temporaryFolder() });
let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
  await createItems(server);
}, 240_000);

afterAll(() => server.stop());

function table(name: string, more: Partial<ReadRequest> = {}): Partial<ReadRequest> {
  return {
    stream: 'table',
    ...more,
    options: { table: name, ...more.options },
    connection: server.connection(),
  };
}

const idOf = (line: string): number => (JSON.parse(line) as { id: number }).id;
const idsOf = (lines: readonly string[]): number[] => lines.map(idOf);

describe('one read', () => {
  test('sees the database as it was when it began, over all its statements, whatever is committed meanwhile', async () => {
    const gate = await closeGate(server);
    const options = {
      key: ['id'],
      deletedAt: 'deleted_at',
      version: 'updated_at',
      columns: ['id', 'amount', 'gate'],
    };
    const reading = readAll(source, table('gated', { options }));
    await gate.waiting();
    await server.run(
      `UPDATE items SET deleted_at = now() WHERE id = 39999`,
      `UPDATE items SET amount = -1 WHERE id = 39998`,
      `DELETE FROM items WHERE id = 40000`,
      `INSERT INTO items VALUES (50000, 1, now())`,
    );
    await gate.open();
    const { rows, deletes } = await reading;
    expect(deletes).toEqual([]);
    expect(idsOf(rows).sort((a, b) => a - b)).toEqual(
      Array.from({ length: itemCount }, (_, index) => index + 1),
    );
    expect(rows.find((line) => idOf(line) === 39998)).toContain('"amount":"399.98"');

    const after = await readAll(
      source,
      table('items', { options: { ...options, columns: ['id', 'amount'] } }),
    );
    expect(idsOf(after.deletes)).toEqual([39999]);
    expect(after.deletes[0]).toMatch(/^\{"id":39999,"updated_at":"2026-01-01T11:06:39\+00:00"\}$/);
    expect(after.rows.length).toBe(itemCount - 1);
  });

  test('fails as a whole where its connection is killed in the middle, and may be tried again', async () => {
    const gate = await closeGate(server);
    const reading = rejection(readAll(source, table('gated')));
    const backend = await gate.waiting();
    await server.run(`SELECT pg_terminate_backend(${String(backend)})`);
    expect(await reading).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
    await gate.open();
    expect((await readAll(source, table('gated'))).rows.length).toBe(itemCount);
  });

  test('that is cancelled ends on the server too', async () => {
    const gate = await closeGate(server);
    const controller = new AbortController();
    const reading = rejection(readAll(source, table('gated'), controller.signal));
    await gate.waiting();
    controller.abort(new Error('stop'));
    expect((await reading).message).toBe('stop');
    await waitUntil('nothing is read any more', async () => (await readsUnderWay(server)).length === 0);
    // The lock is still held: it was the cancel that ended the statement, and no end of the connection.
    expect(server.log()).toContain('canceling statement due to user request');
    await gate.open();
  });

  test('lets its reader go though the server takes no connection for the cancel, and ends there soon', async () => {
    await server.run('CREATE ROLE single LOGIN CONNECTION LIMIT 1', 'GRANT SELECT ON gated TO single');
    const gate = await closeGate(server);
    const controller = new AbortController();
    const request = { ...table('gated'), connection: server.connection({ user: 'single' }) };
    const reading = rejection(readAll(source, request, controller.signal));
    await gate.waiting();
    controller.abort(new Error('stop'));
    expect((await reading).message).toBe('stop');
    await waitUntil('nothing is read any more', async () => (await readsUnderWay(server)).length === 0);
    // Nor was it the lock that was waited for in vain.
    expect(server.log()).not.toContain('due to lock timeout');
    await gate.open();
  });

  test('ends on the server when the process that reads is killed', async () => {
    const gate = await closeGate(server);
    const child = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { createSource } = await import(${JSON.stringify(pathToFileURL(join(root, 'dist/connectors/postgres/index.js')).href)});
         const request = ${JSON.stringify({ stream: 'table', options: { table: 'gated' }, connection: server.connection(), lagMs: 0, waitMs: 0 })};
         const context = { signal: new AbortController().signal, heartbeat() {} };
         for await (const batch of createSource({ projectDirectory: '.' }).read(request, context)) void batch;`,
      ],
      { stdio: 'inherit' },
    );
    await gate.waiting();
    child.kill('SIGKILL');
    await once(child, 'exit');
    // The lock that the statement waits for is still held.
    await waitUntil('nothing is read any more', async () => (await readsUnderWay(server)).length === 0);
    expect(server.log()).not.toContain('due to lock timeout');
    await gate.open();
  });

  test('that its reader leaves ends on the server too', async () => {
    const batches = source.read(
      { stream: 'table', options: { table: 'items' }, connection: server.connection(), lagMs: 0, waitMs: 0 },
      { signal: new AbortController().signal, staging: undefined as never, heartbeat: () => undefined },
    );
    for await (const batch of batches) {
      expect(batch.rowCount).toBeGreaterThan(0);
      break;
    }
    await waitUntil('nothing is read any more', async () => (await readsUnderWay(server)).length === 0);
  });

  test('that takes longer than its statement may is refused with the reason', async () => {
    const gate = await closeGate(server);
    const connection = server.connection({ statementTimeoutMs: 200 });
    const error = await rejection(readAll(source, { ...table('gated'), connection }));
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', retryable: false });
    expect(error.message).toContain('statement timeout');
    await gate.open();
  });

  test('shows the run that reads as the name of its client, and cannot write', async () => {
    const sql = `SELECT current_setting('application_name') AS name, current_setting('transaction_read_only') AS read_only, current_setting('transaction_isolation') AS isolation`;
    const request = {
      stream: 'query',
      options: { sql },
      connection: server.connection(),
      reader: 'orders/manual-1',
    };
    expect((await readAll(source, request)).rows).toEqual([
      '{"name":"millrace orders/manual-1","read_only":"on","isolation":"repeatable read"}',
    ]);
    await server.run(`CREATE FUNCTION write_it() RETURNS int LANGUAGE sql AS 'DELETE FROM items; SELECT 1'`);
    const error = await rejection(
      readAll(source, { ...request, options: { sql: 'SELECT write_it() AS x' } }),
    );
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', context: { status: '25006' } });
  });

  test('hands values to a query as they are, whatever they hold', async () => {
    await server.run(
      `CREATE TABLE people (id int, name text)`,
      `INSERT INTO people VALUES (1, 'O''Hara; --'), (2, 'b')`,
    );
    const sql = `SELECT id FROM people WHERE name = current_setting('millrace.name') AND id <= current_setting('millrace.most')::int`;
    const options = { sql, values: { name: `O'Hara; --`, most: 5 } };
    const request = { stream: 'query', options, connection: server.connection() };
    expect((await readAll(source, request)).rows).toEqual(['{"id":1}']);
    expect((await readAll(source, { ...request, cursorPath: 'id', cursor: '1' })).rows).toEqual(['{"id":1}']);
  });

  test('takes one statement: whatever a query holds, nothing runs beside it', async () => {
    const sql = 'SELECT 1 AS id) AS q; COMMIT; DROP TABLE items; SELECT * FROM (SELECT 1';
    const error = await rejection(
      readAll(source, { stream: 'query', options: { sql }, connection: server.connection() }),
    );
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', context: { status: '42601' } });
    await server.run('SELECT FROM items LIMIT 1');
  });
});

describe('names', () => {
  const odd = `we"ird 'näme'; DROP TABLE items; --`;

  test('of any characters are taken as they are', async () => {
    const quoted = `"${odd.replaceAll('"', '""')}"`;
    await server.run(
      `CREATE SCHEMA ${quoted}`,
      `CREATE TABLE ${quoted}.${quoted} (${quoted} bigint PRIMARY KEY, "_millrace_row" text, q text, "Straße\\n" date)`,
      `INSERT INTO ${quoted}.${quoted} VALUES (2, 'x', 'y', '2026-01-01'), (1, NULL, NULL, NULL)`,
    );
    const options = { schema: odd };
    const { rows, cursor } = await readAll(source, { ...table(odd, { options }), cursorPath: odd });
    const name = JSON.stringify(odd);
    expect(rows).toEqual([
      `{${name}:1,"_millrace_row":null,"q":null,"Straße\\\\n":null}`,
      `{${name}:2,"_millrace_row":"x","q":"y","Straße\\\\n":"2026-01-01"}`,
    ]);
    expect(cursor).toBe('2');
    await server.run(`DROP SCHEMA ${quoted} CASCADE`);
  });

  test('that the database does not have are told all at once, with what is near', async () => {
    const options = {
      columns: ['id', 'amout'],
      key: ['idd'],
      deletedWhen: 'amount',
      version: 'nothing at all',
    };
    const error = await rejection(readAll(source, table('items', { options, cursorPath: 'updatedAt' })));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', retryable: false });
    for (const part of [
      'column "amout" is no column of what is read (did you mean "amount"?)',
      '"updatedAt" is no column of what is read (did you mean "updated_at"?)',
      '"idd" is no column of what is read (did you mean "id"?)',
      'column "amount" has type numeric; "deletedWhen" needs boolean',
      '"nothing at all" is no column of what is read. ',
    ])
      expect(error.message).toContain(part);
    expect((await rejection(readAll(source, table('item')))).message).toContain('(did you mean "items"?)');
    await server.run('CREATE SCHEMA shop', 'CREATE TABLE shop.orders (id int)');
    expect((await rejection(readAll(source, table('orders')))).message).toContain(
      'there is one in schema "shop": set "schema"',
    );
  });

  test('of a table that is dropped before or during a read end it with a clear error', async () => {
    await server.run('CREATE TABLE gone (id int)', 'DROP TABLE gone');
    expect(await rejection(readAll(source, table('gone')))).toMatchObject({ code: 'CONFIG_INVALID' });
    const request = {
      stream: 'query',
      options: { sql: 'SELECT * FROM gone' },
      connection: server.connection(),
    };
    const error = await rejection(readAll(source, request));
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', context: { status: '42P01' }, retryable: false });
    expect(error.message).toContain('relation "gone" does not exist');
  });

  test('of query columns that are not different are refused', async () => {
    const request = {
      stream: 'query',
      options: { sql: 'SELECT 1 AS a, 2 AS a' },
      connection: server.connection(),
    };
    expect((await rejection(readAll(source, request))).message).toContain('several columns "a"');
  });
});
