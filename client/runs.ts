import {
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionInfo,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { resultOfFailure } from '../activities/runs/failed-run.js';
import { PipelineError } from '../core/errors/index.js';
import { manualWorkflowId } from '../core/ids.js';
import type { DataInterval } from '../core/interval.js';
import type { JsonObject } from '../core/json.js';
import type { RunInput, RunType } from '../core/run/run.js';
import type { RunResult } from '../core/run/run-result.js';
import { runAttributes } from '../workflows/search-attributes.js';
import { dagAttribute, getDag } from './deployment.js';

/** One run, as Temporal knows it. */
export interface RunSummary {
  readonly workflowId: string;
  readonly runId: string;
  readonly dagId: string;
  readonly status: string;
  readonly startedAt: string;
  readonly closedAt?: string;
}

export interface TriggerOptions {
  readonly taskQueue: string;
  readonly interval?: DataInterval;
  readonly params?: JsonObject;
  readonly runType?: RunType;
  readonly replay?: RunInput['replay'];
  /** Names the run; while it is under way, another trigger of that name joins it. */
  readonly name?: string;
  /** Who or what asked for it, as the run ledger shows. */
  readonly triggeredBy?: string;
}

/**
 * What a run by hand is started with.
 *
 * @throws PipelineError DAG_NOT_FOUND, PARAMS_INVALID
 */
export async function manualRun(client: Client, dagId: string, options: TriggerOptions) {
  const { spec, specHash } = await getDag(client, dagId);
  if (spec.paramsSchema !== undefined) {
    // Loaded when it is needed: most DAGs have no schema of params.
    const { refuseParams } = await import('../schemas/params.js');
    refuseParams(spec, options.params);
  }
  const { runType = 'manual', interval, params, replay, triggeredBy } = options;
  const input: RunInput = {
    spec,
    specHash,
    runType,
    ...(interval === undefined ? {} : { interval }),
    ...(params === undefined ? {} : { params }),
    ...(replay === undefined ? {} : { replay }),
    ...(triggeredBy === undefined ? {} : { triggeredBy }),
  };
  return {
    workflowId: manualWorkflowId(dagId, options.name ?? new Date().toISOString()),
    taskQueue: options.taskQueue,
    args: [input],
    typedSearchAttributes: new TypedSearchAttributes(runAttributes(input)),
  };
}

/**
 * Starts one run of a deployed DAG by hand.
 *
 * @throws PipelineError DAG_NOT_FOUND, PARAMS_INVALID
 */
export async function triggerRun(
  client: Client,
  dagId: string,
  options: TriggerOptions,
): Promise<{ workflowId: string; result(): Promise<RunResult> }> {
  const handle = await client.workflow.start('runDag', {
    ...(await manualRun(client, dagId, options)),
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  return { workflowId: handle.workflowId, result: () => handle.result() as Promise<RunResult> };
}

/** Runs of a DAG, newest first. */
export async function listRuns(
  client: Client,
  dagId: string,
  limit: number,
  status?: 'Running',
): Promise<RunSummary[]> {
  const runs: RunSummary[] = [];
  const open = status === undefined ? '' : ` AND ExecutionStatus = "${status}"`;
  const query = `MillraceDag = "${dagId.replaceAll('"', '')}" AND WorkflowType = "runDag"${open}`;
  for await (const info of client.workflow.list({ query, pageSize: Math.min(limit, 1_000) })) {
    runs.push(summarise(info, dagId));
    if (runs.length >= limit) break;
  }
  return runs;
}

/** State and result of one run, also of one that failed. @throws PipelineError RUN_NOT_FOUND */
export async function getRun(
  client: Client,
  workflowId: string,
): Promise<RunSummary & { result?: RunResult }> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const info = await handle.describe();
    const summary = summarise(info, info.typedSearchAttributes.get(dagAttribute) ?? '');
    if (info.status.name !== 'COMPLETED' && info.status.name !== 'FAILED') return summary;
    const result = await handle.result().then((value) => value as RunResult, resultOfEnd);
    return { ...summary, ...(result === undefined ? {} : { result }) };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new PipelineError('RUN_NOT_FOUND', {
      what: 'run',
      id: workflowId,
      command: 'millrace dag runs DAG',
    });
  }
}

/** @throws what keeps the answer from coming */
function resultOfEnd(error: unknown): RunResult | undefined {
  if (!(error instanceof WorkflowFailedError)) throw error;
  return resultOfFailure(error);
}

function summarise(
  info: Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'status' | 'startTime'> & {
    readonly closeTime?: Date | undefined;
  },
  dagId: string,
): RunSummary {
  return {
    workflowId: info.workflowId,
    runId: info.runId,
    dagId,
    status: info.status.name.toLowerCase(),
    startedAt: info.startTime.toISOString(),
    ...(info.closeTime === undefined ? {} : { closedAt: info.closeTime.toISOString() }),
  };
}
