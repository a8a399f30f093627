import type { DagSpec, TaskSpec, TaskState } from '../core/dag-spec.js';
import type { RunRecord, RunState, TaskRecord } from '../core/ledger.js';
import type { RowCounts } from '../core/manifest.js';
import type { RunInput, StageContext, TaskResult } from '../core/run.js';
import { recordRun, recordTask } from './ledger-sink.js';

/** Ends that no try tells of, or not alone. */
const verdicts: ReadonlySet<TaskState> = new Set(['failed', 'skipped', 'upstream_failed', 'removed']);

/** Tells the run ledger of one run: its start, its end, and the verdicts on tasks in between. */
export class RunTelling {
  readonly #tasks: readonly TaskSpec[];
  readonly #run: RunRecord;
  readonly #told = new Map<string, TaskState>();
  #states: Readonly<Record<string, TaskState>> = {};

  constructor(
    spec: Pick<DagSpec, 'id' | 'tasks'>,
    { specHash, runType }: Pick<RunInput, 'specHash' | 'runType'>,
    { workflowId, runId, interval, startedAt, params }: StageContext,
  ) {
    this.#tasks = spec.tasks;
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
    };
  }

  started(): void {
    recordRun(this.#run);
  }

  changed(states: Readonly<Record<string, TaskState>>): void {
    this.#states = states;
    for (const task of this.#tasks) {
      const state = states[task.id];
      if (state === undefined || state === this.#told.get(task.id) || !verdicts.has(state)) continue;
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
