import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ReconcileReport } from '../../core/reconcile/reconcile.js';
import { givenUrl, mysqlProgram, startMysql, type MysqlServer } from '../helpers/mysql-server.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { statesOf, triggerRun } from '../helpers/runs.js';
import { closeGate, createItems, gateAt, itemCount, readsUnderWay } from '../mysql/gate.js';

const dag = `
import { defineDag, mysql } from 'millrace';

export default defineDag({
  id: 'items',
  schedule: 'manual',
  tasks: ({ extract, validate, load }) => {
    const raw = extract('pull', {
      from: mysql.table({ connection: 'shop', table: 'gated', key: ['id'], deletedAt: 'deleted_at',
        columns: ['id', 'amount', 'updated_at', 'gate'] , version: 'updated_at' }),
      read: 'full',
      retries: 8,
      retryDelay: '500ms',
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
    gate: { type: ['integer', 'null'] },
  },
};

const suite = mysqlProgram === undefined ? describe.skip : describe;

suite('a table of MySQL', () => {
  let server: MysqlServer;
  let project: TestProject;

  beforeAll(async () => {
    server = await startMysql();
    await createItems(server);
    project = await TestProject.create({ 'items.ts': dag }, { connections: { shop: server.connection() } });
    project.write('schemas/item.v1.schema.json', JSON.stringify(schema));
    await project.startTemporal();
    await project.json('deploy');
    await project.startWorker();
  }, 240_000);

  afterAll(() => server.stop());

  /** The same figures on both sides: rows, and sums over every value. */
  const figures = `SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(amount) AS amounts, sum(id * amount) AS products FROM items`;

  async function expectEqualTables(): Promise<void> {
    const client = await server.client();
    const [rows] = await client.query(`${figures} WHERE deleted_at IS NULL`);
    await client.end();
    const plain = (row: object = {}) => Object.values(row).map(Number);
    expect(plain((await project.rows(figures))[0])).toEqual(plain((rows as object[])[0]));
  }

  async function reconcile(...args: string[]): Promise<ReconcileReport> {
    const { stdout, stderr } = await project.run('reconcile', 'items', ...args, '--json');
    if (stdout === '') throw new Error(stderr);
    const [report] = (JSON.parse(stdout) as { reports: ReconcileReport[] }).reports;
    if (report === undefined) throw new Error('no report');
    return report;
  }

  test('arrives whole though its connection is killed in the middle, and its server stopped and started', async () => {
    const gate = await closeGate(server);
    const running = triggerRun(project, 'items');
    const thread = await gate.waiting();
    await server.run(`KILL ${String(thread)}`);
    await waitUntil('the read is tried again', async () => ![0, thread].includes(await gate.waiting()));
    if (givenUrl === undefined) {
      await server.halt();
      await server.resume();
    }
    await gate.open();
    const run = await running;
    expect(statesOf(run).state).toBe('success');
    expect(run.result.counts).toMatchObject({ extracted: itemCount, loaded: itemCount, quarantined: 0 });
    await expectEqualTables();
  }, 240_000);

  test('is compared by checksums: equal at first, then what differs is healed', async () => {
    expect(await reconcile()).toMatchObject({
      status: 'clean',
      way: 'checksums',
      sourceRows: itemCount,
      warehouseRows: itemCount,
    });
    await server.run(
      `UPDATE items SET amount = 0 WHERE id IN (1, 1000)`,
      `UPDATE items SET updated_at = '2026-01-05' WHERE id = 2`,
      `DELETE FROM items WHERE id = 3`,
      `UPDATE items SET deleted_at = '2026-01-06' WHERE id = 4`,
      `INSERT INTO items VALUES (50000, 1.25, '2026-01-02', NULL)`,
    );
    expect(await reconcile('--heal', '--deletions')).toMatchObject({
      status: 'healed',
      way: 'checksums',
      ...{ missing: 1, extra: 2, changed: 2, timestampOnly: 1 },
      heal: { status: 'healed', keys: 6, remaining: 0 },
    });
    await expectEqualTables();
    expect(await reconcile()).toMatchObject({ status: 'clean', missing: 0, extra: 0, changed: 0 });
  }, 240_000);

  test('is read no further once its run is cancelled', async () => {
    await server.run(`UPDATE items SET updated_at = '2026-01-03' WHERE id = ${String(gateAt)}`);
    const gate = await closeGate(server);
    const { workflowId } = await project.json<{ workflowId: string }>('dag', 'trigger', 'items');
    await gate.waiting();
    expect(await readsUnderWay(server)).toHaveLength(1);
    await project.json('run', 'cancel', workflowId);
    await expect(project.resultOf(workflowId)).rejects.toThrow('cancelled');
    await waitUntil('nothing is read any more', async () => (await readsUnderWay(server)).length === 0);
    await gate.open();
  }, 240_000);
});
