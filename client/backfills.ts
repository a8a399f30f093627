import { ServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { PipelineError } from '../core/errors/index.js';
import { backfillWorkflowId } from '../core/ids.js';
import type { DataInterval } from '../core/interval.js';
import { limits } from '../core/limits.js';
import { listIntervals } from '../core/schedule-intervals.js';
import {
  backfillProgressQuery,
  firstProgress,
  cancelSignal,
  pauseSignal,
  resumeSignal,
  type BackfillInput,
  type BackfillProgress,
  type ReprocessBehavior,
} from '../workflows/messages.js';
import { dagAttribute, getDag, modeAttribute } from './deployment.js';
import { getGap, tellBackfill } from './watches.js';

export type { ReprocessBehavior } from '../workflows/messages.js';

export interface BackfillOptions {
  readonly taskQueue: string;
  /** Bounds of the logical date, `[from, to)`, ISO 8601 UTC; or a gap that has them. */
  readonly from?: string;
  readonly to?: string;
  readonly gap?: string;
  readonly reprocess: ReprocessBehavior;
  readonly maxActiveRuns: number;
  readonly runBackwards: boolean;
  readonly dryRun: boolean;
  readonly wait: boolean;
}

/** Progress of a backfill under its id. */
export interface BackfillStatus extends BackfillProgress {
  readonly id: string;
}

/** What `--dry-run` gives. */
export interface BackfillPlan {
  readonly intervals: readonly DataInterval[];
}

/**
 * Starts a backfill of a deployed DAG, or lists what it would run.
 *
 * @throws PipelineError DAG_NOT_FOUND, RUN_NOT_FOUND (no such gap), USAGE (no range, or no interval in it), LIMIT_EXCEEDED
 */
export async function createBackfill(
  client: Client,
  dagId: string,
  options: BackfillOptions,
): Promise<BackfillStatus | BackfillPlan> {
  const { spec, specHash } = await getDag(client, dagId);
  const { runBackwards } = options;
  const { from, to, id: gap } = await rangeOf(client, dagId, options);
  const plan = listIntervals({
    schedule: spec.schedule,
    from,
    to,
    runBackwards,
    limit: limits.backfillMaxIntervals,
  });
  if (!plan.isComplete) {
    throw new PipelineError('LIMIT_EXCEEDED', {
      what: `The number of intervals of "${dagId}" from ${from} to ${to}`,
      actual: `more than ${String(plan.intervals.length)}`,
      limit: 'backfillMaxIntervals',
      allowed: limits.backfillMaxIntervals,
    });
  }
  if (plan.intervals.length === 0) {
    throw new PipelineError('USAGE', {
      problem: `No interval of "${dagId}" starts from ${from} to before ${to}`,
      hint: 'Check --from and --to',
    });
  }
  if (options.dryRun) return { intervals: plan.intervals };
  const input: BackfillInput = {
    spec,
    specHash,
    from,
    to,
    reprocess: options.reprocess,
    maxActiveRuns: options.maxActiveRuns,
    runBackwards,
  };
  const handle = await client.workflow.start('backfillDag', {
    workflowId: backfillWorkflowId(
      dagId,
      `${from.slice(0, 10)}-${to.slice(0, 10)}-${new Date().toISOString()}`,
    ),
    taskQueue: options.taskQueue,
    args: [input],
    staticSummary: `${dagId} · ${from} … ${to} · ${options.reprocess}`,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: dagAttribute, value: dagId },
      { key: modeAttribute, value: spec.mode },
    ]),
  });
  if (gap !== undefined) await tellBackfill(client, dagId, gap, handle.workflowId);
  if (options.wait) return { id: handle.workflowId, ...((await handle.result()) as BackfillProgress) };
  return { id: handle.workflowId, ...firstProgress };
}

async function rangeOf(
  client: Client,
  dagId: string,
  { from, to, gap }: BackfillOptions,
): Promise<{ from: string; to: string; id?: string }> {
  if (gap !== undefined && from === undefined && to === undefined) return getGap(client, dagId, gap);
  if (gap === undefined && from !== undefined && to !== undefined) return { from, to };
  throw new PipelineError('USAGE', {
    problem: 'A backfill takes a range of logical dates, or a gap',
    hint: 'Give --from and --to, or --gap alone',
  });
}

/** @throws PipelineError RUN_NOT_FOUND */
export async function backfillStatus(client: Client, id: string): Promise<BackfillStatus> {
  return onBackfill(id, async () => ({
    id,
    ...(await client.workflow.getHandle(id).query(backfillProgressQuery)),
  }));
}

/** @throws PipelineError RUN_NOT_FOUND, also for a backfill that has ended */
export async function signalBackfill(
  client: Client,
  id: string,
  verb: 'pause' | 'resume' | 'cancel',
): Promise<void> {
  const signal = { pause: pauseSignal, resume: resumeSignal, cancel: cancelSignal }[verb];
  await onBackfill(id, () => client.workflow.getHandle(id).signal(signal));
}

async function onBackfill<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) {
      throw new PipelineError('RUN_NOT_FOUND', {
        what: 'running backfill',
        id,
        command: 'millrace backfill create DAG',
      });
    }
    // Only a worker can tell what a workflow's state is.
    if (error instanceof ServiceError && error.message.includes('query')) {
      const reasons = ['no worker answers; start one with "millrace worker" or "millrace dev"'];
      throw new PipelineError('TEMPORAL_UNAVAILABLE', { reasons }, { cause: error });
    }
    throw error;
  }
}
