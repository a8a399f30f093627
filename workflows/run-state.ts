import type { TaskState } from '../core/dag/dag-spec.js';
import { addCounts, isManifest, zeroCounts, type RowCounts } from '../core/loading/manifest.js';
import type { OuterPlan } from '../core/run/map-units.js';
import type { TaskResult } from '../core/run/run-result.js';
import type { SnapshotEntry } from '../core/run/run-snapshot.js';
import { isFinished, type StateTally } from '../core/run/state-tally.js';
import type { TaskOutput } from '../core/run/task-output.js';
import { effectiveCounts } from './effective-counts.js';
import type { TaskOutcome } from './task-run.js';

/** What is known of the tasks of one run: states, results, and what they handed on. A task that is missing is `none`. */
export class RunState {
  readonly states: Record<string, TaskState> = {};
  readonly #plan: OuterPlan;
  readonly #taskIds: readonly string[];
  readonly #tallies = new Map<string, StateTally>();
  readonly #outputs = new Map<string, TaskOutput>();
  readonly #results = new Map<string, TaskResult>();
  /** When the waits of tasks began, milliseconds since 1970. */
  readonly #sinceMs = new Map<string, number>();
  /** What a former execution has done in tasks that do not run here. */
  readonly #others: readonly SnapshotEntry[];
  readonly #tries: Map<string, number>;
  /** Tasks that this execution has run to their end. */
  readonly #ran = new Set<string>();

  constructor(
    taskIds: readonly string[],
    plan: OuterPlan,
    entries: readonly SnapshotEntry[],
    tries: Readonly<Record<string, number>> = {},
  ) {
    this.#taskIds = taskIds;
    this.#plan = plan;
    this.#tries = new Map(Object.entries(tries));
    const own = new Set(taskIds);
    this.#others = entries.filter(({ taskId }) => !own.has(taskId));
    for (const { taskId, state, output, tally, result, sinceMs } of entries) {
      if (state !== 'none') this.states[taskId] = state;
      if (output !== undefined) this.#outputs.set(taskId, output);
      if (tally !== undefined) this.#tallies.set(taskId, tally);
      if (result !== undefined && own.has(taskId)) this.#results.set(taskId, result);
      if (sinceMs !== undefined) this.#sinceMs.set(taskId, sinceMs);
    }
    for (const unit of plan.units.values()) {
      if (unit.tasks.every((task) => isFinished(this.of(task.id)))) this.states[unit.id] ??= 'success';
    }
  }

  of(taskId: string): TaskState {
    return this.states[taskId] ?? 'none';
  }

