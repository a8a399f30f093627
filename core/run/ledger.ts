import type { TaskSpec, TaskState } from '../dag/dag-spec.js';
import type { DataInterval } from '../interval.js';
import type { JsonObject } from '../json.js';
import type { RowCounts } from '../loading/manifest.js';
import type { RunType } from './run.js';

/** States of a run, in the order in which it passes through them; the last three are ends. */
export const runStates = ['queued', 'running', 'success', 'failed', 'cancelled'] as const;
export type RunState = (typeof runStates)[number];

/** What identifies one execution: the workflow id names the run, Temporal's run id one execution of it. */
export interface RunKey {
  readonly workflowId: string;
  readonly runId: string;
}

/** One execution of a DAG, as the run ledger keeps it. Times are ISO 8601 UTC. */
export interface RunRecord extends RunKey {
  readonly dagId: string;
  readonly runType: RunType;
  readonly interval?: DataInterval;
  readonly specHash: string;
  readonly state: RunState;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly counts?: RowCounts;
  readonly params: JsonObject;
  readonly note?: string;
  readonly triggeredBy?: string;
  /** Temporal run id of the execution that this one goes on from, where tasks of the run were cleared. */
  readonly formerRunId?: string;
}

/** Task of a run; `mapIndex` is -1 where the task is not mapped. */
export interface TaskKey extends RunKey {
  readonly taskId: string;
  readonly mapIndex: number;
}

/**
 * One try of one task. Tries count from 1, over all executions of a run that was cleared. Try 0 is the verdict of the workflow where no try tells it: the task was
 * skipped, an upstream task failed, or it failed without a try that could say so.
 */
export interface TaskRecord extends TaskKey {
  readonly label?: string;
  readonly tryNumber: number;
  /** Tries that came before the first one of this execution; not stored. */
  readonly priorTries?: number;
  readonly state: TaskState;
  readonly kind: TaskSpec['kind'];
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** Identity of the worker, as Temporal shows it. */
  readonly worker?: string;
  /** A code of the error catalogue, `TASK_TIMEOUT` or `CANCELLED`. */
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly counts?: RowCounts;
}

export type LogLevel = 'info' | 'warn' | 'error';

/** One line that a try logged; `line` counts from 1 within the try. */
export interface TaskLogLine extends TaskKey {
  readonly tryNumber: number;
  readonly line: number;
  readonly at: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: JsonObject;
}

/** What is written in one transaction. */
export interface LedgerBatch {
  readonly runs?: readonly RunRecord[];
  readonly tasks?: readonly TaskRecord[];
  readonly logs?: readonly TaskLogLine[];
}

/** What a worker registers, so that workflows can tell the run ledger what they decide. */
export type LedgerSinks = {
  readonly ledger: {
    readonly recordRun: (run: RunRecord) => void;
    readonly recordTask: (task: TaskRecord) => void;
  };
};

export interface RunFilter {
  readonly dagId?: string;
  readonly state?: RunState;
  readonly runType?: RunType;
  /** Started at or after, ISO 8601 UTC. */
  readonly since?: string;
  /** `started` by start time, `logical` by logical date (start time where there is none); newest first. */
  readonly order?: 'started' | 'logical';
  /** Only the newest execution under each workflow id. */
  readonly newestOnly?: boolean;
  readonly limit: number;
}

/** A place in the order of ends: after a moment, or after one run. */
export interface EndPlace extends Partial<RunKey> {
  /** ISO 8601 UTC. */
  readonly endedAt: string;
}

/** Which ended runs. */
export interface EndedFilter {
  /** Runs of every DAG where absent. */
  readonly dagIds?: readonly string[];
  readonly state?: RunState;
  /** Only those after this place, the oldest first; without one the newest come first. */
  readonly after?: EndPlace;
  readonly limit: number;
}

export interface LogFilter extends TaskKey {
  /** Default: every try. */
  readonly tryNumber?: number;
  /** Only lines after this place. */
  readonly after?: { readonly tryNumber: number; readonly line: number };
  readonly limit: number;
}

/**
 * The history of runs beyond Temporal's retention. Writing is idempotent: a repeat changes nothing, and a later state is
 * never overwritten by an earlier one, in whatever order records arrive.
 */
