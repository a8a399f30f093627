import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection, ScheduleNotFoundError } from '@temporalio/client';
import type { ReconcileReport } from '../../core/reconcile/reconcile.js';
import { startPostgres, type PostgresServer } from '../helpers/postgres-server.js';
import type { DeployResult } from '../../client/deployment.js';
import { TestProject, waitUntil, type RunningProcess } from '../helpers/project.js';
import { triggerRun } from '../helpers/runs.js';

const dag = `
import { defineDag, postgres } from 'millrace';

const reconcile = { schedule: '@yearly', window: '9999d', heal: { deletions: true } } as const;

export default defineDag({
  id: 'items',
  schedule: 'manual',
  tasks: ({ extract, validate, load, transform }) => {
    const raw = extract('pull', { from: postgres.table({ connection: 'shop', table: 'items' }), read: 'full' });
    const rows = transform('shape', validate('check', raw, { schema: 'item.v1' }), { rename: { id: 'item' } });
    load('store', rows, { into: 'items', key: ['item'], version: ['updated_at'], disposition: 'merge', reconcile });
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

/** Tables alike, each of which a worker's death meets at another place. */
const shaken = ['in-compare', 'in-commit', 'after-commit', 'after-record'].map((point) => ({
  point,
  table: point.replace('-', '_'),
}));
const shakenDags = `
import { defineDag, postgres } from 'millrace';
const dagOf = (table) => defineDag({
  id: table,
  schedule: 'manual',
  tasks: ({ extract, validate, load }) => {
    const raw = extract('pull', { from: postgres.table({ connection: 'shop', table }), read: 'full' });
    load('store', validate('check', raw, { schema: 'item.v1' }), {
      into: table, key: ['id'], version: ['updated_at'], disposition: 'merge',
    });
  },
});
${shaken.map(({ table }) => `export const ${table} = dagOf('${table}');`).join('\n')}
`;

let server: PostgresServer;
let project: TestProject;
let worker: RunningProcess;

beforeAll(async () => {
  server = await startPostgres();
  await server.run(
    `CREATE TABLE items (id int PRIMARY KEY, amount numeric(12,2), updated_at timestamptz)`,
    `INSERT INTO items SELECT g, g / 100.0, '2026-01-01Z'::timestamptz + g * interval '1 s' FROM generate_series(1, 2000) g`,
    ...shaken.flatMap(({ table }) => [
      `CREATE TABLE ${table} (LIKE items INCLUDING ALL)`,
      `INSERT INTO ${table} SELECT * FROM items WHERE id <= 300`,
    ]),
  );
  project = await TestProject.create(
    { 'items.ts': dag, 'shaken.ts': shakenDags },
    { connections: { shop: server.connection() } },
  );
  project.write('schemas/item.v1.schema.json', JSON.stringify(schema));
  await project.startTemporal();
  const { dags } = await project.json<{ dags: DeployResult[] }>('deploy');
  expect(dags).toContainEqual(expect.objectContaining({ reconciles: ['millrace.reconcile.items.store'] }));
  worker = await project.startWorker();
  await Promise.all(['items', ...shaken.map(({ table }) => table)].map((id) => triggerRun(project, id)));
}, 300_000);

afterAll(() => server.stop());

function reconcile(...args: string[]): Promise<ReconcileReport> {
  return reconcileOf('items', ...args);
}

async function reconcileOf(dagId: string, ...args: string[]): Promise<ReconcileReport> {
  const { stdout, stderr } = await project.run('reconcile', dagId, ...args, '--json');
  if (stdout === '') throw new Error(stderr);
  const [report] = (JSON.parse(stdout) as { reports: ReconcileReport[] }).reports;
  if (report === undefined) throw new Error('no report');
  return report;
}

test('what differs is found by checksums, left alone above the cap, healed below it, and kept as a report', async () => {
  await server.run(
    `UPDATE items SET amount = 0 WHERE id IN (1, 1000)`,
    `UPDATE items SET updated_at = '2026-01-05Z' WHERE id = 2`,
    `DELETE FROM items WHERE id = 3`,
    `INSERT INTO items VALUES (5000, 1.25, '2026-01-02Z'), (5001, 1.25, now())`,
  );
  const kinds = { missing: 1, extra: 1, changed: 2, timestampOnly: 1, inFlight: 1 };
  expect(await reconcile('--heal', '--max-heal', '4')).toMatchObject({
    status: 'different',
    way: 'checksums',
    sourceRows: 2001,
    warehouseRows: 2000,
    ...kinds,
    samples: { missing: ['["5000"]'], extra: ['["3"]'], timestampOnly: ['["2"]'] },
    heal: { status: 'above-cap', keys: 5, hint: expect.stringContaining('--approve') },
  });
  expect(await project.rows('SELECT count(*) AS n FROM items WHERE item = 3')).toEqual([{ n: '1' }]);

  expect(await reconcile('--heal', '--max-heal', '4', '--approve', '--deletions')).toMatchObject({
    status: 'healed',
    ...kinds,
    heal: { status: 'healed', keys: 5, counts: { extracted: 5, loaded: 5 }, remaining: 0 },
  });
  expect(await reconcile('--in-flight', '0s')).toMatchObject({
    status: 'different',
    missing: 1,
    inFlight: 0,
  });
  expect(await reconcile('--from', '2026-01-01', '--to', '2026-01-02')).toMatchObject({
    status: 'clean',
    way: 'checksums',
    // All but the one of which the version is later, the new ones, and the one that is gone.
    ...{ sourceRows: 1998, warehouseRows: 1998 },
    window: { column: 'updated_at', from: '2026-01-01T00:00:00.000Z', to: '2026-01-02T00:00:00.000Z' },
  });
  expect(
    await project.rows(
      `SELECT status, way, missing, in_flight, heal_status FROM _millrace_reconciles ORDER BY compared_at`,
    ),
  ).toEqual([
    { status: 'different', way: 'checksums', missing: '1', in_flight: '1', heal_status: 'above-cap' },
    { status: 'healed', way: 'checksums', missing: '1', in_flight: '1', heal_status: 'healed' },
    { status: 'different', way: 'checksums', missing: '1', in_flight: '0', heal_status: null },
    { status: 'clean', way: 'checksums', missing: '0', in_flight: '0', heal_status: null },
  ]);
}, 240_000);

test('a source is read again where checksums are not wanted, with the same outcome', async () => {
  await server.run(`UPDATE items SET amount = 7 WHERE id = 77`);
  expect(await reconcile('--re-read', '--heal')).toMatchObject({
    status: 'healed',
    way: 're-read',
    reason: 'it was asked for',
    changed: 1,
    missing: 0,
    inFlight: 1,
    heal: { counts: { loaded: 2 }, remaining: 0 },
  });
}, 240_000);

test('a schedule of its own compares and heals the table, and goes with the option', async () => {
  await server.run(`UPDATE items SET amount = 8 WHERE id = 88`, `DELETE FROM items WHERE id = 89`);
  const connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
  try {
    const schedule = new Client({ connection }).schedule.getHandle('millrace.reconcile.items.store');
    await schedule.trigger();
    const reports = () =>
      project.rows(
        `SELECT changed, extra, healed, remaining, json_extract_string(report, '$.window.column') AS by_column FROM _millrace_reconciles WHERE reconcile_id LIKE 'millrace.reconcile.items.store%'`,
      );
    await waitUntil('the report is there', async () => (await reports()).length === 1, 240_000);
    expect(await reports()).toEqual([
      { changed: '1', extra: '1', healed: '2', remaining: '0', by_column: 'updated_at' },
    ]);
    project.write('dags/items.ts', dag.replace('reconcile });', '});'));
    await project.json('deploy');
    await expect(schedule.describe()).rejects.toThrow(ScheduleNotFoundError);
  } finally {
    await connection.close();
  }
}, 240_000);

test('workers killed while they compare, heal and report: each report is exact and there once, each heal is one load', async () => {
  await worker.end();
  const asked: Promise<ReconcileReport>[] = [];
  for (const { point, table } of shaken) {
    await server.run(
      `UPDATE ${table} SET amount = 0 WHERE id IN (1, 100)`,
      `DELETE FROM ${table} WHERE id = 3`,
      `INSERT INTO ${table} VALUES (5000, 1.25, '2026-01-02Z')`,
    );
    asked.push(reconcileOf(table, '--heal', '--deletions'));
    // On a slow machine it may be another table's that a worker dies of; each worker dies of one.
    const killed = await project.startWorker(point);
    await killed.ended;
    expect(killed.child.signalCode).toBe('SIGKILL');
  }
  worker = await project.startWorker();
  for (const report of await Promise.all(asked))
    expect(report).toMatchObject({
      status: 'healed',
      way: 'checksums',
      ...{ sourceRows: 300, warehouseRows: 300, missing: 1, extra: 1, changed: 2, timestampOnly: 0 },
      heal: { status: 'healed', keys: 4, counts: { extracted: 4, loaded: 4 }, remaining: 0 },
    });
  const figures = `count(*) AS n, sum(amount) AS amounts, sum(id * amount) AS products`;
  const client = await server.client();
  for (const { table } of shaken) {
    const { rows } = await client.query<Record<string, unknown>>(`SELECT ${figures} FROM ${table}`);
    expect(await project.rows(`SELECT ${figures} FROM ${table}`)).toEqual(rows);
    expect(
      await project.rows(
        `SELECT (SELECT count(*) FROM _millrace_reconciles WHERE table_name = '${table}') AS reports,
           (SELECT count(*) FROM _millrace_loads WHERE table_name = '${table}') AS loads,
           (SELECT sum(loaded) FROM _millrace_loads WHERE table_name = '${table}') AS loaded`,
      ),
    ).toEqual([{ reports: '1', loads: '2', loaded: '304' }]);
  }
}, 400_000);
