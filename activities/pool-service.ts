import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { PipelineError } from '../core/errors/index.js';
import { isInternalPool, poolOfWorkflowId, poolWorkflowId } from '../core/ids.js';
import { newPool, poolCoordinatorNames, type PoolCoordinatorInput } from '../core/pools/pool-state.js';

/** Starts the coordinators of pools and tells them their sizes. */
export interface PoolService {
  /**
   * Starts the coordinator of a pool where none runs. One that was terminated, or failed, goes on where it stood, so that
   * its holders keep their slots.
   *
   * @param limit size of a pool that Millrace makes; other sizes come from the settings.
   * @throws PipelineError POOL_UNKNOWN
   */
  ensure(pool: string, limit?: number): Promise<void>;
  /** Makes a pool this large, unless the last word of settings or a deploy was the same. */
  configure(pool: string, slots: number): Promise<void>;
  /** A person's word: counts until the settings or a deploy name another size than before. Makes a pool that is not there. */
  resize(pool: string, slots: number): Promise<void>;
  /** `configure` for every pool of the settings. */
  configureAll(): Promise<void>;
  /** Names of the pools whose coordinator runs. The server's list lags a little behind. */
  running(): Promise<string[]>;
}

export function createPoolService(
  client: Client,
  taskQueue: string,
  settings: Readonly<Record<string, { readonly slots: number }>>,
): PoolService {
  const running = async () => {
    const query = `WorkflowType = "${poolCoordinatorNames.workflow}" AND ExecutionStatus = "Running"`;
    const pools: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query }))
      pools.push(poolOfWorkflowId(workflowId));
    return pools.sort();
  };
  const startOptions = (input: PoolCoordinatorInput) => ({
    workflowId: poolWorkflowId(input.pool),
    workflowIdConflictPolicy: 'USE_EXISTING' as const,
    taskQueue,
    args: [input],
    staticSummary: `pool ${input.pool}`,
    // All runs wait for it.
    priority: { priorityKey: 1 },
  });
  const startSized = async (input: PoolCoordinatorInput, signal: 'configure' | 'resize', slots: number) => {
    await client.workflow.signalWithStart(poolCoordinatorNames.workflow, {
      ...startOptions(input),
      signal: poolCoordinatorNames[signal],
      signalArgs: [{ slots }],
    });
  };
  const configure = async (pool: string, slots: number) => {
    // A broken one goes on, with the sizes of the settings, as soon as a run asks it for something.
    if ((await statusOf(client, pool)) === 'broken') return;
    await startSized({ pool, state: newPool(slots, slots) }, 'configure', slots);
  };
  return {
    running,
    configure,
    configureAll: async () => {
      for (const [pool, { slots }] of Object.entries(settings)) await configure(pool, slots);
    },
    resize: async (pool, slots) => {
      const isBroken = (await statusOf(client, pool)) === 'broken';
      const state = newPool(slots, settings[pool]?.slots);
      await startSized(isBroken ? await lastInput(client, pool) : { pool, state }, 'resize', slots);
    },
    ensure: async (pool, limit) => {
      const status = await statusOf(client, pool);
      if (status === 'running') return;
      const configured = settings[pool]?.slots;
      const slots = limit ?? configured;
      let input: PoolCoordinatorInput | undefined;
      if (status === 'broken') input = await lastInput(client, pool);
      else if (slots !== undefined) input = { pool, state: newPool(slots, slots) };
      if (input === undefined) throw unknownPool(pool, [...Object.keys(settings), ...(await running())]);
      if (configured === undefined)
        await client.workflow.start(poolCoordinatorNames.workflow, startOptions(input));
      else await startSized(input, 'configure', configured);
    },
  };
}

/** Absent where there is none, or a person deleted it. Broken: it ended, though runs may hold its slots. */
async function statusOf(client: Client, pool: string): Promise<'running' | 'broken' | 'absent'> {
  try {
    const { status } = await client.workflow.getHandle(poolWorkflowId(pool)).describe();
    switch (status.name) {
      case 'RUNNING':
      case 'PAUSED':
      case 'CONTINUED_AS_NEW':
        return 'running';
      case 'COMPLETED':
        return 'absent';
      default:
        return 'broken';
    }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'absent';
    throw error;
  }
}

/** What the coordinator knew when it ended: a worker reads it from its history. */
function lastInput(client: Client, pool: string): Promise<PoolCoordinatorInput> {
  return client.workflow
    .getHandle(poolWorkflowId(pool))
    .query<PoolCoordinatorInput>(poolCoordinatorNames.input);
}

/** The error for a pool that nobody made. */
export function unknownPool(pool: string, known: readonly string[]): PipelineError {
  const names = [...new Set(known)].filter((name) => !isInternalPool(name)).sort();
  return new PipelineError('POOL_UNKNOWN', { pool, known: names.length === 0 ? 'none' : names.join(', ') });
}
