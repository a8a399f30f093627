import { Client, Connection } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { pino } from 'pino';
import type { ActivityDeps } from '../activities/deps.js';
import type * as ActivitiesModule from '../activities/index.js';
import type * as LedgerModule from '../activities/ledger/ledger-buffer.js';
import { ledgerSinks } from '../activities/worker/run-worker.js';
import { ensureSearchAttributes } from '../activities/worker/search-attributes.js';
import type * as ValuesModule from '../activities/values.js';
import { hashSpec } from '../client/deployment.js';
import { startDevServer } from '../client/temporal/dev-server.js';
import { obtainTemporalCli } from '../client/temporal/obtain-cli.js';
import { createLocalStaging } from '../connectors/staging/local.js';
import { limits } from '../core/limits.js';
import type { RunInput } from '../core/run/run.js';
import type { RunResult } from '../core/run/run-result.js';
import type * as StoreModule from '../ops/store.js';
import { runAttributes } from '../workflows/search-attributes.js';
import { dagCases, handWrittenActivities, type DagCase, type Ledger, type StepResult } from './dag-cases.js';

/**
 * What the DAG layer costs: DAGs, interpreted from a spec, against hand-written workflows that do the same work with the
 * same guarantees, on one worker and one server, taking turns. What every step returned is compared. The run ledger is
 * kept for the former only, as in a real worker.
 *
 * `npm run build && npx tsx bench/dag.ts [--quick] [--json] [--only TEXT]`
 */
const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, only: { type: 'string' } },
});
const taskQueue = 'bench';
const interpreter = fileURLToPath(built('workflows/index'));
const logger = pino({ level: 'silent' });
const hashes = new Map<DagCase['definition'], string>();

/** What works while the clock runs is the compiled package: the loader of TypeScript sources would add a cost of its own. */
function built(name: string): URL {
  return new URL(`../dist/${name}.js`, import.meta.url);
}

const { createActivities } = (await import(built('activities/index').href)) as typeof ActivitiesModule;
const { createLedgerBuffer } = (await import(built('activities/ledger-buffer').href)) as typeof LedgerModule;
const { createValueReader } = (await import(built('activities/values').href)) as typeof ValuesModule;
const { openOpsStore } = (await import(built('ops/store').href)) as typeof StoreModule;

interface Measurement {
  readonly ms: number;
  /** Processor time of client and worker, which are this process. */
  readonly cpuMs: number;
}

type Side = 'interpreted' | 'handWritten';

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
  const ledger: Ledger = new Map();
  const cases = dagCases(ledger, flags.quick === true).filter(({ name }) => name.includes(flags.only ?? ''));
  const ops = await openOpsStore({ path: join(folder, 'ops.db') });
  const runLedger = createLedgerBuffer(ops.ledger, { worker: 'bench', logger });
  const worker = await Worker.create({
    connection: native,
    taskQueue,
    activities: { ...createActivities(depsFor(cases, runLedger)), ...handWrittenActivities(ledger) },
    sinks: ledgerSinks(runLedger),
    workflowsPath: fileURLToPath(new URL('hand-written.mjs', import.meta.url)),
    // As in the bundle of the package; the hand-written workflows so pay nothing for the modules of the interpreter.
    bundlerOptions: { preloadModules: [interpreter] },
    maxConcurrentActivityTaskExecutions: 64,
    maxCachedWorkflows: limits.workerMaxCachedWorkflows,
  });
  const results = await worker.runUntil(async () => {
    const measured = [];
    for (const one of cases) {
      const result = await compare(client, one, ledger);
      if (flags.json !== true) print(result);
      measured.push(result);
    }
    return measured;
  });
  if (flags.json === true) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
  await runLedger.close();
  await ops.close();
  await native.close();
  await connection.close();
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Of all that activities may need, what functions need. */
function depsFor(cases: readonly DagCase[], runLedger: LedgerModule.LedgerBuffer): ActivityDeps {
  const staging = createLocalStaging({ directory: join(folder, 'staging') });
  const functions = new Map(
    cases.map(({ definition }) => [definition.spec.id, definition.functions] as const),
  );
  return {
    staging,
    values: createValueReader(staging),
    functions: (dagId: string, taskId: string) => functions.get(dagId)?.[taskId] ?? {},
    logger,
    ledger: runLedger,
  } as unknown as ActivityDeps;
}

