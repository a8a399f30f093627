import { WorkflowFailedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { TypedSearchAttributes, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { DataInterval } from '../core/interval.js';
import type { RunInput } from '../core/run/run.js';
import { clearUpdate } from '../workflows/messages.js';
import { runAttributes } from '../workflows/search-attributes.js';
import { planClear, planRun, type ClearOptions, type PlannedClear, type TaskChoice } from './plan-clear.js';

export type { ClearOptions } from './plan-clear.js';

/** Who clears, and where runs go on. */
export interface ClearedBy {
  readonly by: string;
  readonly taskQueue: string;
}

/** What was, or would be, cleared of one run. */
export interface ClearedRun {
  readonly workflowId: string;
  readonly dagId: string;
  readonly interval?: DataInterval;
  /**
   * `restarted`: it had ended, and goes on as a new execution. `cleared`: it was under way. `left`: somebody else restarted
   * it meanwhile. `planned`: nothing was done.
   */
  readonly action: 'restarted' | 'cleared' | 'left' | 'planned';
  readonly taskIds: readonly string[];
  /** Runs that its cleared tasks start anew. */
  readonly triggers: readonly string[];
}

/**
 * Clears tasks of a run, and of the runs around it where asked: they run again, everything else stays as it was.
 *
 * @throws PipelineError as `planClear` does; nothing is changed then
 */
export async function clearRuns(
  client: Client,
  workflowId: string,
  options: ClearOptions & ClearedBy & { readonly dryRun: boolean },
): Promise<ClearedRun[]> {
  const plans = await planClear(client, workflowId, options);
  const cleared: ClearedRun[] = [];
  for (const plan of plans)
    cleared.push(options.dryRun ? describe(plan, 'planned') : await apply(client, plan, options));
  return cleared;
}

/**
 * Runs the failed and the unfinished tasks of a run again, and what comes after them. `undefined` where there are none.
 *
 * @throws PipelineError RUN_HISTORY_GONE, TEMPORAL_UNAVAILABLE
 */
export async function retryRun(
  client: Client,
  workflowId: string,
  options: ClearedBy & { readonly latest: boolean; readonly dryRun: boolean },
): Promise<ClearedRun | undefined> {
  const choice: TaskChoice = 'retry';
  const plan = await planRun(client, workflowId, choice, options.latest);
  if (plan.taskIds.length === 0) return undefined;
  return options.dryRun ? describe(plan, 'planned') : apply(client, plan, options);
}

/** Waits for the ends of runs. False where one did not end well. */
export async function awaitRuns(client: Client, workflowIds: readonly string[]): Promise<boolean> {
  const ends = await Promise.all(
    workflowIds.map(async (workflowId) => {
      try {
        await client.workflow.getHandle(workflowId).result();
        return true;
      } catch (error) {
        if (error instanceof WorkflowFailedError) return false;
        throw error;
      }
    }),
  );
  return ends.every(Boolean);
}

async function apply(client: Client, plan: PlannedClear, by: ClearedBy): Promise<ClearedRun> {
  if (!plan.former.isRunning) return restart(client, plan, by);
  try {
    const handle = client.workflow.getHandle(plan.former.workflowId);
    const taskIds = await handle.executeUpdate(clearUpdate, { args: [plan.taskIds] });
    return { ...describe(plan, 'cleared'), taskIds };
  } catch (error) {
    // It has ended meanwhile.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return restart(client, plan, by);
  }
}

/** The run goes on under its workflow id, with what it has done but for the cleared tasks. */
async function restart(
  client: Client,
  plan: PlannedClear,
  { by, taskQueue }: ClearedBy,
): Promise<ClearedRun> {
  const { former, spec, specHash, taskIds } = plan;
  const { tries: _tries, tasks, ...lasting } = former.input;
  const known = new Set(spec.tasks.map((task) => task.id));
  const gone = former.entries.map(({ taskId }) => taskId).filter((id) => !known.has(id));
  const input: RunInput = {
    ...lasting,
    spec,
    specHash,
    ...(tasks === undefined ? {} : { tasks: [...new Set([...tasks, ...taskIds])] }),
    rerun: { formerRunId: former.runId, clear: [...taskIds, ...gone] },
    triggeredBy: `clear by ${by}`,
  };
  try {
    await client.workflow.start('runDag', {
      workflowId: former.workflowId,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      taskQueue,
      args: [input],
      staticSummary: `${spec.id} · cleared by ${by}`,
      typedSearchAttributes: new TypedSearchAttributes(runAttributes(input)),
    });
    return describe(plan, 'restarted');
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return describe(plan, 'left');
    throw error;
  }
}

function describe(
  { former, spec, interval, taskIds, triggers }: PlannedClear,
  action: ClearedRun['action'],
): ClearedRun {
  return {
    workflowId: former.workflowId,
    dagId: spec.id,
    ...(interval === undefined ? {} : { interval }),
    action,
    taskIds,
    triggers,
  };
}
