import { readFileSync } from 'node:fs';
import { pino, type Logger } from 'pino';
import type { Settings } from '../config.js';
import { PipelineError } from '../core/errors/index.js';
import type { ApiCaller } from '../serve/api-callers.js';
import { durationMs } from './durations.js';
import type { GatewayOptions } from '../serve/run-gateway.js';
import type { WebhookOptions } from '../serve/webhook-endpoint.js';
import { keyringOf, resolveConnection } from './connections.js';
import { opsPlace } from './ops-place.js';
import { loadProjectDags, warehousePlace } from './project.js';
import { stagingPlace } from './staging.js';
import { temporalTarget, temporalUnavailable } from './temporal/connect.js';

/** A part of Millrace that runs until it is stopped. */
export interface Service {
  /** Rejects when the part fails; never resolves otherwise. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

export interface GatewayService extends Service {
  readonly url: string;
}

/** Logs as JSON lines to stderr, so that stdout stays for results. */
export function createLogger(settings: Settings): Logger {
  return pino({ level: settings.log.level, base: null }, pino.destination({ dest: 2, sync: true }));
}

/** A worker in this process. @throws PipelineError TEMPORAL_UNAVAILABLE, WAREHOUSE_LOCKED, DAG_FILE_FAILED and others */
export async function startWorkerService(settings: Settings): Promise<Service> {
  const logger = createLogger(settings);
  // Loaded when it is needed: the worker's packages take longer to load than most commands to run.
  const { startWorker } = await import('../activities/worker/run-worker.js');
  const { createAlarmSinks } = await import('./alarm-sinks.js');
  const target = temporalTarget(settings);
  const { namespace, taskQueue } = settings.temporal;
  const worker = await startWorker({
    temporal: { connection: target, namespace, taskQueue },
    projectDirectory: settings.projectDirectory,
    dataDirectory: settings.dataDirectory,
    staging: {
      ...stagingPlace(settings),
      ...(settings.staging.retention !== undefined && {
        retentionMs: durationMs(settings.staging.retention),
      }),
    },
    inbox: { retentionMs: durationMs(settings.inbox.retention) },
    warehouse: (ops) => warehousePlace(settings, () => Promise.resolve(ops)),
    ops: {
      ...opsPlace(settings),
      keyring: keyringOf(settings),
      retentionMs: durationMs(settings.ops.retention),
      syncEveryMs: durationMs(settings.ops.syncEvery),
    },
    definitions: await loadProjectDags(settings),
    pools: settings.pools,
    connection: (name, ops) => resolveConnection(settings, ops, name),
    alarms: { ...settings.alarms, sinks: createAlarmSinks(settings, logger) },
    logger,
  }).catch(async (error: unknown) => {
    const isRefused = error instanceof Error && error.name === 'TransportError';
    throw isRefused ? await temporalUnavailable(target, error) : error;
  });
  return { failed: failureOf(worker.finished), stop: () => worker.stop() };
}

/** A gateway in this process. */
export async function startGatewayService(settings: Settings): Promise<GatewayService> {
  // Loaded when it is needed: a worker does without what receives requests.
  const { startGateway } = await import('../serve/run-gateway.js');
  const { createRunStarter } = await import('./api-runs.js');
  const { createOpsReader } = await import('./ops-reader.js');
  const starter = createRunStarter(settings);
  const ops = createOpsReader(settings);
  const gateway = await startGateway({
    host: settings.gateway.host,
    port: settings.gateway.port,
    inboxDirectory: `${settings.dataDirectory}/inbox`,
    writeKeys: settings.gateway.writeKeys.map((key) => key.reveal()),
    webhooks: revealWebhooks(settings),
    api: {
      callers: revealCallers(settings),
      starter,
      streams: settings.gateway.api.streams,
      endedRuns: async (filter) => (await ops.store()).ledger.endedRuns(filter),
      hooks: { ops: ops.store, ...settings.gateway.api.hooks },
    },
    ...(settings.gateway.tls !== undefined && { tls: readTls(settings.gateway.tls) }),
    logger: createLogger(settings),
  });
  return {
    url: `${settings.gateway.tls === undefined ? 'http' : 'https'}://${gateway.address}:${String(gateway.port)}`,
    failed: new Promise<never>(() => undefined),
    stop: async () => {
      await gateway.close();
      await starter.close();
      await ops.close();
    },
  };
}

/** The callers of the API with secrets in the clear. Never log the result. */
function revealCallers(settings: Settings): Record<string, ApiCaller> {
  return Object.fromEntries(
    Object.entries(settings.gateway.api.callers).map(([name, { secrets = [], ...caller }]) => [
      name,
      { ...caller, secrets: secrets.map((secret) => secret.reveal()) },
    ]),
  );
}

/** The webhook endpoints with secrets in the clear. Never log the result. */
export function revealWebhooks(settings: Settings): Record<string, WebhookOptions> {
  return Object.fromEntries(
    Object.entries(settings.gateway.webhooks).map(([name, { secrets = [], ...endpoint }]) => [
      name,
      { ...endpoint, secrets: secrets.map((secret) => secret.reveal()) },
    ]),
  );
}

/** @throws PipelineError CONFIG_INVALID for a file that cannot be read */
function readTls(files: NonNullable<Settings['gateway']['tls']>): NonNullable<GatewayOptions['tls']> {
  const read = (name: 'certFile' | 'keyFile' | 'clientCaFile', path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
      throw new PipelineError('CONFIG_INVALID', {
        problems: [`gateway.tls.${name} cannot be read (${code})`],
      });
    }
  };
  return {
    cert: read('certFile', files.certFile),
    key: read('keyFile', files.keyFile),
    ...(files.clientCaFile !== undefined && { clientCa: read('clientCaFile', files.clientCaFile) }),
  };
}

function failureOf(finished: Promise<void>): Promise<never> {
  const failed = finished.then(() => new Promise<never>(() => undefined));
  // Whoever waits on it hears of it; nobody waiting is no unhandled rejection.
  failed.catch(() => undefined);
  return failed;
}
