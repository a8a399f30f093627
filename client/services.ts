import { pino, type Logger } from 'pino';
import { createLogSink, createWebhookSink } from '../activities/alarm-sinks.js';
import type { AlarmSink } from '../core/alarms.js';
import { PipelineError } from '../core/errors/index.js';
import type { Settings } from '../config.js';
import { durationMs } from './durations.js';
import { startGateway } from '../serve/run-gateway.js';
import { connectionOf, loadProjectDags, warehousePlace } from './project.js';
import { temporalAddress } from './temporal/connect.js';

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

/** A worker in this process. @throws PipelineError WAREHOUSE_LOCKED, DAG_FILE_FAILED and others */
export async function startWorkerService(settings: Settings): Promise<Service> {
  const logger = createLogger(settings);
  // Loaded when it is needed: the worker's packages take longer to load than most commands to run.
  const { startWorker } = await import('../activities/run-worker.js');
  const worker = await startWorker({
    temporal: { ...settings.temporal, address: temporalAddress(settings) },
    projectDirectory: settings.projectDirectory,
    dataDirectory: settings.dataDirectory,
    warehouse: warehousePlace(settings),
    ops: {
      path: settings.ops.path,
      retentionMs: durationMs(settings.ops.retention),
      syncEveryMs: durationMs(settings.ops.syncEvery),
    },
    definitions: await loadProjectDags(settings),
    pools: settings.pools,
    connection: (name) => connectionOf(settings, name),
    alarmSinks: alarmSinks(settings, logger),
    logger,
  });
  return { failed: failureOf(worker.finished), stop: () => worker.stop() };
}

/** A gateway in this process. */
export async function startGatewayService(settings: Settings): Promise<GatewayService> {
  const gateway = await startGateway({
    host: settings.gateway.host,
    port: settings.gateway.port,
    inboxDirectory: `${settings.dataDirectory}/inbox`,
    writeKeys: settings.gateway.writeKeys.map((key) => key.reveal()),
    webhooks: Object.fromEntries(
      Object.entries(settings.gateway.webhooks).map(([name, { secrets }]) => [
        name,
        { secrets: secrets.map((secret) => secret.reveal()) },
      ]),
    ),
    logger: createLogger(settings),
  });
  return {
    url: `http://${gateway.address}:${String(gateway.port)}`,
    failed: new Promise<never>(() => undefined),
    stop: () => gateway.close(),
  };
}

/** @throws PipelineError CONFIG_INVALID */
function alarmSinks({ alarms }: Settings, logger: Logger): AlarmSink[] {
  const address = alarms.webhook?.reveal();
  if (address === undefined) return [createLogSink(logger)];
  if (!/^https?:/.test(address) || !URL.canParse(address)) {
    throw new PipelineError('CONFIG_INVALID', {
      problems: ['alarms.webhook is not an http or https address'],
    });
  }
  return [createLogSink(logger), createWebhookSink(new URL(address))];
}

function failureOf(finished: Promise<void>): Promise<never> {
  const failed = finished.then(() => new Promise<never>(() => undefined));
  // Whoever waits on it hears of it; nobody waiting is no unhandled rejection.
  failed.catch(() => undefined);
  return failed;
}
