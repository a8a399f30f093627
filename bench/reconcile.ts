import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPlanReconcile } from '../activities/reconcile/reconcile-plan.js';
import { createCompareBuckets, createCompareKeys } from '../activities/reconcile/reconcile-steps.js';
import { postgres } from '../connectors/postgres/reference.js';
import { defineDag } from '../core/dag/dag-builder.js';
import { limits } from '../core/limits.js';
import { startPostgres } from '../tests/helpers/postgres-server.js';
import { openStages } from '../tests/postgres/stages.js';
import { chainOf } from '../workflows/load-chain.js';
import { serverCpu } from './server-cpu.js';

/**
 * Reconcile of a Postgres table with DuckDB, with scattered differences, against one hash scan of each side (the sum of the
 * MD5 of every row, without buckets), in one run, in CPU time of all processes. What it finds is checked key by key. Linux.
 * `npx tsx bench/reconcile.ts [rows]`
 */
const rows = Number(process.argv[2] ?? '1000000');
const columns = ['id', 'customer_id', 'email', 'amount', 'paid', 'created_at', 'updated_at', 'note'];
const schema = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    customer_id: { type: 'integer' },
    email: { type: 'string' },
    amount: { type: 'string', 'x-type': 'decimal(12,2)' },
    paid: { type: 'boolean' },
    created_at: { type: 'string', format: 'date-time' },
    updated_at: { type: 'string', format: 'date-time' },
    note: { type: ['string', 'null'] },
  },
};
const dag = defineDag({
  id: 'bench',
  schedule: 'manual',
  tasks: ({ extract, validate, load }) => {
    const raw = extract('pull', {
      from: postgres.table({ connection: 'db', table: 'orders' }),
      read: 'full',
    });
    load('store', validate('check', raw, { schema: 'bench.v1' }), {
      into: 'orders',
      key: ['id'],
      version: ['updated_at'],
      disposition: 'merge',
    });
  },
});
const load = dag.spec.tasks.find((task) => task.kind === 'load');
const chain = load === undefined ? undefined : chainOf(dag.spec, load);
if (load === undefined || chain === undefined) throw new Error('no load');
const request = { dagId: 'bench', ...chain, load };

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
const server = await startPostgres({ shared_buffers: '512MB', max_wal_size: '2GB' });
try {
  await server.run(
    `CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, email text, amount numeric(12,2), paid boolean, created_at timestamptz, updated_at timestamptz, note text)`,
    `INSERT INTO orders SELECT g, g * 7919 % 100003, 'person' || g % 50000 || '@example.com', g % 99999 / 100.0, g % 5 <> 0,
       '2026-01-01Z'::timestamptz + g * interval '1.000001 s', '2025-02-01Z'::timestamptz + g * interval '1.000003 s',
       CASE WHEN g % 4 <> 0 THEN repeat('x', 1 + (g % 60)::int) END FROM generate_series(1::bigint, ${String(rows)}) g`,
    'VACUUM (ANALYZE, FREEZE) orders',
  );
  const stages = await openStages(folder, server.connection());
  await stages.run(dag, { 'bench.v1': schema });
  const client = await server.client();
  const text = `concat_ws(',', ${columns.map((name) => `coalesce(CAST(${name} AS VARCHAR), '-')`).join(', ')})`;
  const serverMs = await serverCpu(server.port);
  const cpuMs = () => process.cpuUsage().user / 1_000 + process.cpuUsage().system / 1_000 + serverMs();
  const scan = async (): Promise<number> => {
    const startedAt = cpuMs();
    await client.query(`SELECT sum(('x' || substr(md5(${text}), 1, 15))::bit(60)::bigint) FROM orders`);
    await stages.query(
      `SELECT CAST(sum(CAST('0x' || substr(md5(${text}), 1, 15) AS BIGINT)) AS VARCHAR) AS s FROM orders`,
    );
    return cpuMs() - startedAt;
  };
  const reconcile = async (): Promise<{ readonly ms: number; readonly keys: readonly string[] }> => {
    const startedAt = cpuMs();
    const plan = await createPlanReconcile(stages.deps)(request, stages.io);
    if (plan.way !== 'checksums') throw new Error(plan.reason);
    const modulus = limits.reconcileBuckets;
    const { file } = await createCompareBuckets(stages.deps)({ request, plan, modulus }, stages.io);
    if (file.rows === 0) return { ms: cpuMs() - startedAt, keys: [] };
    const { differences, changed } = await createCompareKeys(stages.deps)(
      { request, plan, within: { file, modulus }, inFlightSince: new Date().toISOString() },
      stages.io,
    );
    const ms = cpuMs() - startedAt;
    const lines = readFileSync(await stages.deps.staging.localPath(differences), 'utf8')
      .trim()
      .split('\n');
    if (changed !== lines.length) throw new Error('the counts and the keys differ');
    return { ms, keys: lines.map((line) => (JSON.parse(line) as { key: [string] }).key[0]) };
  };
  await scan();
  const none: number[] = [];
  for (const count of [0, 10, 1_000, 100_000]) {
    const every = count === 0 ? rows + 1 : rows / count;
    await server.run(
      `UPDATE orders SET amount = -1 WHERE id % ${String(every)} = 0 AND amount <> -1`,
      'VACUUM orders',
    );
    const rounds: { scanMs: number; ms: number }[] = [];
    for (let round = 0; round < 3; round += 1) {
      const scanMs = await scan();
      const { ms, keys } = await reconcile();
      const isExact = keys.length === count && keys.every((key) => Number(key) % every === 0);
      if (!isExact || new Set(keys).size !== count) throw new Error(`${String(keys.length)} keys found`);
      rounds.push({ scanMs, ms });
    }
    const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[1] ?? 0;
    const ratio = median(rounds.map(({ ms, scanMs }) => ms / scanMs));
    none.push(median(rounds.map(({ ms }) => ms)));
    process.stdout.write(
      `${String(count)} differences, all found: ${ratio.toFixed(2)} of one hash scan of each side, ${((none.at(-1) ?? 0) / (none[0] ?? 1)).toFixed(2)} of no difference (${rounds.map(({ ms, scanMs }) => `${String(Math.round(ms))}/${String(Math.round(scanMs))} ms`).join(', ')})\n`,
    );
  }
  await stages.close();
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
