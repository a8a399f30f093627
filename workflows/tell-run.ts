import type { DagSpec, TaskSpec, TaskState } from '../core/dag/dag-spec.js';
import type { RunRecord, RunState, TaskRecord } from '../core/run/ledger.js';
import type { RowCounts } from '../core/loading/manifest.js';
import type { RunInput, StageContext } from '../core/run/run.js';
import type { TaskResult } from '../core/run/run-result.js';
import type { SnapshotEntry } from '../core/run/run-snapshot.js';
import { isFinished } from '../core/run/state-tally.js';
import { recordRun, recordTask } from './ledger-sink.js';

/** Ends that no try tells of, or not alone. */
const verdicts: ReadonlySet<TaskState> = new Set(['failed', 'skipped', 'upstream_failed', 'removed']);

/** Tells the run ledger of one run: its start, its end, and the verdicts on tasks in between. */
export class RunTelling {
  readonly #tasks: readonly TaskSpec[];
  /** Those too that do not run here. */
  readonly #all: readonly TaskSpec[];
  readonly #run: RunRecord;
  readonly #told = new Map<string, TaskState>();
  #states: Readonly<Record<string, TaskState>> = {};

  constructor(
    spec: Pick<DagSpec, 'id' | 'tasks'>,
    input: Pick<RunInput, 'spec' | 'specHash' | 'runType' | 'triggeredBy' | 'rerun' | 'carried'>,
    { workflowId, runId, interval, startedAt, params }: StageContext,
  ) {
    const { specHash, runType, triggeredBy } = input;
    const formerRunId = input.rerun?.formerRunId ?? input.carried?.formerRunId;
    this.#tasks = spec.tasks;
    this.#all = input.spec.tasks;
    this.#run = {
      workflowId,
      runId,
      dagId: spec.id,
      runType,
      specHash,
      ...(interval === undefined ? {} : { interval }),
      state: 'running',
      startedAt,
      params,
      ...(triggeredBy === undefined ? {} : { triggeredBy }),
      ...(formerRunId === undefined ? {} : { formerRunId }),
    };
  }

  started(): void {
    recordRun(this.#run);
  }

  /** What a former execution of the run has done. */
  kept(entries: readonly SnapshotEntry[]): void {
    for (const { taskId, state, result } of entries) {
      const task = this.#all.find(({ id }) => id === taskId);
      if (task === undefined || !isFinished(state)) continue;
      this.#told.set(taskId, state);
      const { counts, error } = result ?? {};
      recordTask({
        ...this.#verdict(task, state),
        ...(counts === undefined ? {} : { counts }),
        ...(error === undefined ? {} : { errorCode: error.code, errorMessage: error.message }),
      });
    }
  }

  changed(states: Readonly<Record<string, TaskState>>): void {
    this.#states = states;
    for (const task of this.#tasks) {
      const state = states[task.id];
      const told = this.#told.get(task.id);
      if (state === undefined || state === told) continue;
      // A cleared task that did well now has an older verdict to be replaced.
      if (!verdicts.has(state) && !(state === 'success' && told !== undefined)) continue;
      this.#told.set(task.id, state);
      recordTask(this.#verdict(task, state));
    }
  }

  ended(outcome: {
    readonly state: RunState;
    readonly tasks: readonly TaskResult[];
    readonly counts: RowCounts;
  }): void {
    for (const { taskId, state, error } of outcome.tasks) {
      const task = this.#tasks.find(({ id }) => id === taskId);
      if (error === undefined || task === undefined) continue;
      recordTask({ ...this.#verdict(task, state), errorCode: error.code, errorMessage: error.message });
    }
    const { state, counts } = outcome;
    if (state === 'cancelled') this.#skipTheRest();
    recordRun({ ...this.#run, state, counts, endedAt: new Date().toISOString() });
  }

  /** A run that is cancelled skips what has not ended. */
  #skipTheRest(): void {
    for (const task of this.#tasks) {
      const state = this.#states[task.id];
      if (state !== 'success' && !this.#told.has(task.id)) recordTask(this.#verdict(task, 'skipped'));
    }
  }

  #verdict({ id, kind }: TaskSpec, state: TaskState): TaskRecord {
    const { workflowId, runId } = this.#run;
    return { workflowId, runId, taskId: id, mapIndex: -1, tryNumber: 0, kind, state };
  }
}
