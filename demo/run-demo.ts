import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLocal, type Local } from '../client/local.js';
import { reconcileDag } from '../client/reconciliations.js';
import { loadSettings, type Settings } from '../config.js';
import { keyringOf } from '../client/connections.js';
import { opsPlace } from '../client/ops-place.js';
import { warehousePlace } from '../client/project.js';
import { warehouseModule, type WarehousePlace } from '../connectors/warehouse-registry.js';
import { openOpsStore, type OpsStore } from '../ops/store.js';
import type { QueryResult } from '../connectors/warehouse.js';
import { differences, type Truth } from './expectations.js';
import { collectReport, type DemoReport, type ReconcileFigures } from './report.js';
import { webhookSecret } from './site-traffic.js';
import type { ViewState } from './view.js';
import { createWorld, type World } from './world.js';

/** The package's own folder: the demo's DAGs live in its `dags/`. */
const projectDirectory = fileURLToPath(new URL('../..', import.meta.url));
const settleMaxMs = 240_000;
const pollEveryMs = 250;

type Step = { -readonly [Key in keyof ViewState['steps'][number]]: ViewState['steps'][number][Key] };

/** The demo at work: what it shows, and how it ends. */
export interface Demo {
  /** The picture of this moment. */
  snapshot(): Promise<ViewState>;
  /** Resolves once everything has arrived and been reconciled, with what differs from what was sent. */
  readonly settled: Promise<{ readonly report: DemoReport; readonly problems: readonly string[] }>;
  stop(): Promise<void>;
}

/** Starts server, worker, gateway and the outside world, and begins to work. */
export async function startDemo(env: NodeJS.ProcessEnv, onProgress: (line: string) => void): Promise<Demo> {
  const startedAt = performance.now();
  const dataDirectory = env['MILLRACE_DATA_DIRECTORY'] ?? join(projectDirectory, '.millrace', 'demo');
  const world = await createWorld(dataDirectory);
  const secrets = { writeKey: randomUUID(), webhookSecret: webhookSecret() };
  let local: Local;
  let settings: Settings;
  try {
    settings = demoSettings(env, dataDirectory, world, secrets);
    local = await startLocal({ settings, env, gatewayPort: 0, onProgress });
  } catch (error) {
    await world.close();
    throw error;
  }
  const steps: Step[] = [
    'purchases: backfill of 18 months',
    'orders: the shop goes on',
    'events: visitors come',
    'everything has arrived',
    'source and warehouse agree',
  ].map((name) => ({ name, state: 'waiting', detail: '' }));
  const query = createQuery(settings);
  const { version, source, startMs } = local.temporal;
  const specs = local.definitions.map(({ spec }) => spec);
  let reconcile: readonly ReconcileFigures[] = [];
  const report = () => collectReport(query, specs, { version, source, startMs }, reconcile);
  let isStopped = false;

  const work = async (): Promise<{ report: DemoReport; problems: string[] }> => {
    const [, , traffic] = await Promise.all([
      during(steps[0], () => backfill(env, settings, local.temporal.address)),
      during(steps[1], () => world.runShop(), world.shopProgress),
      during(
        steps[2],
        () => world.runTraffic({ gatewayUrl: local.gateway.url, ...secrets }),
        () => `${String(world.sent())} deliveries`,
      ),
    ]);
    const truth: Truth = {
      orders: world.shop.truth().length,
      site_events: traffic.siteEvents,
      email_events: traffic.emailEvents,
    };
    await during(steps[3], () => waitUntilArrived(query, truth, traffic.invalid, () => isStopped));
    reconcile = await during(steps[4], () => reconcileAll(local, settings));
    const final = await report();
    return { report: final, problems: differences(final, truth, traffic.invalid) };
  };
  const settled = Promise.race([work(), local.failed]);
  settled.catch(() => undefined);
  return {
    settled,
    snapshot: async () => ({
      report: await report(),
      lagMs: await lags(query),
      temporalUiUrl: local.temporal.uiUrl,
      gatewayUrl: local.gateway.url,
      steps,
      elapsedMs: performance.now() - startedAt,
    }),
    stop: async () => {
      isStopped = true;
      await local.stop();
      await world.close();
    },
  };
}

function demoSettings(
  env: NodeJS.ProcessEnv,
  dataDirectory: string,
  world: World,
  secrets: { readonly writeKey: string; readonly webhookSecret: string },
): Settings {
  return loadSettings({
    cwd: projectDirectory,
    env,
    flags: {
      dataDirectory,
      'gateway.port': 0,
      'gateway.writeKeys': [secrets.writeKey],
      'gateway.webhooks.email': { provider: 'resend', secrets: [secrets.webhookSecret] },
      'connections.shop': { connector: 'shopify', url: world.shop.url, accessToken: world.shop.accessToken },
      'log.level': env['MILLRACE_LOG_LEVEL'] ?? 'error',
    },
  });
}

