import { WorkflowNotFoundError, type Client, type WorkflowHandle } from '@temporalio/client';
import { isUnansweredQuery, noWorkerAnswers } from '../activities/worker/no-worker.js';
import { TypedSearchAttributes, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { clearScope, type ClearRequest } from '../core/run/clear-scope.js';
import type { DagSpec } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { backfillWorkflowId } from '../core/ids.js';
import type { DataInterval } from '../core/interval.js';
import type { JsonObject } from '../core/json.js';
import { limits } from '../core/limits.js';
import { listIntervals } from '../core/schedule/schedule-intervals.js';
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
  readonly params?: JsonObject;
  /** Only these tasks run: ids, groups or globs; with what they come after or what comes after them, where asked. */
  readonly tasks?: Omit<ClearRequest, 'onlyFailed'>;
  /** Names the backfill; two with the same name never run at once. */
  readonly name?: string;
  readonly dryRun: boolean;
  readonly wait: boolean;
}

/** Progress of a backfill under its id; `terminated` and `failed`: it was ended from outside, its runs go on. */
export interface BackfillStatus extends Omit<BackfillProgress, 'state'> {
  readonly id: string;
  readonly state: BackfillProgress['state'] | 'terminated' | 'failed';
}

/** One line of `backfill list`. */
export interface BackfillSummary {
  readonly id: string;
  readonly dagId: string;
  readonly status: string;
  readonly startedAt: string;
  readonly closedAt?: string;
}

/** What `--dry-run` gives. */
export interface BackfillPlan {
  readonly intervals: readonly DataInterval[];
  /** Those that run, where only some do. */
  readonly tasks?: readonly string[];
}

/**
 * Starts a backfill of a deployed DAG, or lists what it would run.
 *
 * @throws PipelineError DAG_NOT_FOUND, RUN_NOT_FOUND (no such gap), PARAMS_INVALID, USAGE (no range, or no interval in it;
 *   an unknown task; a name that is in use; backwards, where tasks depend on the past), LIMIT_EXCEEDED
 */
