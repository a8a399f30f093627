import type { DagSpec, TaskState } from '../core/dag/dag-spec.js';
import type { RowCounts } from '../core/loading/manifest.js';
import type { RunInput, StageContext } from '../core/run/run.js';
import type { TaskResult } from '../core/run/run-result.js';
import type { SnapshotEntry } from '../core/run/run-snapshot.js';
import type { StateTally } from '../core/run/state-tally.js';
import type { TaskOutput } from '../core/run/task-output.js';
import type { Approvals } from './approvals.js';
import type { Gate } from './gate.js';
import type { SlotClient } from './slots.js';

/** What surrounds the tasks of a mapped group: states and results of the tasks outside. */
export interface Surroundings {
  readonly states: Readonly<Record<string, TaskState>>;
  readonly tallies: Readonly<Record<string, StateTally>>;
  readonly outputs: Readonly<Record<string, TaskOutput>>;
}

export interface InterpreterOptions {
  readonly spec: Pick<DagSpec, 'tasks' | 'maxActiveTasks' | 'groups' | 'failOn' | 'failFast'>;
  readonly context: StageContext;
  readonly slots: SlotClient;
  readonly schedule?: DagSpec['schedule'];
  readonly approvals?: Approvals;
  /** Bound of tasks at a time that is shared with other interpreters. */
  readonly gate?: Gate;
  readonly surroundings?: Surroundings;
  /** Real-time: an extract waits this long for a first row, and a chain whose extract found none is skipped. */
  readonly waitMs?: number;
  readonly replay?: RunInput['replay'];
  /** What former executions of the run have done. */
  readonly entries?: readonly SnapshotEntry[];
  /** Tries that tasks had in former executions. */
  readonly tries?: Readonly<Record<string, number>>;
  /** Whether to stop starting tasks, so that the run can continue as new. */
  mustYield?(): boolean;
  /** Called after each change of a task's state. */
  onChange?(): void;
}

/** The run of a spec, or of one instance of a mapped task or group. */
export interface Interpretation {
  /** Rejects with the cancellation, once every running task and every teardown has ended. */
  run(): Promise<Outcome>;
  /** What a task handed on. */
  output(taskId: string): TaskOutput;
}

/** The outcome of interpreting a spec; `yielded`: stopped on request before everything was done. */
export interface Outcome {
  readonly state: 'success' | 'failed' | 'yielded';
  readonly tasks: readonly TaskResult[];
  readonly counts: RowCounts;
}
