import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startPostgres, type PostgresServer } from '../helpers/postgres-server.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { statesOf, triggerRun } from '../helpers/runs.js';
import { closeGate, createItems, itemCount, readsUnderWay } from '../postgres/gate.js';

const dag = `
import { defineDag, postgres } from 'millrace';

export default defineDag({
  id: 'items',
  schedule: 'manual',
  tasks: ({ extract, validate, load }) => {
    const raw = extract('pull', {
      from: postgres.table({
        connection: 'shop', table: 'gated', columns: ['id', 'amount', 'updated_at'], key: ['id'], deletedAt: 'deleted_at',
      }),
      cursor: { path: 'updated_at', lag: '1m' },
      retries: 3,
      retryDelay: '200ms',
    });
    load('store', validate('check', raw, { schema: 'item.v1' }), {
      into: 'items', key: ['id'], version: ['updated_at'], disposition: 'merge',
    });
  },
});
`;
const schema = {
  $id: 'item.v1',
  type: 'object',
  required: ['id', 'amount', 'updated_at'],
  properties: {
    id: { type: 'integer' },
    amount: { type: 'string', 'x-type': 'decimal(12,2)' },
    updated_at: { type: 'string', format: 'date-time' },
  },
};

let server: PostgresServer;
let project: TestProject;

beforeAll(async () => {
  server = await startPostgres();
  await createItems(server);
  project = await TestProject.create({ 'items.ts': dag }, { connections: { shop: server.connection() } });
  project.write('schemas/item.v1.schema.json', JSON.stringify(schema));
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

afterAll(() => server.stop());

/** The same figures on both sides: rows, and sums over every value. */
const figures = `SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(amount) AS amounts, sum(id * amount) AS products, max(updated_at) AS latest FROM items`;

async function expectEqualTables(): Promise<void> {
  const client = await server.client();
  const source = await client.query<Record<string, unknown>>(`${figures} WHERE deleted_at IS NULL`);
  await client.end();
  const plain = (row: Record<string, unknown> = {}) =>
    [row['n'], row['ids'], Number(row['amounts']), Number(row['products'])].map(Number);
  expect(plain((await project.rows(figures))[0])).toEqual(plain(source.rows[0]));
}

test('the connection is tested with one command', async () => {
  const { connections } = await project.json<{ connections: object[] }>('connections', 'test', 'shop');
  expect(connections).toMatchObject([
    { name: 'shop', connector: 'postgres', isWorking: true, detail: expect.stringMatching(/^PostgreSQL \d/) },
  ]);
}, 240_000);

test('a connection that is killed in the middle of a read costs a try, and each row is there once', async () => {
  const gate = await closeGate(server);
  const running = triggerRun(project, 'items');
  const backend = await gate.waiting();
  await server.run(`SELECT pg_terminate_backend(${String(backend)})`);
  await gate.open();
  const run = await running;
  expect(statesOf(run).state).toBe('success');
  expect(server.log()).toContain('terminating connection due to administrator command');
  expect(run.result.counts).toMatchObject({ extracted: itemCount, loaded: itemCount, quarantined: 0 });
  await expectEqualTables();
}, 240_000);

test('the next run reads what changed since, late commits and deletions among it', async () => {
  await server.run(
    // The second is stamped before the last run's cursor, as by a transaction that took long.
    `UPDATE items SET amount = 0.01, updated_at = '2026-01-02T00:00:00Z' WHERE id = 1`,
    `INSERT INTO items VALUES (50001, 7.77, '2026-01-01T11:06:10Z', NULL)`,
    `UPDATE items SET deleted_at = '2026-01-02T00:00:01Z', updated_at = '2026-01-02T00:00:01Z' WHERE id = 2`,
  );
  const run = await triggerRun(project, 'items');
  expect(statesOf(run).state).toBe('success');
  // Besides the three, the rows of the last minute, which the table has already.
  expect(run.result.counts).toMatchObject({ loaded: 3, quarantined: 0 });
  expect(run.result.counts.unchanged).toBeLessThan(100);
  await expectEqualTables();
}, 240_000);

test('a cancelled run ends its statement on the server', async () => {
  await server.run(`UPDATE items SET updated_at = '2026-01-03T00:00:00Z' WHERE id = 30000`);
  const gate = await closeGate(server);
  const { workflowId } = await project.json<{ workflowId: string }>('dag', 'trigger', 'items');
  const backend = await gate.waiting();
  const client = await server.client();
  const { rows } = await client.query<{ name: string }>(
    'SELECT application_name AS name FROM pg_stat_activity WHERE pid = $1',
    [backend],
  );
  await client.end();
  expect(rows).toEqual([{ name: `millrace ${workflowId}`.slice(0, 63) }]);
  await project.json('run', 'cancel', workflowId);
  await expect(project.resultOf(workflowId)).rejects.toThrow('cancelled');
  await waitUntil('nothing is read any more', async () => (await readsUnderWay(server)).length === 0);
  expect(server.log()).toContain('canceling statement due to user request');
  await gate.open();
}, 240_000);
