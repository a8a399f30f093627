import type { Client } from '@temporalio/client';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { RunType } from '../core/run/run.js';
import { intervalStartAttribute } from '../workflows/search-attributes.js';
import { dagAttribute } from './deployment.js';

/** States in which a run can be asked for, and what Temporal calls them. */
export const foundStates = {
  running: 'Running',
  success: 'Completed',
  failed: 'Failed',
  cancelled: 'Canceled',
  terminated: 'Terminated',
  'timed-out': 'TimedOut',
} as const;
export type FoundState = keyof typeof foundStates;

/** Which runs; what is absent does not matter. */
export interface RunFilter {
  /** Runs of every DAG where absent. */
  readonly dagId?: string;
  readonly state?: FoundState;
  readonly type?: RunType;
  /** Started in `[since, until)`, ISO 8601 UTC. */
  readonly since?: string;
  readonly until?: string;
  /** Start of the data interval, exclusive bounds or exactly, ISO 8601 UTC. */
  readonly intervalAfter?: string;
  readonly intervalBefore?: string;
  readonly intervalAt?: string;
}

/** A run that was found, by its newest execution. */
export interface FoundRun {
  readonly workflowId: string;
  readonly dagId: string;
  readonly startedAt: string;
  /** Start of its data interval, where it has one. */
  readonly intervalStart?: string;
}

/**
 * Runs that fit a filter, the oldest first. A run that went through several executions is found once. The server's list
 * lags a moment behind what happens.
 *
 * @throws PipelineError LIMIT_EXCEEDED, where more than `limit` fit and none was asked for
 */
export async function findRuns(client: Client, filter: RunFilter, limit?: number): Promise<FoundRun[]> {
  const found = new Map<string, FoundRun>();
  for await (const info of client.workflow.list({ query: queryOf(filter), pageSize: 1_000 })) {
    const known = found.get(info.workflowId);
    const startedAt = info.startTime.toISOString();
    if (known !== undefined && known.startedAt >= startedAt) continue;
    const dagId = info.typedSearchAttributes.get(dagAttribute) ?? '';
    const intervalStart = info.typedSearchAttributes.get(intervalStartAttribute)?.toISOString();
    if (!isWithin(intervalStart, filter)) continue;
    found.set(info.workflowId, {
      workflowId: info.workflowId,
      dagId,
      startedAt,
      ...(intervalStart === undefined ? {} : { intervalStart }),
    });
    if (found.size > limits.bulkMaxRuns)
      throw new PipelineError('LIMIT_EXCEEDED', {
        what: 'The number of runs that fit',
        actual: `more than ${String(limits.bulkMaxRuns)}`,
        limit: 'bulkMaxRuns',
        allowed: limits.bulkMaxRuns,
      });
  }
  return [...found.values()].sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1)).slice(0, limit);
}

/** The stores that the server keeps its list in do not agree on how fractions of a second compare: the bounds are judged here. */
function isWithin(
  start: string | undefined,
  { intervalAfter, intervalBefore, intervalAt }: RunFilter,
): boolean {
  if (intervalAfter === undefined && intervalBefore === undefined && intervalAt === undefined) return true;
  if (start === undefined) return false;
  return (
    (intervalAfter === undefined || start > intervalAfter) &&
    (intervalBefore === undefined || start < intervalBefore) &&
    (intervalAt === undefined || start === intervalAt)
  );
}

const secondMs = 1_000;

function shifted(instant: string, byMs: number): string {
  return new Date(Date.parse(instant) + byMs).toISOString();
}

function queryOf(filter: RunFilter): string {
  const { dagId, state, type, since, until, intervalAfter, intervalBefore, intervalAt } = filter;
  const text = (value: string): string => `"${value.replaceAll('"', '')}"`;
  return [
    'WorkflowType = "runDag"',
    ...(dagId === undefined ? [] : [`MillraceDag = ${text(dagId)}`]),
    state === undefined
      ? 'ExecutionStatus != "ContinuedAsNew"'
      : `ExecutionStatus = ${text(foundStates[state])}`,
    ...(type === undefined ? [] : [`MillraceRunType = ${text(type)}`]),
    ...(since === undefined ? [] : [`StartTime >= ${text(since)}`]),
    ...(until === undefined ? [] : [`StartTime < ${text(until)}`]),
    ...(intervalAfter === undefined ? [] : [`MillraceIntervalStart >= ${text(intervalAfter)}`]),
    ...(intervalBefore === undefined ? [] : [`MillraceIntervalStart <= ${text(intervalBefore)}`]),
    ...(intervalAt === undefined
      ? []
      : [
          `MillraceIntervalStart >= ${text(shifted(intervalAt, -secondMs))}`,
          `MillraceIntervalStart <= ${text(shifted(intervalAt, secondMs))}`,
        ]),
  ].join(' AND ');
}
