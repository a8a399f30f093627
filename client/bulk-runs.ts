import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { isPipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import { retryRun, type ClearedBy } from './clear-runs.js';
import { findRuns, foundStates, type FoundRun, type FoundState, type RunFilter } from './find-runs.js';

/** What became of one run of many. */
export interface BulkRun extends FoundRun {
  /** `passed-over`: it is in another state by now, or has nothing to do again. */
  readonly action: 'planned' | 'retried' | 'cancel-requested' | 'passed-over' | 'refused';
  /** Tasks that run again, or why the run was refused. */
  readonly taskIds?: readonly string[];
  readonly error?: { readonly code: string; readonly message: string };
}

export interface BulkOptions {
  readonly filter: RunFilter & { readonly state: FoundState };
  readonly limit?: number;
  readonly dryRun: boolean;
}

/**
 * Retries every run that fits, a bounded number at a time, the oldest first. A run that went on meanwhile is passed over,
 * so that the same command, given again after it was broken off, does the rest.
 *
 * @throws PipelineError LIMIT_EXCEEDED
 */
export async function retryRuns(
  client: Client,
  options: BulkOptions & ClearedBy & { readonly latest: boolean },
): Promise<BulkRun[]> {
  return forEachRun(client, options, async (run) => {
    const retried = await retryRun(client, run.workflowId, options);
    if (retried === undefined || retried.action === 'left') return { ...run, action: 'passed-over' };
    return { ...run, action: 'retried', taskIds: retried.taskIds };
  });
}

/** Asks every run that fits to end; teardowns still run. @throws PipelineError LIMIT_EXCEEDED */
export async function cancelRuns(client: Client, options: BulkOptions): Promise<BulkRun[]> {
  return forEachRun(client, options, async (run) => {
    await client.workflow.getHandle(run.workflowId).cancel();
    return { ...run, action: 'cancel-requested' };
  });
}

async function forEachRun(
  client: Client,
  { filter, limit, dryRun }: BulkOptions,
  work: (run: FoundRun) => Promise<BulkRun>,
): Promise<BulkRun[]> {
  const found = await inState(client, await findRuns(client, filter), filter.state, limit);
  if (dryRun) return found.map((run) => ({ ...run, action: 'planned' }));
  return inParallel(found, async (run): Promise<BulkRun> => {
    try {
      return await work(run);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return { ...run, action: 'passed-over' };
      if (!isPipelineError(error) || error.code === 'TEMPORAL_UNAVAILABLE') throw error;
      return { ...run, action: 'refused', error: { code: error.code, message: error.message } };
    }
  });
}

/** Those whose newest execution is in the state: the list also has executions that newer ones have replaced. */
async function inState(
  client: Client,
  runs: readonly FoundRun[],
  state: FoundState,
  limit = runs.length,
): Promise<FoundRun[]> {
  const wanted = new Set([foundStates[state].toUpperCase(), state.toUpperCase().replace('-', '_')]);
  const checked = await inParallel(runs, async (run) => {
    try {
      const { status } = await client.workflow.getHandle(run.workflowId).describe();
      return wanted.has(status.name);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  });
  return runs.filter((_run, at) => checked[at] === true).slice(0, limit);
}

async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const workNext = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as Item);
  };
  await Promise.all(Array.from({ length: limits.bulkActiveRuns }, workNext));
  return results;
}
