import { Client } from '@temporalio/client';
import {
  NativeConnection,
  Worker,
  type InjectedSinks,
  type NativeConnectionOptions,
} from '@temporalio/worker';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { createSourceRegistry } from '../../connectors/registry.js';
import type { ResolvedConnection } from '../../connectors/source.js';
import { createStaging, type StagingPlace } from '../../connectors/staging/index.js';
import { createStagedSql } from '../../connectors/duckdb/staged-sql.js';
import { warehouseModule, type WarehousePlace } from '../../connectors/warehouse-registry.js';
import type { AlarmBook, AlarmRoute, AlarmSink } from '../../core/alarms.js';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import type { QualityStore } from '../../core/quality/quality.js';
import type { LedgerSinks } from '../../core/run/ledger.js';
import { limits } from '../../core/limits.js';
import { openOpsStore, type OpsStore, type OpsStoreOptions } from '../../ops/store.js';
import { startAlarmKeeper } from '../alarms/keeper.js';
import { createAssetService } from '../assets/asset-service.js';
import type { ActivityDeps } from '../deps.js';
import { createActivities } from '../index.js';
import { createLedgerBuffer, type LedgerBuffer, type LedgerWriter } from '../ledger/ledger-buffer.js';
import { deployedSpecs } from '../runs/deployed-specs.js';
import { startInboxUpkeep } from '../upkeep/inbox-upkeep.js';
import { startUpkeep } from '../upkeep/ledger-upkeep.js';
import { startStagingUpkeep } from '../upkeep/staging-upkeep.js';
import { functionRegistry } from './load-dags.js';
import { createScheduleActivities } from '../schedules/schedule-activities.js';
import { createTemporalSchedules } from '../schedules/temporal-schedules.js';
import { createTemporalDags } from '../runs/temporal-dags.js';
import { createValueReader } from '../values.js';
import { installLogging } from './sdk-logging.js';
import { createWarehouseRenewal } from './warehouse-renewal.js';
import { workflowCode } from './workflow-code.js';
import { createPoolService } from '../pool-service.js';
import { createFormerRuns } from '../runs/recall-run.js';
import { createTemporalRuns } from '../runs/temporal-runs.js';

/** What a worker is made from; a composition root reads it from the settings. */
export interface WorkerOptions {
  readonly temporal: {
    /** Holds secrets: never log it. */
    readonly connection: NativeConnectionOptions;
    readonly namespace: string;
    readonly taskQueue: string;
  };
  readonly projectDirectory: string;
  readonly dataDirectory: string;
  readonly staging: StagingPlace & { readonly retentionMs?: number };
  readonly inbox: { readonly retentionMs: number };
  /** Where the warehouse is, its connection's secrets revealed. @throws PipelineError CONNECTION_UNKNOWN, CONNECTION_INVALID, SECRET_* */
  warehouse(ops: OpsStore): Promise<WarehousePlace>;
  readonly ops: OpsStoreOptions & { readonly retentionMs: number; readonly syncEveryMs: number };
  readonly definitions: readonly DagDefinition[];
  /** Pools of the settings, by name. */
  readonly pools: Readonly<Record<string, { readonly slots: number }>>;
  /** A named connection, secrets revealed. @throws PipelineError CONNECTION_UNKNOWN, CONNECTION_INVALID, SECRET_* */
  connection(name: string | undefined, ops: OpsStore): Promise<ResolvedConnection>;
  /** Where alarm notices go. */
  readonly alarms: {
    readonly sinks: readonly AlarmSink[];
    readonly routes: readonly AlarmRoute[];
    readonly quarantineOver: number;
  };
  readonly logger: Logger;
}

/** What activities use that needs no connection to Temporal. */
type Stores = Omit<ActivityDeps, 'temporalRuns' | 'formerRuns' | 'pools' | 'assets' | 'runs'>;

/** A worker at work. */
export interface RunningWorker {
  /** Rejects when the worker fails, resolves when it has been stopped. */
  readonly finished: Promise<void>;
  /** Drains: running tasks get a moment, then are cancelled and start again elsewhere. */
  stop(): Promise<void>;
}

