import type { TaskState } from '../dag/dag-spec.js';
import type { StagedFile } from '../loading/manifest.js';
import type { TaskResult } from './run-result.js';
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

/** What a new execution of a run takes over from a former one: everything but the tasks that are cleared. */
export interface Rerun {
  /** Temporal run id of the former execution. */
  readonly formerRunId: string;
  readonly clear: readonly string[];
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
