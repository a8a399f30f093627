import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { postgres } from '../connectors/postgres/reference.js';
import { defineDag } from '../core/dag/dag-builder.js';
import type { JsonObject } from '../core/json.js';
import { startPostgres } from '../tests/helpers/postgres-server.js';
import { openStages } from '../tests/postgres/stages.js';
import { serverCpu } from './server-cpu.js';

/**
 * Full load of a Postgres table into DuckDB: the extract, validate and load stages against `COPY … TO STDOUT (FORMAT csv)`
 * piped into `read_csv`, each in a process of its own, in one run; the tables are then compared. The extract stage alone
 * (rows in typed files: hashed, synced) stands beside a COPY that is written to a file.
 * `npx tsx bench/postgres.ts [rows]`
 */
const script = fileURLToPath(import.meta.url);
const [mode = '1000000', folder = '', port = ''] = process.argv.slice(2);
const columns: readonly (readonly [
  name: string,
  postgres: string,
  duckDb: string,
  value: string,
  schema: JsonObject,
])[] = [
  ['id', 'bigint PRIMARY KEY', 'BIGINT', 'g', { type: 'integer' }],
  ['customer_id', 'int NOT NULL', 'BIGINT', 'g * 7919 % 100003', { type: 'integer' }],
  ['email', 'text NOT NULL', 'VARCHAR', `'person' || g % 50000 || '@example.com'`, { type: 'string' }],
  ['name', 'text NOT NULL', 'VARCHAR', `'Zoë "Z" Nº' || g`, { type: 'string' }],
  [
    'amount',
    'numeric(12,2) NOT NULL',
    'DECIMAL(12,2)',
    'g % 99999 / 100.0',
    { type: 'string', 'x-type': 'decimal(12,2)' },
  ],
  [
    'tax',
    'numeric(12,4) NOT NULL',
    'DECIMAL(12,4)',
    'g % 7777 / 10000.0',
    { type: 'string', 'x-type': 'decimal(12,4)' },
  ],
  ['currency', 'text NOT NULL', 'VARCHAR', `(ARRAY['EUR','USD','GBP'])[1 + g % 3]`, { type: 'string' }],
  ['quantity', 'int NOT NULL', 'BIGINT', 'g % 12', { type: 'integer' }],
  ['paid', 'boolean NOT NULL', 'BOOLEAN', 'g % 5 <> 0', { type: 'boolean' }],
  [
    'created_at',
    'timestamptz NOT NULL',
    'TIMESTAMPTZ',
    `'2026-01-01T00:00:00Z'::timestamptz + g * interval '1.000001 s'`,
    { type: 'string', format: 'date-time' },
  ],
  [
    'updated_at',
    'timestamptz NOT NULL',
    'TIMESTAMPTZ',
    `'2026-02-01T00:00:00Z'::timestamptz + g * interval '1.000003 s'`,
    { type: 'string', format: 'date-time' },
  ],
  [
    'note',
    'text',
    'VARCHAR',
    `CASE WHEN g % 4 = 0 THEN NULL ELSE repeat('x', 1 + (g % 60)::int) END`,
    { type: ['string', 'null'] },
  ],
];
const digestSql = `SELECT count(*)::VARCHAR AS n, bit_xor(hash(concat_ws('/', ${columns.map(([name, , type]) => (type === 'TIMESTAMPTZ' ? `strftime(${name}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%f')` : `coalesce(${name}::VARCHAR, '-')`)).join(', ')})))::VARCHAR AS digest FROM orders`;

if (mode === 'plain') await plain();
else if (mode === 'millrace') await millrace();
else await measure(Number(mode));

async function measure(rows: number): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const server = await startPostgres({ shared_buffers: '512MB', max_wal_size: '2GB' });
  try {
    await server.run(
      `CREATE TABLE orders (${columns.map(([name, type]) => `${name} ${type}`).join(', ')})`,
      `INSERT INTO orders SELECT ${columns.map(([, , , value]) => value).join(', ')} FROM generate_series(1::bigint, ${String(rows)}) g`,
      'VACUUM (ANALYZE, FREEZE) orders',
    );
    const ratios: { whole: number; read: number; cpu: number; allCpu: number }[] = [];
    for (let round = 1; round <= 3; round += 1) {
      const [a, b] = ['plain', 'millrace'].map((kind) => {
        const own = join(work, `${kind}-${String(round)}`);
        const child = spawnSync(
          process.execPath,
          ['--import', 'tsx', script, kind, own, String(server.port)],
          {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        );
        rmSync(own, { recursive: true, force: true });
        return JSON.parse(child.stdout) as {
          ms: number;
          readMs: number;
          cpuMs: number;
          serverMs: number;
          stages: string;
          maxRssMb: number;
          n: string;
          digest: string;
        };
      });
      if (a === undefined || b === undefined || a.n !== String(rows) || a.n !== b.n || a.digest !== b.digest)
        throw new Error(`the tables differ: ${JSON.stringify([a, b])}`);
      ratios.push({
        whole: a.ms / b.ms,
        read: a.readMs / b.readMs,
        cpu: a.cpuMs / b.cpuMs,
        allCpu: (a.cpuMs + a.serverMs) / (b.cpuMs + b.serverMs),
      });
      process.stdout.write(
        `COPY to a file ${String(a.readMs)} ms, extract ${String(b.readMs)} ms · COPY into read_csv ${String(a.ms)} ms (CPU ${String(a.cpuMs)}, server ${String(a.serverMs)}), ${String(a.maxRssMb)} MB, all stages ${String(b.ms)} ms (CPU ${String(b.cpuMs)}, server ${String(b.serverMs)}; ${b.stages}), ${String(b.maxRssMb)} MB · ${b.n} equal rows\n`,
      );
    }
    const median = (of: 'whole' | 'read' | 'cpu' | 'allCpu'): string =>
      (ratios.map((ratio) => ratio[of]).sort((x, y) => x - y)[1] ?? 0).toFixed(2);
    process.stdout.write(
      `speed: extract ${median('read')} of COPY to a file; all stages ${median('whole')} of COPY into read_csv (goal: at least 0.95), ${median('cpu')} by the CPU time of the client process, ${median('allCpu')} with that of the server\n`,
    );
  } finally {
    await server.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

/** DuckDB reads from a pipe while Postgres still writes into it. */
async function plain(): Promise<void> {
  const serverMsNow = await serverCpu(Number(port));
  spawnSync('mkdir', ['-p', folder]);
  const pipe = join(folder, 'pipe');
  spawnSync('mkfifo', [pipe]);
  const instance = await DuckDBInstance.create(join(folder, 'plain.duckdb'), { memory_limit: '400MB' });
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  const client = new pg.Client({
    host: '127.0.0.1',
    port: Number(port),
    user: 'postgres',
    database: 'postgres',
  });
  await client.connect();
  await client.query(`SET timezone = 'UTC'`);
  const readingAt = performance.now();
  const toFile = client.query(copyTo('COPY orders TO STDOUT (FORMAT csv)', { highWaterMark: 512 * 1024 }));
  await pipeline(toFile, createWriteStream(join(folder, 'orders.csv'), { flush: true }));
  const readMs = performance.now() - readingAt;
  const [startedAt, cpuBefore, serverBefore] = [performance.now(), process.cpuUsage(), serverMsNow()];
  const copy = client.query(copyTo('COPY orders TO STDOUT (FORMAT csv)', { highWaterMark: 512 * 1024 }));
  const types = columns.map(([name, , type]) => `${name}: '${type}'`).join(', ');
  await Promise.all([
    pipeline(copy, createWriteStream(pipe)),
    connection.run(
      `CREATE TABLE orders AS SELECT * FROM read_csv('${pipe}', auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', columns = {${types}})`,
    ),
  ]);
  const ms = performance.now() - startedAt;
  const [cpuMs, serverMs] = [cpuSince(cpuBefore), serverMsNow() - serverBefore];
  await client.end();
  await finish(connection, { ms, readMs, cpuMs, serverMs, stages: '' });
}

async function millrace(): Promise<void> {
  const serverMsNow = await serverCpu(Number(port));
  const connection = {
    connector: 'postgres',
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
  };
  const stages = await openStages(folder, connection);
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
        disposition: 'replace',
      });
    },
  });
  const properties = Object.fromEntries(columns.map(([name, , , , schema]) => [name, schema]));
  const required = columns.flatMap(([name, type]) => (type === 'text' ? [] : [name]));
  const document = { $id: 'bench.v1', type: 'object', required, properties };
  const [startedAt, cpuBefore, serverBefore] = [performance.now(), process.cpuUsage(), serverMsNow()];
  await stages.run(dag, { 'bench.v1': document });
  const ms = performance.now() - startedAt;
  const [cpuMs, serverMs] = [cpuSince(cpuBefore), serverMsNow() - serverBefore];
  await stages.close();
  const readMs = stages.tookMs.get('pull') ?? 0;
  const took = [...stages.tookMs].map(([task, taskMs]) => `${task} ${String(Math.round(taskMs))}`).join(', ');
  await finish(await (await DuckDBInstance.create(join(folder, 'warehouse.duckdb'))).connect(), {
    ms,
    readMs,
    cpuMs,
    serverMs,
    stages: took,
  });
}

interface Took {
  readonly ms: number;
  readonly readMs: number;
  readonly cpuMs: number;
  readonly serverMs: number;
  readonly stages: string;
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function finish(
  connection: DuckDBConnection,
  { ms, readMs, cpuMs, serverMs, stages }: Took,
): Promise<void> {
  const maxRssMb = Math.round(process.resourceUsage().maxRSS / 1024);
  await connection.run(`SET TimeZone = 'UTC'`);
  const [row] = (await connection.runAndReadAll(digestSql)).getRowObjectsJson();
  process.stdout.write(
    JSON.stringify({
      ms: Math.round(ms),
      readMs: Math.round(readMs),
      cpuMs: Math.round(cpuMs),
      serverMs,
      stages,
      maxRssMb,
      ...row,
    }),
  );
}