async function during<Result>(
  step: Step | undefined,
  work: () => Promise<Result>,
  detail?: () => string,
): Promise<Result> {
  if (step === undefined) return work();
  step.state = 'running';
  const timer = setInterval(() => {
    if (detail !== undefined) step.detail = detail();
  }, pollEveryMs);
  try {
    const result = await work();
    step.state = 'done';
    step.detail = detail?.() ?? (typeof result === 'string' ? result : '');
    return result;
  } finally {
    clearInterval(timer);
  }
}

/** The command a person would type, as a process of its own. */
function backfill(env: NodeJS.ProcessEnv, settings: Settings, temporalAddress: string): Promise<string> {
  const client = fileURLToPath(new URL('../client.js', import.meta.url));
  const args = [
    'backfill',
    'create',
    'purchase-history',
    '--from',
    '1997-01',
    '--to',
    '1998-07',
    '--max-active-runs',
    '4',
    '--wait',
    '--json',
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [client, '--project', projectDirectory, ...args], {
      env: { ...env, TEMPORAL_ADDRESS: temporalAddress, MILLRACE_DATA_DIRECTORY: settings.dataDirectory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString('utf8')));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0)
        reject(
          new Error(
            `millrace backfill create ended with ${String(code)}: ${output.stderr.trim()} ${output.stdout.trim()}`,
          ),
        );
      else {
        const { started, succeeded, skipped } = JSON.parse(output.stdout) as Record<string, number>;
        resolve(
          `${String(started)} runs started, ${String(succeeded)} succeeded, ${String(skipped)} had run before`,
        );
      }
    });
  });
}

/** Waits until every table holds as many rows as were sent. What has not come in time shows in the report. */
async function waitUntilArrived(
  query: (sql: string) => Promise<QueryResult>,
  truth: Truth,
  invalid: number,
  isStopped: () => boolean,
): Promise<void> {
  const deadline = performance.now() + settleMaxMs;
  while (performance.now() < deadline && !isStopped()) {
    const counts = await Promise.all(Object.keys(truth).map(async (table) => countOf(query, table)));
    const quarantined = await countOf(query, '_millrace_quarantine');
    if (Object.values(truth).every((rows, index) => counts[index] === rows) && quarantined >= invalid) return;
    await new Promise((resolve) => setTimeout(resolve, pollEveryMs));
  }
}

async function countOf(query: (sql: string) => Promise<QueryResult>, table: string): Promise<number> {
  try {
    return Number((await query(`SELECT count(*) AS n FROM "${table}"`)).rows[0]?.['n'] ?? 0);
  } catch {
    // No load has made the table yet.
    return -1;
  }
}

async function reconcileAll(local: Local, settings: Settings): Promise<ReconcileFigures[]> {
  const figures: ReconcileFigures[] = [];
  for (const { spec } of local.definitions) {
    const reports = await reconcileDag(local.client, spec.id, { taskQueue: settings.temporal.taskQueue });
    const sum = (name: 'missing' | 'extra' | 'changed') =>
      reports.reduce((total, report) => total + report[name], 0);
    figures.push({
      dag: spec.id,
      status: reports.length > 0 && reports.every(({ status }) => status === 'clean') ? 'clean' : 'different',
      missing: sum('missing'),
      extra: sum('extra'),
      changed: sum('changed'),
    });
  }
  return figures;
}

/** Reads through the worker's process, as the command line does. */
function createQuery(settings: Settings): (sql: string) => Promise<QueryResult> {
  return async (sql) => {
    const { connectReader } = await warehouseModule(settings.warehouse.type);
    const reader = await connectReader(await placeOf(settings));
    try {
      return await reader.query(sql, 10_000);
    } finally {
      await reader.close();
    }
  };
}

/** The store is open only while a connection is looked up there. */
async function placeOf(settings: Settings): Promise<WarehousePlace> {
  let store: OpsStore | undefined;
  try {
    return await warehousePlace(settings, async () => {
      store = await openOpsStore({ ...opsPlace(settings), keyring: keyringOf(settings) });
      return store;
    });
  } finally {
    await store?.close();
  }
}

/** Time since the last load of each DAG. */
async function lags(query: (sql: string) => Promise<QueryResult>): Promise<Record<string, number>> {
  const { rows } = await query(
    'SELECT dag_id, epoch_ms(max(committed_at)) AS at FROM _millrace_loads GROUP BY dag_id',
  );
  return Object.fromEntries(
    rows.map((row) => [String(row['dag_id']), Math.max(0, Date.now() - Number(row['at']))]),
  );
}
