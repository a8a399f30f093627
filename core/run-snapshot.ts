import type { TaskState } from './dag-spec.js';
import type { StagedFile } from './manifest.js';
import type { TaskResult } from './run.js';
import type { StateTally } from './state-tally.js';
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