async function compare(client: Client, one: DagCase, ledger: Ledger) {
  const measured: Record<Side, Measurement[]> = { interpreted: [], handWritten: [] };
  for (let round = 0; round <= one.rounds; round += 1) {
    const order: readonly Side[] =
      round % 2 === 0 ? ['interpreted', 'handWritten'] : ['handWritten', 'interpreted'];
    for (const side of order) {
      const measurement = await measure(client, one, side, round);
      // The first round warms up.
      if (round > 0) measured[side].push(measurement);
    }
    assertSameWork(one, round, ledger);
    ledger.clear();
  }
  const [dag, hand] = [measured.interpreted, measured.handWritten];
  const [dagMs, handMs] = [median(dag.map(({ ms }) => ms)), median(hand.map(({ ms }) => ms))];
  return {
    name: one.name,
    interpretedMs: Math.round(dagMs),
    handWrittenMs: Math.round(handMs),
    ratio: round2(median(dag.map(({ ms }, index) => ms / (hand[index]?.ms ?? 0)))),
    cpuRatio: round2(median(dag.map(({ cpuMs }, index) => cpuMs / (hand[index]?.cpuMs ?? 0)))),
    goal: one.goal,
    rounds: one.rounds,
    history: {
      interpreted: await historyOf(client, workflowId(one, 'interpreted', one.rounds, 0)),
      handWritten: await historyOf(client, workflowId(one, 'handWritten', one.rounds, 0)),
    },
  };
}

/** What one run leaves on the server: as exact as the times are not. */
async function historyOf(client: Client, id: string): Promise<{ events: number; bytes: number }> {
  const { historyLength, historySize } = await client.workflow.getHandle(id).describe();
  return { events: historyLength, bytes: historySize ?? 0 };
}

async function measure(client: Client, one: DagCase, side: Side, round: number): Promise<Measurement> {
  const run = side === 'interpreted' ? runInterpreted : runHandWritten;
  let next = 0;
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: one.concurrency }, async () => {
      for (let index = next++; index < one.runs; index = next++)
        await run(client, one, workflowId(one, side, round, index));
    }),
  );
  const ms = performance.now() - startedAt;
  const used = process.cpuUsage(cpu);
  return { ms, cpuMs: (used.user + used.system) / 1_000 };
}

async function runInterpreted(client: Client, { definition }: DagCase, id: string): Promise<void> {
  const { spec } = definition;
  // A deployment keeps the hash beside the spec.
  const specHash = hashes.get(definition) ?? hashSpec(spec);
  hashes.set(definition, specHash);
  const input: RunInput = { spec, specHash, runType: 'manual' };
  const result = (await client.workflow.execute('runDag', {
    taskQueue,
    workflowId: id,
    args: [input],
    typedSearchAttributes: new TypedSearchAttributes(runAttributes(input)),
  })) as RunResult;
  if (result.tasks.some(({ state }) => state !== 'success'))
    throw new Error(`${id}: not every task succeeded`);
}

async function runHandWritten(client: Client, one: DagCase, id: string): Promise<void> {
  const result = (await client.workflow.execute(one.handWritten.workflow, {
    taskQueue,
    workflowId: id,
    args: [one.handWritten.argument],
    typedSearchAttributes: new TypedSearchAttributes(
      runAttributes({ spec: one.definition.spec, runType: 'manual' }),
    ),
  })) as StepResult;
  if (typeof result.n !== 'number') throw new Error(`${id}: no result`);
}

/** Both sides did every step, and each step returned the same. */
function assertSameWork(one: DagCase, round: number, ledger: Ledger): void {
  for (let index = 0; index < one.runs; index += 1) {
    const [dag, hand] = (['interpreted', 'handWritten'] as const).map((side) =>
      ledger.get(workflowId(one, side, round, index)),
    );
    if (dag?.size !== one.definition.spec.tasks.length || !isDeepStrictEqual(dag, hand))
      throw new Error(`${one.name}: the results of run ${String(index)} differ`);
  }
}

function workflowId(one: DagCase, side: Side, round: number, index: number): string {
  return [one.definition.spec.id, side, round, index].join('-');
}

function print(result: Awaited<ReturnType<typeof compare>>): void {
  const { name, ratio, goal, interpretedMs, handWrittenMs, cpuRatio, history } = result;
  const [dag, hand] = [history.interpreted, history.handWritten];
  process.stdout.write(
    `${[
      `${name}: interpreted ${String(interpretedMs)} ms, hand-written ${String(handWrittenMs)} ms`,
      `ratio ${ratio.toFixed(2)} (goal: at most ${goal.toFixed(2)})`,
      `processor time ${cpuRatio.toFixed(2)}`,
      `history ${String(dag.events)} / ${String(hand.events)} events, ${String(dag.bytes)} / ${String(hand.bytes)} bytes`,
      'results equal',
    ].join(' · ')}\n`,
  );
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
