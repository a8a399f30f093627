import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import type { ActivityDeps } from '../activities/deps.js';
import { createActivities } from '../activities/index.js';
import { createLedgerBuffer } from '../activities/ledger-buffer.js';
import { ledgerSinks } from '../activities/run-worker.js';
import { openOpsStore } from '../ops/store.js';
import { hashSpec } from '../client/deployment.js';
import { startDevServer } from '../client/temporal/dev-server.js';
import { obtainTemporalCli } from '../client/temporal/obtain-cli.js';
import { ensureSearchAttributes } from '../activities/search-attributes.js';
import { defineDag } from '../core/dag-builder.js';
import type { DagDefinition } from '../core/dag-definition.js';
import type { RunInput, RunResult, StageContext } from '../core/run.js';

/**
 * What the DAG layer costs: forty tasks in a row and fifty beside each other, interpreted from a spec, against a
 * hand-written workflow that calls the same activities, on the same worker and server. The run ledger is kept for the former
 * only, as in a real worker. `npm run build && npx tsx bench/dag.ts`
 */
const rounds = 9;
const taskQueue = 'bench';

const sequential = defineDag({
  id: 'sequential',
  tasks: ({ task }) => {
    let last = task('t0', { run: async () => ({ n: 0 }) });
    for (let index = 1; index < 40; index += 1)
      last = task(`t${String(index)}`, { after: [last], run: async () => ({ n: index }) });
  },
});
const parallel = defineDag({
  id: 'parallel',
  maxActiveTasks: 50,
  tasks: ({ task }) => {
    for (let index = 0; index < 50; index += 1)
      task(`t${String(index)}`, { run: async () => ({ n: index }) });
  },
});

Runtime.install({ logger: new DefaultLogger('ERROR') });
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
const cli = await obtainTemporalCli({
  env: process.env,
  onProgress: (line) => process.stderr.write(`${line}\n`),
});
const server = await startDevServer({ cliPath: cli.path, dataDirectory: folder });
try {
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection });
  await ensureSearchAttributes(client);
  const native = await NativeConnection.connect({ address: server.address });
  const definitions = [sequential, parallel];
  const functions = (dagId: string, taskId: string) =>
    definitions.find(({ spec }) => spec.id === dagId)?.functions[taskId] ?? {};
  const logger = pino({ level: 'silent' });
  const ops = await openOpsStore({ path: join(folder, 'ops.db') });
  const ledger = createLedgerBuffer(ops.ledger, { worker: 'bench', logger });
  const deps = { functions, logger, ledger } as unknown as ActivityDeps;
  const worker = await Worker.create({
    connection: native,
    taskQueue,
    activities: createActivities(deps),
    sinks: ledgerSinks(ledger),
    workflowsPath: fileURLToPath(new URL('hand-written.mjs', import.meta.url)),
    maxConcurrentActivityTaskExecutions: 64,
  });
  await worker.runUntil(async () => {
    for (const definition of definitions) await compare(client, definition);
  });
  await ledger.close();
  await ops.close();
  await native.close();
  await connection.close();
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function compare(client: Client, { spec }: DagDefinition): Promise<void> {
  const times = { interpreted: [] as number[], handWritten: [] as number[] };
  const context: StageContext = {
    dagId: spec.id,
    workflowId: 'bench',
    runId: 'bench',
    runType: 'manual',
    startedAt: new Date().toISOString(),
    params: {},
  };
  for (let round = 0; round <= rounds; round += 1) {
    const runs = {
      interpreted: async () => {
        const input: RunInput = { spec, specHash: hashSpec(spec), runType: 'manual' };
        const result = (await client.workflow.execute('runDag', {
          taskQueue,
          workflowId: `${spec.id}-dag-${String(round)}`,
          args: [input],
        })) as RunResult;
        return result.tasks.filter(({ state }) => state === 'success').length;
      },
      handWritten: async () => {
        const input = { context, tasks: spec.tasks, isParallel: spec.id === 'parallel' };
        const results = (await client.workflow.execute('handWritten', {
          taskQueue,
          workflowId: `${spec.id}-hand-${String(round)}`,
          args: [input],
        })) as unknown[];
        return results.length;
      },
    };
    for (const kind of round % 2 === 0
      ? (['interpreted', 'handWritten'] as const)
      : (['handWritten', 'interpreted'] as const)) {
      const startedAt = performance.now();
      const done = await runs[kind]();
      if (done !== spec.tasks.length)
        throw new Error(`${kind} did ${String(done)} of ${String(spec.tasks.length)} tasks`);
      // The first round warms up.
      if (round > 0) times[kind].push(performance.now() - startedAt);
    }
  }
  const [dag, hand] = [median(times.interpreted), median(times.handWritten)];
  process.stdout.write(
    `${spec.id}: ${String(spec.tasks.length)} tasks · interpreted ${dag.toFixed(0)} ms · hand-written ${hand.toFixed(0)} ms · ratio ${(dag / hand).toFixed(2)} (goal: at most 1.10)\n`,
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