export interface RunLedger {
  record(batch: LedgerBatch): Promise<void>;
  recordRuns(runs: readonly RunRecord[]): Promise<void>;
  recordTasks(tasks: readonly TaskRecord[]): Promise<void>;
  appendLogs(lines: readonly TaskLogLine[]): Promise<void>;
  listRuns(filter: RunFilter): Promise<RunRecord[]>;
  /** Runs in the order of their ends. */
  endedRuns(filter: EndedFilter): Promise<RunRecord[]>;
  /** The newest execution under a workflow id, or the one that `runId` names. */
  getRun(workflowId: string, runId?: string): Promise<RunRecord | undefined>;
  /** Executions under a workflow id, newest first. */
  listExecutions(workflowId: string, limit: number): Promise<RunRecord[]>;
  /** Those of the given executions that the ledger has. */
  findRuns(keys: readonly RunKey[]): Promise<RunRecord[]>;
  /** Every try of every task of these runs, ordered by task, map index and try. */
  listTasks(runs: readonly RunKey[]): Promise<TaskRecord[]>;
  /** In the order of try and line. */
  logsOf(filter: LogFilter): Promise<TaskLogLine[]>;
  /** Durations of the last `count` successful runs of a DAG, newest first. */
  runtimesMs(dagId: string, count: number): Promise<number[]>;
  /** Ended runs that alarms have not judged, in the order of their ends. */
  unjudgedRuns(limit: number): Promise<readonly RunRecord[]>;
  /** Alarms have learnt of the end of this run. */
  markJudged(run: RunKey, at: string): Promise<void>;
  /** Removes runs that ended before a time, with tries and logs; returns how many. */
  deleteBefore(endedBefore: string): Promise<number>;
}

/** How far a state is on its way; a record never replaces one that is further. */
export function runStateRank(state: RunState): number {
  return state === 'queued' ? 0 : state === 'running' ? 1 : 2;
}

/** How far a try is on its way; every end is equally far. */
export function taskStateRank(state: TaskState): number {
  switch (state) {
    case 'none':
      return 0;
    case 'scheduled':
    case 'queued':
      return 1;
    case 'running':
    case 'restarting':
    case 'deferred':
    case 'up_for_reschedule':
      return 2;
    case 'success':
    case 'failed':
    case 'skipped':
    case 'upstream_failed':
    case 'up_for_retry':
    case 'removed':
      return 3;
  }
}

/** Rank of a try that has ended. */
export const endedRank = 3;

/** True for a run that will not change any more. */
export function hasEnded(state: RunState): boolean {
  return runStateRank(state) === 2;
}

/** A task with its tries: what the ledger says of it as a whole. */
export interface TaskSummary {
  readonly taskId: string;
  readonly mapIndex: number;
  readonly label?: string;
  readonly kind: TaskSpec['kind'];
  readonly state: TaskState;
  readonly tries: readonly TaskRecord[];
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly counts?: RowCounts;
}

/** Gathers the records of one run by task. The verdict of the workflow decides; without one, the last try does. */
export function summariseTasks(records: readonly TaskRecord[]): TaskSummary[] {
  const groups = new Map<string, TaskRecord[]>();
  for (const record of records) {
    const key = `${record.taskId}/${String(record.mapIndex)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [record]);
    else group.push(record);
  }
  return [...groups.values()].flatMap((group) => {
    const tries = group.filter((record) => record.tryNumber > 0).sort((a, b) => a.tryNumber - b.tryNumber);
    const last = tries.at(-1);
    const deciding = group.find((record) => record.tryNumber === 0) ?? last;
    if (deciding === undefined) return [];
    const { taskId, mapIndex, kind, state } = deciding;
    const label = deciding.label ?? last?.label;
    const errorCode = deciding.errorCode ?? (state === 'failed' ? last?.errorCode : undefined);
    const errorMessage = deciding.errorMessage ?? (state === 'failed' ? last?.errorMessage : undefined);
    const counts = deciding.counts ?? last?.counts;
    return [
      {
        taskId,
        mapIndex,
        kind,
        state,
        tries,
        ...(label === undefined ? {} : { label }),
        ...(errorCode === undefined ? {} : { errorCode }),
        ...(errorMessage === undefined ? {} : { errorMessage }),
        ...(counts === undefined ? {} : { counts }),
      },
    ];
  });
}
