import type { TaskState } from '../dag/task-spec.js';
import type { DataInterval } from '../interval.js';
import type { RowCounts } from '../loading/manifest.js';
import type { StateTally } from './state-tally.js';

/** What one task ended with. */
export interface TaskResult {
  readonly taskId: string;
  readonly state: TaskState;
  readonly attempts?: number;
  readonly counts?: RowCounts;
  /** A load: what it did now, which is nothing where its marker was found. */
  readonly loaded?: RowCounts;
  readonly error?: TaskError;
  /** How the instances of a mapped task ended, and the first that failed. */
  readonly mapped?: StateTally;
  readonly mappedFailures?: readonly MappedFailure[];
}

export interface TaskError {
  readonly code: string;
  readonly message: string;
}

export interface MappedFailure {
  readonly mapIndex: number;
  readonly label?: string;
  readonly error: TaskError;
}

/** What a run ended with. */
export interface RunResult {
  readonly dagId: string;
  readonly specHash: string;
  readonly state: 'success' | 'failed' | 'cancelled';
  readonly interval?: DataInterval;
  readonly tasks: readonly TaskResult[];
  /** Sum over the load tasks. */
  readonly counts: RowCounts;
}