/**
 * Starts a worker: opens staging, warehouse and operations store, sweeps what dead processes left, connects to Temporal and polls.
 *
 * @throws PipelineError WAREHOUSE_LOCKED and others of the warehouse, OPS_UNAVAILABLE, STAGING_REFUSED, STAGING_UNAVAILABLE
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const deps = await openDeps(options);
  try {
    // Not before: the SDK's runtime ends with its last connection, and a process that never had one would not end.
    installLogging(options.logger);
    const connection = await NativeConnection.connect(options.temporal.connection);
    return await runOn(connection, deps, options).catch(async (error: unknown) => {
      // A worker that was made already holds it open; what went wrong is told all the same.
      await connection.close().catch(() => undefined);
      throw error;
    });
  } catch (error) {
    await closeDeps(deps);
    throw error;
  }
}

async function runOn(
  connection: NativeConnection,
  deps: WorkerDeps,
  options: WorkerOptions,
): Promise<RunningWorker> {
  const client = new Client({ connection, namespace: options.temporal.namespace });
  const pools = createPoolService(client, options.temporal.taskQueue, options.pools);
  await pools.configureAll();
  const worker = await Worker.create({
    connection,
    namespace: options.temporal.namespace,
    taskQueue: options.temporal.taskQueue,
    identity: deps.ledger.worker,
    sinks: ledgerSinks(deps.ledger),
    activities: {
      ...createActivities({
        ...deps,
        runs: createTemporalDags(client),
        temporalRuns: createTemporalRuns(client),
        formerRuns: createFormerRuns(client),
        pools,
        assets: createAssetService(client, options.temporal.taskQueue),
      }),
      ...createScheduleActivities(deps, {
        schedules: createTemporalSchedules(client),
        alarms: deps.alarms,
      }),
    },
    ...workflowCode(),
    maxConcurrentActivityTaskExecutions: limits.workerMaxActivities,
    maxCachedWorkflows: limits.workerMaxCachedWorkflows,
    maxHeartbeatThrottleInterval: limits.heartbeatThrottleMaxMs,
    defaultHeartbeatThrottleInterval: limits.heartbeatThrottleMaxMs,
    shutdownGraceTime: limits.workerGraceMs,
    shutdownForceTime: limits.workerForceStopMs,
  });
  const upkeep = startUpkeep({
    client,
    store: deps.ops,
    retentionMs: options.ops.retentionMs,
    everyMs: options.ops.syncEveryMs,
    logger: options.logger,
  });
  const alarmKeeper = startAlarmKeeper({
    store: deps.ops,
    book: deps.alarms,
    sinks: options.alarms.sinks,
    definitions: options.definitions,
    woken: deps.woken,
    logger: options.logger,
  });
  const stagingUpkeep = await startRetention(options, deps, client);
  const inboxUpkeep = startInboxUpkeep({
    dataDirectory: options.dataDirectory,
    deployed: () => deployedSpecs(client),
    warehouse: deps.warehouse,
    store: deps.ops,
    retentionMs: options.inbox.retentionMs,
    logger: options.logger,
  });
  const finished = worker.run().finally(async () => {
    await inboxUpkeep.stop();
    await stagingUpkeep?.stop();
    await upkeep.stop();
    await alarmKeeper.stop();
    await connection.close();
    await closeDeps(deps);
  });
  return {
    finished,
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await finished.catch((error: unknown) => {
        options.logger.warn({ err: error }, 'the worker did not stop cleanly');
      });
    },
  };
}

/** Removes staged files past their retention, where the settings name one. */
async function startRetention(options: WorkerOptions, deps: WorkerDeps, client: Client) {
  const { retentionMs } = options.staging;
  if (retentionMs === undefined) return undefined;
  const { neededStaging } = await warehouseModule(deps.place.settings.type);
  return startStagingUpkeep({
    client,
    store: deps.ops,
    staging: deps.staging,
    needed: async () => (await neededStaging?.(deps.place)) ?? new Set(),
    retentionMs,
    logger: options.logger,
  });
}

/** What tells the run ledger, registered with a worker for the workflows that it runs. */
export function ledgerSinks(ledger: LedgerWriter): InjectedSinks<LedgerSinks> {
  return {
    ledger: {
      recordRun: { fn: (_info, run) => ledger.recordRun(run) },
      recordTask: { fn: (_info, task) => ledger.recordTask(task) },
    },
  };
}

/** What a worker closes at its end, beside what activities use. */
interface WorkerDeps extends Stores {
  readonly ops: OpsStore;
  readonly place: WarehousePlace;
  readonly ledger: LedgerBuffer;
  readonly alarms: AlarmBook;
  readonly quality: QualityStore;
  /** Hears `notice` where an alarm notice waits. */
  readonly woken: EventTarget;
}

async function openDeps(options: WorkerOptions): Promise<WorkerDeps> {
  const ops = await openOpsStore(options.ops);
  try {
    const woken = new EventTarget();
    const alarms = ops.alarms.book({
      sinks: options.alarms.sinks.map(({ name }) => name),
      routes: options.alarms.routes,
      onNotice: () => woken.dispatchEvent(new Event('notice')),
    });
    const place = await options.warehouse(ops);
    const stores = await openStores(options, ops, place);
    return {
      ...stores,
      ops,
      place,
      ledger: bufferOf(ops, options.logger),
      alarms,
      quality: ops.quality,
      quarantineAlarmOver: options.alarms.quarantineOver,
      woken,
    };
  } catch (error) {
    await ops.close();
    throw error;
  }
}

function bufferOf(ops: OpsStore, logger: Logger): LedgerBuffer {
  return createLedgerBuffer(ops.ledger, { worker: `${String(process.pid)}@${hostname()}`, logger });
}

async function openStores(options: WorkerOptions, ops: OpsStore, place: WarehousePlace): Promise<Stores> {
  const staging = await createStaging(options.staging);
  await staging.sweep();
  await staging.check();
  const stagedSql = await createStagedSql({});
  const { createWarehouse } = await warehouseModule(place.settings.type);
  const warn = (text: string) => {
    options.logger.warn({ warehouse: place.settings.type }, text);
  };
  const renewal = createWarehouseRenewal(() => options.warehouse(ops), options.logger);
  const warehouse = createWarehouse({ ...place, staging, stagedSql, warn, renewal });
  await warehouse.open();
  return {
    staging,
    stagedSql,
    warehouse,
    values: createValueReader(staging),
    source: createSourceRegistry({
      projectDirectory: options.projectDirectory,
      dataDirectory: options.dataDirectory,
    }),
    connection: (name) => options.connection(name, ops),
    rates: ops.rates,
    functions: functionRegistry(options.definitions),
    logger: options.logger,
  };
}

async function closeDeps(deps: WorkerDeps): Promise<void> {
  await deps.ledger.close();
  await deps.ops.close();
  deps.stagedSql.close();
  await deps.warehouse.close();
}
