import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { isUnansweredQuery, noWorkerAnswers } from '../activities/worker/no-worker.js';
import { createPoolService, unknownPool, type PoolService } from '../activities/pool-service.js';
import type { Settings } from '../config.js';
import type { DagDefinition } from '../core/dag/dag-definition.js';
import { PipelineError } from '../core/errors/index.js';
import { isInternalPool, poolWorkflowId } from '../core/ids.js';
import { Pool } from '../core/pools/pool.js';
import { newPool, type PoolView } from '../core/pools/pool-state.js';
import { poolNamePattern } from '../core/dag/read-slots.js';
import { internalPools } from '../core/pools/slot-requests.js';
import { closePoolUpdate, poolQuery } from '../workflows/messages.js';

/** One line of `pool list`. */
export interface PoolSummary {
  readonly pool: string;
  /** Who made it: the settings, a person at run time, or Millrace for a DAG's own bounds. */
  readonly origin: 'settings' | 'set' | 'dag';
  readonly description: string;
  readonly slots: number;
  readonly usedSlots: number;
  readonly waiting: number;
}

/** @throws PipelineError POOLS_INVALID naming every task whose pools do not fit, and keys with two limits. */
export async function checkPools(
  client: Client,
  settings: Settings,
  definitions: readonly DagDefinition[],
): Promise<void> {
  const problems: string[] = [];
  const tasks = definitions.flatMap(({ spec }) => spec.tasks.map((task) => ({ dagId: spec.id, ...task })));
  const isMissing = tasks.some(({ pool }) => pool !== undefined && !(pool.name in settings.pools));
  const running = isMissing ? await serviceOf(client, settings).running() : [];
  const known = [...new Set([...Object.keys(settings.pools), ...running])]
    .filter((name) => !isInternalPool(name))
    .sort();
  const limitOf = new Map<string, { limit: number; at: string }>();
  for (const { dagId, id, pool, concurrency } of tasks) {
    const at = `task "${id}" of DAG "${dagId}"`;
    if (pool !== undefined) {
      const { slots } = settings.pools[pool.name] ?? {};
      if (!known.includes(pool.name))
        problems.push(
          `${at} names pool "${pool.name}"; known: ${known.length === 0 ? 'none' : known.join(', ')}`,
        );
      else if (slots !== undefined && slots > 0 && pool.slots > slots)
        problems.push(
          `${at} needs ${String(pool.slots)} slots of pool "${pool.name}", which has ${String(slots)}`,
        );
    }
    if (concurrency === undefined) continue;
    const { key, limit } = concurrency;
    const other = limitOf.get(key);
    if (other === undefined) limitOf.set(key, { limit, at });
    else if (other.limit !== limit)
      problems.push(
        `concurrency key "${key}" has limit ${String(limit)} at ${at} and ${String(other.limit)} at ${other.at}`,
      );
  }
  if (problems.length > 0) throw new PipelineError('POOLS_INVALID', { problems });
}

/** Makes the pools of the settings and those behind the bounds of DAGs, with the sizes that they have now. */
export async function deployPools(
  client: Client,
  settings: Settings,
  definitions: readonly DagDefinition[],
): Promise<void> {
  const service = serviceOf(client, settings);
  await service.configureAll();
  const sizes = new Map(definitions.flatMap(({ spec }) => [...internalPools(spec)]));
  for (const [pool, slots] of sizes) await service.configure(pool, slots);
}

/** Every pool: of the settings, and with a coordinator. @throws PipelineError TEMPORAL_UNAVAILABLE without a worker */
export async function listPools(client: Client, settings: Settings): Promise<PoolSummary[]> {
  const running = await serviceOf(client, settings).running();
  const names = [...new Set([...Object.keys(settings.pools), ...running])].sort();
  return Promise.all(
    names.map(async (pool) => {
      const setting = settings.pools[pool];
      const view = await viewOf(client, pool);
      return {
        pool,
        origin: setting !== undefined ? 'settings' : isInternalPool(pool) ? 'dag' : 'set',
        description: setting?.description ?? '',
        slots: view?.slots ?? setting?.slots ?? 0,
        usedSlots: view?.usedSlots ?? 0,
        waiting: view?.waiting ?? 0,
      };
    }),
  );
}

/** @throws PipelineError POOL_UNKNOWN, TEMPORAL_UNAVAILABLE without a worker */
export async function showPool(client: Client, settings: Settings, pool: string): Promise<PoolView> {
  const view = await viewOf(client, pool);
  if (view !== undefined) return view;
  const setting = settings.pools[pool];
  if (setting === undefined) throw await unknown(client, settings, pool);
  return new Pool(newPool(setting.slots, setting.slots)).view;
}

/** Changes a pool's size until its size in the settings changes; makes the pool where there is none. @throws PipelineError USAGE */
export async function setPool(
  client: Client,
  settings: Settings,
  pool: string,
  slots: number,
): Promise<void> {
  const service = serviceOf(client, settings);
  if (isInternalPool(pool)) {
    if ((await viewOf(client, pool)) === undefined) throw await unknown(client, settings, pool);
  } else if (!poolNamePattern.test(pool)) {
    throw new PipelineError('USAGE', {
      problem: `A pool cannot be named "${pool}"`,
      hint: 'Use letters, digits, "_" and "-", starting with a letter',
    });
  }
  await service.resize(pool, slots);
}

/** Ends a pool that nobody uses. @throws PipelineError POOL_UNKNOWN, POOL_IN_USE, TEMPORAL_UNAVAILABLE without a worker */
export async function deletePool(client: Client, settings: Settings, pool: string): Promise<void> {
  const view = await viewOf(client, pool);
  if (view === undefined) throw await unknown(client, settings, pool);
  const isDeleted = await client.workflow.getHandle(poolWorkflowId(pool)).executeUpdate(closePoolUpdate);
  if (isDeleted) return;
  const { holding, waiting } = (await viewOf(client, pool)) ?? view;
  throw new PipelineError('POOL_IN_USE', { pool, holding, waiting });
}

/** What the coordinator says; absent where none runs. */
async function viewOf(client: Client, pool: string): Promise<PoolView | undefined> {
  const handle = client.workflow.getHandle(poolWorkflowId(pool));
  try {
    if ((await handle.describe()).status.name === 'COMPLETED') return undefined;
    return await handle.query(poolQuery);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw isUnansweredQuery(error) ? noWorkerAnswers(error) : error;
  }
}

async function unknown(client: Client, settings: Settings, pool: string): Promise<PipelineError> {
  return unknownPool(pool, [
    ...Object.keys(settings.pools),
    ...(await serviceOf(client, settings).running()),
  ]);
}

function serviceOf(client: Client, settings: Settings): PoolService {
  return createPoolService(client, settings.temporal.taskQueue, settings.pools);
}