  get tallies(): Record<string, StateTally> {
    return Object.fromEntries(this.#tallies);
  }

  get outputs(): Record<string, TaskOutput> {
    return Object.fromEntries(this.#outputs);
  }

  /** Tries that a task had before it was cleared. */
  triesOf(taskId: string): number {
    return this.#tries.get(taskId) ?? 0;
  }

  /** Tries that tasks have had by now; at least one for each time a task has run. */
  get tries(): Record<string, number> {
    const known = [...this.#tries.keys(), ...this.#ran];
    return Object.fromEntries(known.map((id) => [id, this.#triesSoFar(id)]));
  }

  #triesSoFar(taskId: string): number {
    if (!this.#ran.has(taskId)) return this.triesOf(taskId);
    return this.#results.get(taskId)?.attempts ?? this.triesOf(taskId) + 1;
  }

  output(taskId: string): TaskOutput | undefined {
    return this.#outputs.get(taskId);
  }

  get results(): TaskResult[] {
    return [
      ...this.#taskIds.map((taskId) => this.#results.get(taskId) ?? { taskId, state: this.of(taskId) }),
      ...this.#others.map(({ taskId, state, result }) => result ?? { taskId, state }),
    ];
  }

  get isComplete(): boolean {
    return this.#taskIds.every((id) => isFinished(this.of(id)));
  }

  /** Sum over the loads that have finished. */
  get counts(): RowCounts {
    let counts = zeroCounts;
    for (const { loaded } of this.#results.values()) {
      if (loaded !== undefined) counts = addCounts(counts, loaded);
    }
    return counts;
  }

  /** What each task handed on, and how it ended, for an execution that goes on from here. */
  get entries(): SnapshotEntry[] {
    const own = this.#taskIds.flatMap((taskId): SnapshotEntry[] => {
      const state = this.of(taskId);
      const sinceMs = this.#sinceMs.get(taskId);
      if (!isFinished(state)) return sinceMs === undefined ? [] : [{ taskId, state: 'none', sinceMs }];
      const output = this.#outputs.get(taskId);
      const tally = this.#tallies.get(taskId);
      const result = this.#results.get(taskId);
      return [
        {
          taskId,
          state,
          ...(output === undefined ? {} : { output }),
          ...(tally === undefined ? {} : { tally }),
          ...(result === undefined ? {} : { result }),
        },
      ];
    });
    return [...own, ...this.#others];
  }

  sinceMs(taskId: string): number {
    const since = this.#sinceMs.get(taskId) ?? Date.now();
    this.#sinceMs.set(taskId, since);
    return since;
  }

  /** A task has ended. */
  end(taskId: string, kind: string, { state, output, error, tries }: TaskOutcome): void {
    this.#ran.add(taskId);
    if (output !== undefined) this.#outputs.set(taskId, output);
    const manifest = isManifest(output) ? output : undefined;
    this.states[taskId] = state;
    this.#results.set(taskId, {
      taskId,
      state,
      ...(tries === undefined ? {} : { attempts: this.triesOf(taskId) + tries }),
      ...(manifest === undefined ? {} : { counts: manifest.counts }),
      ...(manifest === undefined || kind !== 'load' ? {} : { loaded: effectiveCounts(manifest) }),
      ...(error === undefined ? {} : { error }),
    });
  }

  /** A task of a mapping has ended. */
  endMapped(result: TaskResult, tally: StateTally | undefined, output: TaskOutput | undefined): void {
    const { taskId, state } = result;
    this.#ran.add(taskId);
    this.states[taskId] = state;
    this.#results.set(taskId, result);
    if (tally === undefined) this.#tallies.delete(taskId);
    else this.#tallies.set(taskId, tally);
    if (output !== undefined) this.#outputs.set(taskId, output);
  }

  /** How the instances of mapped tasks stand so far. */
  progress(tallies: Readonly<Record<string, StateTally>>): void {
    for (const [taskId, tally] of Object.entries(tallies)) this.#tallies.set(taskId, tally);
  }

  /** Gives a task its final state, or all tasks of a mapped group theirs. */
  settle(taskId: string, state: 'skipped' | 'upstream_failed'): void {
    for (const task of this.#plan.units.get(taskId)?.tasks ?? []) this.states[task.id] = state;
    this.states[taskId] = state;
  }

  /** Skips tasks that have not begun; a mapped group is skipped as a whole. */
  skip(taskIds: readonly string[]): void {
    for (const id of taskIds) {
      const unitId = this.#unitOf(id);
      if (!this.#hasNotBegun(id) || !this.#hasNotBegun(unitId)) continue;
      this.settle(unitId, 'skipped');
    }
  }

  /** Also a task that waits for its place has not. */
  #hasNotBegun(taskId: string): boolean {
    return ['none', 'scheduled'].includes(this.of(taskId));
  }

  /** Makes finished tasks begin anew, a mapped group as a whole; returns those that will. */
  clear(taskIds: readonly string[]): string[] {
    const wanted = new Set(
      taskIds.flatMap((id) => {
        const unitId = this.#unitOf(id);
        return [unitId, ...(this.#plan.units.get(unitId)?.tasks.map((task) => task.id) ?? [])];
      }),
    );
    const cleared = [...wanted].filter((id) => isFinished(this.of(id)));
    for (const id of cleared) {
      this.#tries.set(id, this.#triesSoFar(id));
      this.#ran.delete(id);
      this.states[id] = 'none';
      this.#tallies.delete(id);
      this.#outputs.delete(id);
      this.#results.delete(id);
      this.#sinceMs.delete(id);
    }
    return cleared.filter((id) => this.#taskIds.includes(id));
  }

  /** The mapped task or group that a task belongs to, or the task itself. */
  #unitOf(taskId: string): string {
    for (const unit of this.#plan.units.values()) {
      if (unit.tasks.some((task) => task.id === taskId)) return unit.id;
    }
    return taskId;
  }
}
