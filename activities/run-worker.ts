import { NativeConnection, Runtime, Worker, DefaultLogger } from '@temporalio/worker';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { createSourceRegistry } from '../connectors/registry.js';
import { createLocalStaging } from '../connectors/staging/local.js';
import { createStagedSql } from '../connectors/duckdb/staged-sql.js';
import { warehouseModule, type WarehousePlace } from '../connectors/warehouse-registry.js';
import type { DagDefinition } from '../core/dag-definition.js';
import type { JsonObject } from '../core/json.js';
import { limits } from '../core/limits.js';
import type { ActivityDeps } from './deps.js';
import { createActivities } from './index.js';
import { functionRegistry } from './load-dags.js';

/** What a worker is made from; a composition root reads it from the settings. */
export interface WorkerOptions {
  readonly temporal: { readonly address: string; readonly namespace: string; readonly taskQueue: string };
  readonly projectDirectory: string;
  readonly dataDirectory: string;
  readonly warehouse: WarehousePlace;
  readonly definitions: readonly DagDefinition[];
  /** Settings of a named connection, secrets revealed. @throws PipelineError CONNECTION_UNKNOWN */
  connection(name: string | undefined): JsonObject;
  readonly logger: Logger;
}

/** A worker at work. */
export interface RunningWorker {
  /** Rejects when the worker fails, resolves when it has been stopped. */
  readonly finished: Promise<void>;
  /** Drains: running tasks get a moment, then are cancelled and start again elsewhere. */
  stop(): Promise<void>;
}

/**
 * Starts a worker: opens staging and warehouse, sweeps what dead processes left, connects to Temporal and polls.
 *
 * @throws PipelineError WAREHOUSE_LOCKED and others of the warehouse
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  installLogging(options.logger);
  const deps = await openDeps(options);
  try {
    const connection = await NativeConnection.connect({ address: options.temporal.address });
    const worker = await Worker.create({
      connection,
      namespace: options.temporal.namespace,
      taskQueue: options.temporal.taskQueue,
      activities: createActivities(deps),
      ...workflowCode(),
      maxConcurrentActivityTaskExecutions: limits.workerMaxActivities,
      maxCachedWorkflows: limits.workerMaxCachedWorkflows,
      shutdownGraceTime: limits.workerGraceMs,
      shutdownForceTime: limits.workerForceStopMs,
    });
    const finished = worker.run().finally(async () => {
      await connection.close();
      await closeDeps(deps);
    });
    return {
      finished,
      stop: async () => {
        if (worker.getState() === 'RUNNING') worker.shutdown();
        await finished.catch((error: unknown) => {
          options.logger.warn({ error }, 'the worker did not stop cleanly');
        });
      },
    };
  } catch (error) {
    await closeDeps(deps);
    throw error;
  }
}

async function openDeps(options: WorkerOptions): Promise<ActivityDeps> {
  const staging = createLocalStaging({ directory: `${options.dataDirectory}/staging` });
  await staging.sweep();
  const stagedSql = await createStagedSql({});
  const { createWarehouse } = await warehouseModule(options.warehouse.settings.type);
  const warehouse = createWarehouse({ ...options.warehouse, staging, stagedSql });
  await warehouse.open();
  return {
    staging,
    stagedSql,
    warehouse,
    source: createSourceRegistry({
      projectDirectory: options.projectDirectory,
      dataDirectory: options.dataDirectory,
    }),
    connection: (name) => options.connection(name),
    functions: functionRegistry(options.definitions),
    logger: options.logger,
  };
}

async function closeDeps(deps: ActivityDeps): Promise<void> {
  deps.stagedSql.close();
  await deps.warehouse.close();
}

/** The bundle that the package was built with; from source (tests), the workflows themselves, bundled on the spot. */
function workflowCode(): { workflowBundle: { codePath: string } } | { workflowsPath: string } {
  const bundle = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  return { workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)) };
}

let isLoggingInstalled = false;

/** The SDK's runtime is one per process, and its logger with it. */
function installLogging(logger: Logger): void {
  if (isLoggingInstalled) return;
  isLoggingInstalled = true;
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      logger[level === 'ERROR' ? 'error' : 'warn']({ meta }, message);
    }),
    shutdownSignals: [],
  });
}
