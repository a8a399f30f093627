import { Client } from '@temporalio/client';
import type { Settings } from '../config.js';
import type { DagDefinition } from '../core/dag/dag-definition.js';
import { deployDags, type DeployResult } from './deployment.js';
import { checkPools, deployPools } from './pools.js';
import { loadProjectDags } from './project.js';
import { startGatewayService, startWorkerService, type GatewayService, type Service } from './services.js';
import { connectTemporal, temporalTarget } from './temporal/connect.js';
import { startDevServer, type DevServer } from './temporal/dev-server.js';
import { obtainTemporalCli } from './temporal/obtain-cli.js';
import { ensureSearchAttributes } from '../activities/worker/search-attributes.js';

/** Everything that a laptop needs, running. */
export interface Local {
  readonly temporal: {
    readonly address: string;
    readonly uiUrl: string;
    readonly version: string;
    readonly source: string;
    readonly startMs: number;
  };
  readonly gateway: GatewayService;
  readonly worker: Service;
  readonly client: Client;
  readonly definitions: readonly DagDefinition[];
  readonly deployed: readonly DeployResult[];
  /** Rejects when the worker or the gateway fails. */
  readonly failed: Promise<never>;
  /** Ends everything that was started here, in reverse order; leaves no process. */
  stop(): Promise<void>;
}

export interface LocalOptions {
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly gatewayPort: number;
  onProgress(line: string): void;
}

/**
 * Starts a Temporal server (or uses the configured one), a worker and a gateway in this process, and deploys the
 * project's DAGs. Files of the project are read before anything starts, so that a mistake in them costs nothing.
 *
 * @throws PipelineError CONFIG_INVALID, DAG_INVALID, DAG_FILE_FAILED, TEMPORAL_UNAVAILABLE
 */
export async function startLocal({ settings, env, gatewayPort, onProgress }: LocalOptions): Promise<Local> {
  temporalTarget(settings);
  const definitions = await loadProjectDags(settings);
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const step of stops.splice(0).reverse()) await step();
  };
  try {
    const temporal = await temporalFor(settings, env, onProgress);
    if (temporal.server !== undefined) stops.push(() => temporal.server?.stop() ?? Promise.resolve());
    const connected = { ...settings, temporal: { ...settings.temporal, address: temporal.address } };
    const connection = await connectTemporal(connected);
    stops.push(() => connection.close());
    const client = new Client({ connection, namespace: settings.temporal.namespace });
    await checkPools(client, settings, definitions);
    await ensureSearchAttributes(client);
    const worker = await startWorkerService(connected);
    stops.push(() => worker.stop());
    const gateway = await startGatewayService({
      ...settings,
      gateway: { ...settings.gateway, port: gatewayPort },
    });
    stops.push(() => gateway.stop());
    const deployed = await deployDags(client, definitions, {
      taskQueue: settings.temporal.taskQueue,
      dryRun: false,
      prune: false,
    });
    await deployPools(client, settings, definitions);
    return {
      temporal,
      gateway,
      worker,
      client,
      definitions,
      deployed,
      failed: Promise.race([worker.failed, gateway.failed]),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function temporalFor(
  settings: Settings,
  env: LocalOptions['env'],
  onProgress: LocalOptions['onProgress'],
): Promise<Local['temporal'] & { server?: DevServer }> {
  const { address } = settings.temporal;
  if (address !== undefined) {
    const connection = await connectTemporal(settings);
    const { serverVersion } = await connection.workflowService.getSystemInfo({});
    await connection.close();
    return {
      address,
      uiUrl: '(of the configured server)',
      version: serverVersion,
      source: 'TEMPORAL_ADDRESS',
      startMs: 0,
    };
  }
  const cli = await obtainTemporalCli({ env, onProgress });
  const server = await startDevServer({ cliPath: cli.path, dataDirectory: settings.dataDirectory });
  const { uiUrl, version, startMs } = server;
  return {
    address: server.address,
    uiUrl,
    version,
    source: server.isReused ? 'running' : cli.source,
    startMs,
    server,
  };
}
