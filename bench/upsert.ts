import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import type { ActivityDeps, StageIo } from '../activities/deps.js';
import { createLoad } from '../activities/load.js';
import { createTryLog } from '../activities/worker/task-log.js';
import { createDuckDbWarehouse } from '../connectors/duckdb/index.js';
import { createLocalStaging } from '../connectors/staging/local.js';
import { defaultContract, type ColumnSpec } from '../core/loading/columns.js';
import type { LoadTask } from '../core/dag/dag-spec.js';
import { defineDag } from '../core/dag/dag-builder.js';
import { zeroCounts, type Manifest } from '../core/loading/manifest.js';
import type { StageContext } from '../core/run/run.js';

/**
 * Batches into a table of a million rows, a fifth of each older than what is stored, each delivered twice: the load stage
 * against a hand-written, guarded DELETE and INSERT in one transaction over the same staged files, batch by batch in one
 * process, the two taking turns at going first. Both tables are compared in the end. CPU time is that of all threads.
 * `npx tsx bench/upsert.ts [--quick] [--timeout-s 900]`
 */
const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, 'timeout-s': { type: 'string', default: '900' } },
});
const batches = options.quick ? 10 : 100;
const rowsPerBatch = 10_000;
const storedRows = 1_000_000;
const goals = { ratio: 1.15, second: 0.2 };
const columns: readonly ColumnSpec[] = [
  { name: 'id', type: 'int64', nullable: false },
  { name: 'email', type: 'string', nullable: false },
  { name: 'amount', type: 'decimal', precision: 18, scale: 2, nullable: false },
  { name: 'updated_at', type: 'timestamp', nullable: false },
  { name: 'note', type: 'string', nullable: true },
];

interface Cost {
  readonly ms: number;
  readonly cpuMs: number;
}

interface Side {
  /** Brings one batch in. */
  deliver(batch: Manifest): Promise<void>;
  close(): Promise<void>;
}

const timer = setTimeout(
  () => {
    process.stderr.write(`not done after ${options['timeout-s']} s\n`);
    process.exit(1);
  },
  Number(options['timeout-s']) * 1_000,
);
await measure();
clearTimeout(timer);

async function measure(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'millrace-upsert-'));
  try {
    const staging = createLocalStaging({ directory: join(work, 'staging') });
    const manifests = await generate(staging);
    const hand = await handWritten(join(work, 'hand.duckdb'), staging);
    const millrace = await loadStage(join(work, 'millrace.duckdb'), staging);
    const times = { hand: [] as Cost[], first: [] as Cost[], second: [] as Cost[] };
    for (const [index, manifest] of manifests.entries()) {
      const isStored = index === 0;
      const deliver = async (side: Side, into: Cost[]) => {
        const startedAt = performance.now();
        const cpuBefore = process.cpuUsage();
        await side.deliver(manifest);
        const { user, system } = process.cpuUsage(cpuBefore);
        if (!isStored) into.push({ ms: performance.now() - startedAt, cpuMs: (user + system) / 1_000 });
      };
      const turns = [() => deliver(hand, times.hand), () => deliver(millrace, times.first)];
      for (const turn of index % 2 === 0 ? turns : turns.reverse()) await turn();
      if (!isStored) await deliver(millrace, times.second);
    }
    await Promise.all([hand.close(), millrace.close()]);
    const rows = await sameRows(join(work, 'hand.duckdb'), join(work, 'millrace.duckdb'));
    report(times, rows);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function report(times: Record<'hand' | 'first' | 'second', readonly Cost[]>, rows: number): void {
  const median = (list: readonly number[]) =>
    [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
  const sum = (list: readonly number[]) => list.reduce((total, ms) => total + ms, 0);
  const lines = (['ms', 'cpuMs'] as const).flatMap((unit) => {
    const [hand, first, second] = [times.hand, times.first, times.second].map((costs) =>
      costs.map((cost) => cost[unit]),
    ) as [number[], number[], number[]];
    return [
      `${unit === 'ms' ? 'time' : 'CPU time'} of a batch, median: by hand ${median(hand).toFixed(1)} ms, Millrace ${median(first).toFixed(1)} ms, delivered again ${median(second).toFixed(1)} ms`,
      `  first delivery to by hand: medians ${(median(first) / median(hand)).toFixed(2)}, sums ${(sum(first) / sum(hand)).toFixed(2)} (goal: at most ${String(goals.ratio)})`,
      `  second delivery to first: medians ${(median(second) / median(first)).toFixed(3)}, sums ${(sum(second) / sum(first)).toFixed(3)} (goal: at most ${String(goals.second)})`,
    ];
  });
  process.stdout.write(
    [
      `${String(batches)} batches of ${String(rowsPerBatch)} rows into ${String(storedRows)}, ${String(rows)} equal rows in the end`,
      ...lines,
      '',
    ].join('\n'),
  );
}

/** The rows that are stored first, and the batches: a fifth older, a tenth new, the rest newer than what is stored. */
async function generate(staging: ReturnType<typeof createLocalStaging>): Promise<Manifest[]> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '700MB' });
  const connection = await instance.connect();
  const manifests: Manifest[] = [];
  for (let batch = 0; batch <= batches; batch += 1) {
    const count = batch === 0 ? storedRows : rowsPerBatch;
    const path = staging.temporaryPath('parquet');
    // A multiplication by a prime spreads the keys over the table; within a batch they differ.
    const id =
      batch === 0
        ? 'n + 1'
        : `CASE WHEN n % 10 = 9 THEN ${String(storedRows + batch * rowsPerBatch)} + n ELSE ((n + ${String(batch * rowsPerBatch)}) * 7919) % ${String(storedRows)} + 1 END`;
    const age = batch === 0 ? '0' : `CASE WHEN n % 10 < 2 THEN -1 ELSE ${String(batch)} END`;
    await connection.run(
      `COPY (SELECT n AS _millrace_position, CAST(${id} AS BIGINT) AS id, 'person' || (${id}) || '@example.com' AS email,
               CAST(((n * 37 + ${String(batch)}) % 1000000) / 100 AS DECIMAL(18, 2)) AS amount,
               TIMESTAMP '2026-01-01' + to_days(CAST(${age} AS INTEGER)) AS updated_at, repeat('x', 150) || ${String(batch)} AS note
             FROM (SELECT range AS n FROM range(${String(count)}))) TO '${path}' (FORMAT parquet)`,
    );
    const file = await staging.adopt(path, 'parquet', count);
    manifests.push({
      manifestVersion: 1,
      files: [file],
      deletes: [],
      rejects: [],
      counts: { ...zeroCounts, extracted: count },
      contentHash: file.sha256,
      columns,
      ingestedAt: new Date(Date.UTC(2026, 1, 1) + batch * 1_000).toISOString(),
    });
  }
  connection.closeSync();
  instance.closeSync();
  return manifests;
}

