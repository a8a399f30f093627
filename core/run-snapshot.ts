import type { TaskState } from './dag-spec.js';
import { limits } from './limits.js';
import type { StagedFile } from './manifest.js';
import type { Rerun, RunInput, TaskResult } from './run.js';
import { isFinished, type StateTally } from './state-tally.js';
import type { TaskOutput } from './task-output.js';

/**
 * How far a run has come, for an execution that goes on where another one ended. Entries stand here, or as the lines of
 * staged files where they are many: a payload stays small.
 */
export interface RunSnapshot {
  readonly entries?: readonly SnapshotEntry[];
  readonly files?: readonly StagedFile[];
}

/** One task of a snapshot. */
export interface SnapshotEntry {
  readonly taskId: string;
  /** `none` for a task that was waiting, whose `since` then counts. */
  readonly state: TaskState;
  readonly output?: TaskOutput;
  readonly tally?: StateTally;
  readonly result?: TaskResult;
  /** When a wait began, milliseconds since 1970. */
  readonly sinceMs?: number;
}

/** What an execution of a run tells of itself, also when it has ended. */
export interface RunRecall {
  readonly input: Omit<RunInput, 'snapshot' | 'carried' | 'rerun'>;
  /** False where it had not yet taken over what a former execution, `former`, had done. */
  readonly hasBegun: boolean;
  readonly former?: Rerun;
  /** Tries that tasks had before this execution. */
  readonly tries: Readonly<Record<string, number>>;
}

/** Some of the entries that an execution would hand to its next one. */
export interface RecallPage {
  readonly entries: readonly SnapshotEntry[];
  /** Index of the first entry of the next page. */
  readonly next?: number;
}

/** Entries from an index on, as many as fit into a payload; at least one. */
export function recallPage(entries: readonly SnapshotEntry[], from: number): RecallPage {
  let bytes = 0;
  let end = from;
  for (; end < entries.length; end += 1) {
    bytes += JSON.stringify(entries[end]).length;
    if (bytes > limits.recallPageMaxBytes && end > from) break;
  }
  return { entries: entries.slice(from, end), ...(end < entries.length ? { next: end } : {}) };
}

/**
 * What a former execution has done for good. Where it was ended from outside, or by its first failure, a skip is no
 * decision of the DAG, unless the task itself said so: such a task counts as one that never ran.
 */
export function settledEntries(
  entries: readonly SnapshotEntry[],
  { wasCutShort }: { readonly wasCutShort: boolean },
): SnapshotEntry[] {
  return entries.filter(
    ({ state, result }) =>
      isFinished(state) && !(wasCutShort && state === 'skipped' && result?.error?.code !== 'TASK_SKIPPED'),
  );
}