export async function createBackfill(
  client: Client,
  dagId: string,
  options: BackfillOptions,
): Promise<BackfillStatus | BackfillPlan> {
  const { spec, specHash } = await getDag(client, dagId);
  const { runBackwards, params, maxActiveRuns } = options;
  const { from, to, id: gap } = await rangeOf(client, dagId, options);
  refuseBackwards(spec, runBackwards);
  if (spec.paramsSchema !== undefined) {
    // Loaded when it is needed: most DAGs have no schema of params.
    const { refuseParams } = await import('../schemas/params.js');
    refuseParams(spec, params);
  }
  const tasks = options.tasks === undefined ? undefined : chosenTasks(spec, options.tasks);
  if (maxActiveRuns > limits.backfillMaxActiveRuns)
    throw new PipelineError('LIMIT_EXCEEDED', {
      what: 'The number of runs at a time',
      actual: maxActiveRuns,
      limit: 'backfillMaxActiveRuns',
      allowed: limits.backfillMaxActiveRuns,
    });
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
  if (options.dryRun) return { intervals: plan.intervals, ...(tasks === undefined ? {} : { tasks }) };
  const input: BackfillInput = {
    spec,
    specHash,
    from,
    to,
    reprocess: options.reprocess,
    maxActiveRuns,
    runBackwards,
    total: plan.intervals.length,
    ...(params === undefined ? {} : { params }),
    ...(tasks === undefined ? {} : { tasks }),
  };
  const name = options.name ?? `${from.slice(0, 10)}-${to.slice(0, 10)}-${new Date().toISOString()}`;
  const handle = await start(client, input, { name, taskQueue: options.taskQueue });
  if (gap !== undefined) await tellBackfill(client, dagId, gap, handle.workflowId);
  if (options.wait) return { id: handle.workflowId, ...((await handle.result()) as BackfillProgress) };
  return { id: handle.workflowId, ...firstProgress, total: plan.intervals.length };
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

/** A task that waits for the interval before it would wait for a run that comes later (Airflow's rule). */
function refuseBackwards({ id, tasks }: DagSpec, runBackwards: boolean): void {
  const waiting = tasks.filter((task) => task.dependsOnPast !== undefined).map((task) => `"${task.id}"`);
  if (!runBackwards || waiting.length === 0) return;
  throw new PipelineError('USAGE', {
    problem: `"${id}" cannot run backwards: ${waiting.join(', ')} of it depend on the run before`,
    hint: 'Leave out --run-backwards',
  });
}

/** @throws PipelineError USAGE, where a backfill of that name is under way */
async function start(
  client: Client,
  input: BackfillInput,
  { name, taskQueue }: { readonly name: string; readonly taskQueue: string },
): Promise<WorkflowHandle> {
  const { spec, from, to, reprocess } = input;
  try {
    return await client.workflow.start('backfillDag', {
      workflowId: backfillWorkflowId(spec.id, name),
      taskQueue,
      args: [input],
      staticSummary: `${spec.id} · ${from} … ${to} · ${reprocess}`,
      typedSearchAttributes: new TypedSearchAttributes([
        { key: dagAttribute, value: spec.id },
        { key: modeAttribute, value: spec.mode },
      ]),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new PipelineError('USAGE', {
      problem: `A backfill "${name}" of "${spec.id}" is under way`,
      hint: 'Wait for its end, or choose another name',
    });
  }
}

/** The tasks that names stand for. @throws PipelineError USAGE */
function chosenTasks(spec: DagSpec, request: Omit<ClearRequest, 'onlyFailed'>): readonly string[] {
  const { taskIds, unknown } = clearScope(spec, { ...request, onlyFailed: false });
  if (unknown.length === 0) return taskIds;
  throw new PipelineError('USAGE', {
    problem: `DAG "${spec.id}" has no task ${unknown.map((name) => `"${name}"`).join(', ')}`,
    hint: `Its tasks: ${spec.tasks.map((task) => task.id).join(', ')}`,
  });
}

/** Backfills, the newest first, of one DAG or of all. */
export async function listBackfills(client: Client, dagId?: string): Promise<BackfillSummary[]> {
  const ofDag = dagId === undefined ? '' : ` AND MillraceDag = "${dagId.replaceAll('"', '')}"`;
  const query = `WorkflowType = "backfillDag" AND ExecutionStatus != "ContinuedAsNew"${ofDag}`;
  const backfills: BackfillSummary[] = [];
  for await (const info of client.workflow.list({ query, pageSize: limits.backfillMaxListed })) {
    backfills.push({
      id: info.workflowId,
      dagId: info.typedSearchAttributes.get(dagAttribute) ?? '',
      status: info.status.name.toLowerCase(),
      startedAt: info.startTime.toISOString(),
      ...(info.closeTime === undefined ? {} : { closedAt: info.closeTime.toISOString() }),
    });
    if (backfills.length >= limits.backfillMaxListed) break;
  }
  return backfills;
}

/** How a backfill stands, or how it ended. @throws PipelineError RUN_NOT_FOUND, TEMPORAL_UNAVAILABLE (no worker answers) */
export async function backfillStatus(client: Client, id: string): Promise<BackfillStatus> {
  return onBackfill(id, async () => {
    const handle = client.workflow.getHandle(id);
    const { status } = await handle.describe();
    if (status.name === 'COMPLETED') return { id, ...((await handle.result()) as BackfillProgress) };
    const progress = await handle.query(backfillProgressQuery);
    if (status.name === 'TERMINATED') return { id, ...progress, state: 'terminated' };
    if (status.name === 'FAILED' || status.name === 'TIMED_OUT') return { id, ...progress, state: 'failed' };
    return { id, ...progress };
  });
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
    throw isUnansweredQuery(error) ? noWorkerAnswers(error) : error;
  }
}