/** What somebody who knows DuckDB would write for this one table. */
async function handWritten(path: string, staging: ReturnType<typeof createLocalStaging>): Promise<Side> {
  const instance = await DuckDBInstance.create(path, { memory_limit: '700MB' });
  const connection = await instance.connect();
  const names = columns.map(({ name }) => name).join(', ');
  await connection.run(
    'CREATE TABLE customers (id BIGINT, email VARCHAR, amount DECIMAL(18, 2), updated_at TIMESTAMP, note VARCHAR)',
  );
  return {
    deliver: async ({ files }) => {
      const [file] = files;
      if (file === undefined) return;
      await connection.run('BEGIN TRANSACTION');
      await connection.run(
        `CREATE OR REPLACE TEMP TABLE batch AS SELECT ${names} FROM read_parquet('${await staging.localPath(file)}')
         QUALIFY row_number() OVER (PARTITION BY id ORDER BY updated_at DESC, _millrace_position DESC) = 1`,
      );
      await connection.run(
        'DELETE FROM customers s USING batch b WHERE s.id = b.id AND s.updated_at < b.updated_at',
      );
      await connection.run(
        `INSERT INTO customers SELECT ${names} FROM batch b WHERE NOT EXISTS (SELECT 1 FROM customers s WHERE s.id = b.id)`,
      );
      await connection.run('COMMIT');
    },
    close: () => {
      connection.closeSync();
      instance.closeSync();
      return Promise.resolve();
    },
  };
}

async function loadStage(path: string, staging: ReturnType<typeof createLocalStaging>): Promise<Side> {
  const warehouse = createDuckDbWarehouse({ path, staging, memoryLimitMb: 700 });
  await warehouse.open();
  const logger = pino({ level: 'silent' });
  const load = createLoad({ staging, warehouse, logger } as unknown as ActivityDeps);
  const io: StageIo = {
    signal: new AbortController().signal,
    attempt: 1,
    heartbeat: () => undefined,
    logger,
    log: createTryLog(logger).log,
  };
  const context: StageContext = {
    ...{ dagId: 'bench', workflowId: 'bench', runId: 'bench', runType: 'manual', params: {} },
    startedAt: new Date().toISOString(),
  };
  const task = loadTask();
  return {
    deliver: async (input) => {
      await load({ context, task, input }, io);
    },
    close: () => warehouse.close(),
  };
}

function loadTask(): LoadTask {
  const { spec } = defineDag({
    id: 'bench',
    schedule: 'manual',
    tasks: ({ extract, load }) => {
      const raw = extract('pull', {
        from: async function* () {
          yield {};
        },
      });
      load('store', raw, {
        into: 'customers',
        key: ['id'],
        version: ['updated_at'],
        disposition: 'merge',
        contract: defaultContract,
      });
    },
  });
  const task = spec.tasks.find(({ kind }) => kind === 'load');
  if (task?.kind !== 'load') throw new Error('the DAG has no load');
  return task;
}

/** How many rows both tables hold. @throws where they differ */
async function sameRows(hand: string, millrace: string): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`ATTACH '${hand}' AS hand (READ_ONLY)`);
  await connection.run(`ATTACH '${millrace}' AS millrace (READ_ONLY)`);
  const [a, b] = [await digest(connection, 'hand'), await digest(connection, 'millrace')];
  connection.closeSync();
  instance.closeSync();
  if (a.digest !== b.digest || a.n !== b.n) throw new Error(`the tables differ: ${JSON.stringify([a, b])}`);
  return Number(a.n);
}

async function digest(connection: DuckDBConnection, database: string) {
  const result = await connection.runAndReadAll(
    `SELECT count(*)::VARCHAR AS n, bit_xor(hash(id, email, amount, updated_at, note))::VARCHAR AS digest FROM ${database}.customers`,
  );
  const [row] = result.getRowObjectsJson();
  return { n: String(row?.['n']), digest: String(row?.['digest']) };
}
