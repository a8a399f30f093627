import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { ApplicationFailure, defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { DataInterval } from '../../core/interval.js';
import {
  hasEnded,
  type LedgerBatch,
  type RunRecord,
  type RunState,
  type TaskRecord,
} from '../../core/run/ledger.js';
import type { RunInput } from '../../core/run/run.js';
import type { RunResult } from '../../core/run/run-result.js';
import { readerOf, type HistoryEvent, type HistoryReader } from './history-reader.js';
import { readTries } from './read-tries.js';
import { intervalStartAttribute } from '../worker/search-attributes.js';

const nominalTime = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/** The state that the ledger gives a run whose execution has this status; undefined for one that another continues. */
export function runStateOf(status: WorkflowExecutionInfo['status']['name']): RunState | undefined {
  switch (status) {
    case 'COMPLETED':
      return 'success';
    case 'FAILED':
    case 'TIMED_OUT':
      return 'failed';
    case 'CANCELLED':
    case 'TERMINATED':
      return 'cancelled';
    case 'RUNNING':
    case 'PAUSED':
      return 'running';
    case 'CONTINUED_AS_NEW':
    case 'UNSPECIFIED':
    case 'UNKNOWN':
      return undefined;
  }
}

/**
 * One execution of `runDag` as records of the ledger, read from its history: the run, the last try of each task with the
 * failure of the one before, and the verdicts of the workflow. Lines that tasks logged are not in a history.
 */
export async function readExecution(
  client: Client,
  info: Pick<
    WorkflowExecutionInfo,
    'workflowId' | 'runId' | 'status' | 'startTime' | 'closeTime' | 'typedSearchAttributes'
  >,
): Promise<LedgerBatch> {
  const state = runStateOf(info.status.name);
  if (state === undefined) return {};
  const { events } = await client.workflow.getHandle(info.workflowId, info.runId).fetchHistory();
  const first = events?.[0]?.workflowExecutionStartedEventAttributes;
  const last = events?.at(-1);
  if (events === undefined || events === null || first === undefined || first === null) return {};
  const reader = readerOf(client.options.loadedDataConverter);
  const [input] = (await reader.values(first.input)) as [RunInput | undefined];
  if (input === undefined) return {};
  const result = last === undefined ? undefined : await resultOf(last, reader);
  // A run that continued as new is one run, under the id of its first execution.
  const runId = first.firstExecutionRunId || info.runId;
  const run = runOf({ ...info, runId }, state, input, result, last === undefined ? undefined : noteOf(last));
  const tries = await readTries(events, run, reader);
  const verdicts =
    state === 'cancelled' && result === undefined
      ? verdictsOfCancelled(run, input, tries)
      : verdictsOf(run, input, result, tries);
  return { runs: [run], tasks: [...tries, ...verdicts] };
}

function runOf(
  info: Parameters<typeof readExecution>[1],
  state: RunState,
  input: RunInput,
  result: RunResult | undefined,
  note: string | undefined,
): RunRecord {
  const { spec, specHash, runType } = input;
  const formerRunId = input.rerun?.formerRunId ?? input.carried?.formerRunId;
  const interval = input.interval ?? result?.interval ?? intervalOf(info);
  return {
    workflowId: info.workflowId,
    runId: info.runId,
    dagId: spec.id,
    runType,
    ...(interval === undefined ? {} : { interval }),
    specHash,
    state,
    startedAt: input.carried?.startedAt ?? info.startTime.toISOString(),
    ...(hasEnded(state) && info.closeTime !== undefined ? { endedAt: info.closeTime.toISOString() } : {}),
    ...(result === undefined ? {} : { counts: result.counts }),
    params: { ...spec.params, ...input.params },
    ...(input.triggeredBy === undefined ? {} : { triggeredBy: input.triggeredBy }),
    ...(note === undefined ? {} : { note }),
    ...(input.triggeredBy === undefined ? {} : { triggeredBy: input.triggeredBy }),
    ...(formerRunId === undefined ? {} : { formerRunId }),
  };
}

/** What the run handed back, or with its failure. */
async function resultOf(last: HistoryEvent, reader: HistoryReader): Promise<RunResult | undefined> {
  const completed = last.workflowExecutionCompletedEventAttributes;
  if (completed !== undefined && completed !== null)
    return (await reader.values(completed.result))[0] as RunResult | undefined;
  const failure = await reader.failure(last.workflowExecutionFailedEventAttributes?.failure);
  return failure instanceof ApplicationFailure && failure.type === 'RUN_FAILED'
    ? (failure.details?.[0] as RunResult | undefined)
    : undefined;
}

function noteOf(last: HistoryEvent): string | undefined {
  const terminated = last.workflowExecutionTerminatedEventAttributes;
  if (terminated !== undefined && terminated !== null)
    return `terminated${terminated.reason ? `: ${terminated.reason}` : ''}`;
  const isTimedOut =
    last.workflowExecutionTimedOutEventAttributes !== undefined &&
    last.workflowExecutionTimedOutEventAttributes !== null;
  return isTimedOut ? 'timed out' : undefined;
}

/** A scheduled run writes its logical date into its attributes; its interval ends at the nominal time. */
function intervalOf({
  typedSearchAttributes,
}: Pick<WorkflowExecutionInfo, 'typedSearchAttributes'>): DataInterval | undefined {
  const start = typedSearchAttributes.get(intervalStartAttribute);
  const end = typedSearchAttributes.get(nominalTime);
  return start === undefined || end === undefined
    ? undefined
    : { start: start.toISOString(), end: end.toISOString() };
}

/** See `TaskRecord`: what no try tells. */
function verdictsOf(
  run: RunRecord,
  { spec }: RunInput,
  result: RunResult | undefined,
  tries: readonly TaskRecord[],
): TaskRecord[] {
  const tried = new Set(tries.map(({ taskId }) => taskId));
  return (result?.tasks ?? []).flatMap(({ taskId, state, counts, error }) => {
    const kind = spec.tasks.find((task) => task.id === taskId)?.kind;
    const isKept = run.formerRunId !== undefined && !tried.has(taskId);
    if (kind === undefined || state === 'none' || (state === 'success' && !isKept)) return [];
    const { workflowId, runId } = run;
    return [
      {
        ...{ workflowId, runId, taskId, mapIndex: -1, tryNumber: 0, kind, state },
        ...(counts === undefined ? {} : { counts }),
        ...(error === undefined ? {} : { errorCode: error.code, errorMessage: error.message }),
      },
    ];
  });
}

/** As the workflow tells it: what had not ended is skipped. */
function verdictsOfCancelled(
  { workflowId, runId }: RunRecord,
  { spec, rerun }: RunInput,
  tries: readonly TaskRecord[],
): TaskRecord[] {
  return spec.tasks.flatMap(({ id, kind }) => {
    if (rerun !== undefined && !rerun.clear.includes(id)) return [];
    const last = tries.filter(({ taskId }) => taskId === id).at(-1)?.state;
    if (last === 'success') return [];
    const state = last === 'failed' ? 'failed' : 'skipped';
    return [{ workflowId, runId, taskId: id, mapIndex: -1, tryNumber: 0, kind, state }];
  });
}
