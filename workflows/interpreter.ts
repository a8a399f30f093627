import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { DagSpec, TaskSpec, TaskState } from '../core/dag-spec.js';
import { branchTargets, skippedByBranch, skippedByShortCircuit } from '../core/graph.js';
import { PipelineError } from '../core/errors/index.js';
import { addCounts, isManifest, zeroCounts, type RowCounts } from '../core/manifest.js';
import { outerPlan, type MapUnit, type OuterPlan } from '../core/map-units.js';
import { planStep, runVerdict } from '../core/plan.js';
import type { RunInput, StageContext, TaskResult } from '../core/run.js';
import type { SnapshotEntry } from '../core/run-snapshot.js';
import { isFinished, type StateTally } from '../core/state-tally.js';
import type { TaskOutput } from '../core/task-output.js';
import { Approvals } from './approvals.js';
import { effectiveCounts } from './effective-counts.js';
import type { TaskScope } from './execute-task.js';
import { Gate } from './gate.js';
import { runMapUnit } from './map-run.js';
import { taskError } from './task-error.js';
import { isWait, runTask, type TaskOutcome } from './task-run.js';

/** What surrounds the tasks of a mapped group: states and results of the tasks outside. */
export interface Surroundings {
  readonly states: Readonly<Record<string, TaskState>>;
  readonly tallies: Readonly<Record<string, StateTally>>;
  readonly outputs: Readonly<Record<string, TaskOutput>>;
}

export interface InterpreterOptions {
  readonly spec: Pick<DagSpec, 'tasks' | 'maxActiveTasks' | 'groups' | 'failOn' | 'failFast'>;
  readonly context: StageContext;
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
  /** Whether to stop starting tasks, so that the run can continue as new. */
  mustYield?(): boolean;
  /** Called after each change of a task's state. */
  onChange?(): void;
}

/** The outcome of interpreting a spec; `yielded`: stopped on request before everything was done. */
export interface Outcome {
  readonly state: 'success' | 'failed' | 'yielded';
  readonly tasks: readonly TaskResult[];
  readonly counts: RowCounts;
}

/**
 * Runs the tasks of one spec in the order that `core/plan.ts` decides, several at a time where the graph allows. It
 * decides only; each task is an activity, a child workflow or a wait. Deterministic: the same history gives the same
 * commands.
 *
 * A task goes `none` → (`scheduled` while `maxActiveTasks` is used up) → `running` or `deferred` → a final state. Cleared
 * tasks go back to `none`. On cancellation nothing new starts but teardowns whose setup succeeded.
 */
export class Interpreter {
  readonly states: Record<string, TaskState> = {};
  readonly tallies: Record<string, StateTally> = {};
  readonly #options: InterpreterOptions;
  readonly #plan: OuterPlan;
  readonly #gate: Gate;
  readonly #largeMappings = new Gate(1);
  readonly #approvals: Approvals;
  readonly #outputs = new Map<string, TaskOutput>();
  readonly #results = new Map<string, TaskResult>();
  /** Waits of extracts for a first row, and waits that the next execution of the run can take up again. */
  readonly #reads = new Set<CancellationScope>();
  readonly #waits = new Set<CancellationScope>();
  readonly #sinceMs = new Map<string, number>();
  #active = 0;
  #isCancelled = false;
  #isYielding = false;
  #finish: () => void = () => undefined;

  constructor(options: InterpreterOptions) {
    this.#options = options;
    this.#plan = outerPlan(options.spec);
    this.#gate = options.gate ?? new Gate(options.spec.maxActiveTasks);
    this.#approvals = options.approvals ?? new Approvals();
    for (const entry of options.entries ?? []) this.#restore(entry);
    for (const unit of this.#plan.units.values()) {
      if (unit.tasks.every((task) => isFinished(this.states[task.id] ?? 'none')))
        this.states[unit.id] ??= 'success';
    }
    if (options.replay === undefined) return;
    for (const task of options.spec.tasks) {
      if (task.kind === 'extract' && task.id !== options.replay.taskId) this.states[task.id] = 'skipped';
    }
  }

  /** @throws the cancellation, once every running task and every teardown has ended. */
  async run(): Promise<Outcome> {
    const cancelled = CancellationScope.current().cancelRequested.catch((error: unknown) => {
      this.#isCancelled = true;
      if (this.#active === 0) this.#advance();
      return error;
    });
    await new Promise<void>((resolve) => {
      this.#finish = resolve;
      this.#advance();
    });
    if (this.#isCancelled) throw await cancelled;
    return {
      state:
        this.#isYielding && !this.#isComplete() ? 'yielded' : runVerdict(this.#options.spec, this.states),
      tasks: this.#options.spec.tasks.map(
        (task) => this.#results.get(task.id) ?? { taskId: task.id, state: this.states[task.id] ?? 'none' },
      ),
      counts: this.counts,
    };
  }

  /** Sum over the loads that have finished. */
  get counts(): RowCounts {
    let counts = zeroCounts;
    for (const result of this.#results.values()) {
      if (result.loaded !== undefined) counts = addCounts(counts, result.loaded);
    }
    return counts;
  }

  /** What each task handed on, and how it ended, for an execution that goes on from here. */
  get entries(): SnapshotEntry[] {
    return this.#options.spec.tasks.flatMap((task): SnapshotEntry[] => {
      const state = this.states[task.id] ?? 'none';
      const sinceMs = this.#sinceMs.get(task.id);
      if (!isFinished(state))
        return sinceMs === undefined ? [] : [{ taskId: task.id, state: 'none', sinceMs }];
      const output = this.#outputs.get(task.id);
      const tally = this.tallies[task.id];
      const result = this.#results.get(task.id);
      return [
        {
          taskId: task.id,
          state,
          ...(output === undefined ? {} : { output }),
          ...(tally === undefined ? {} : { tally }),
          ...(result === undefined ? {} : { result }),
        },
      ];
    });
  }

  /** What a task handed on. */
  output(taskId: string): TaskOutput {
    return this.#outputs.get(taskId) ?? this.#options.surroundings?.outputs[taskId] ?? null;
  }

  /** Ends the waits of extracts for a first row; a chain that already has rows goes on. */
  interruptReads(): void {
    for (const scope of this.#reads) scope.cancel();
  }

  /** Makes finished tasks run again. Tasks that are under way are left alone. */
  clear(taskIds: readonly string[]): string[] {
    // A mapped group is cleared as a whole.
    const wanted = new Set(
      taskIds.flatMap((id) => {
        const unit = [...this.#plan.units.values()].find((one) => one.tasks.some((task) => task.id === id));
        return unit === undefined ? [id] : [...unit.tasks.map((task) => task.id), unit.id];
      }),
    );
    const cleared = [...wanted].filter((id) => isFinished(this.states[id] ?? 'none'));
    for (const id of cleared) {
      delete this.states[id];
      delete this.tallies[id];
      this.#outputs.delete(id);
      this.#results.delete(id);
      this.#sinceMs.delete(id);
      this.#approvals.clear(id);
    }
    if (cleared.length > 0) this.#advance();
    return cleared;
  }

  #restore({ taskId, state, output, tally, result, sinceMs }: SnapshotEntry): void {
    if (state !== 'none') this.states[taskId] = state;
    if (output !== undefined) this.#outputs.set(taskId, output);
    if (tally !== undefined) this.tallies[taskId] = tally;
    if (result !== undefined) this.#results.set(taskId, result);
    if (sinceMs !== undefined) this.#sinceMs.set(taskId, sinceMs);
  }

  #isComplete(): boolean {
    return this.#options.spec.tasks.every((task) => isFinished(this.states[task.id] ?? 'none'));
  }

  #advance(): void {
    if (this.#isCancelled)
      this.#skip(this.#plan.tasks.filter((task) => task.teardown === undefined).map((task) => task.id));
    if (!this.#isYielding && this.#options.mustYield?.() === true) this.#yield();
    for (;;) {
      const { surroundings } = this.#options;
      const step = planStep(
        { tasks: this.#plan.tasks },
        surroundings === undefined ? this.states : { ...surroundings.states, ...this.states },
        surroundings === undefined ? this.tallies : { ...surroundings.tallies, ...this.tallies },
      );
      for (const { taskId, state } of step.settle) this.#settle(taskId, state);
      if (step.settle.length > 0) continue;
      if (!this.#isYielding) this.#startTasks(step.start);
      break;
    }
    this.#options.onChange?.();
    if (this.#active === 0) this.#finish();
  }

  #yield(): void {
    this.#isYielding = true;
    for (const scope of this.#waits) scope.cancel();
  }

  /** Gives a task its final state, or the tasks of a mapped group theirs. */
  #settle(taskId: string, state: 'skipped' | 'upstream_failed'): void {
    for (const task of this.#tasksOf(taskId)) this.states[task] = state;
    this.states[taskId] = state;
  }

  #tasksOf(unitId: string): string[] {
    return this.#plan.units.get(unitId)?.tasks.map((task) => task.id) ?? [unitId];
  }

  #startTasks(taskIds: readonly string[]): void {
    const byId = new Map(this.#plan.tasks.map((task) => [task.id, task]));
    for (const id of taskIds) {
      const task = byId.get(id);
      if (task === undefined || (this.#isCancelled && task.teardown === undefined)) continue;
      this.#active += 1;
      const unit = this.#plan.units.get(id);
      if (unit !== undefined || isWait(task)) {
        this.states[id] = 'deferred';
        void this.#work(task, unit);
      } else if (this.#gate.tryEnter()) {
        this.states[id] = 'running';
        void this.#work(task, undefined);
      } else {
        this.states[id] = 'scheduled';
        void this.#gate.enter(1, task.priorityWeight).then(() => this.#work(task, undefined));
      }
    }
  }

  async #work(task: TaskSpec, unit: MapUnit | undefined): Promise<void> {
    // A teardown has to run also, and just then, when the run is cancelled.
    const isProtected = task.teardown !== undefined;
    const hasPlace = unit === undefined && !isWait(task);
    try {
      if (this.#isYielding && this.states[task.id] === 'scheduled') delete this.states[task.id];
      else if (this.#isCancelled && !isProtected) this.states[task.id] = 'skipped';
      else if (unit !== undefined) await this.#runUnit(unit);
      else if (isProtected) await CancellationScope.nonCancellable(() => this.#runOne(task));
      else await this.#runOne(task);
    } catch (error) {
      if (!isCancellation(error)) this.#end(task, { state: 'failed', error: taskError(error) });
      else if (this.#isYielding && !this.#isCancelled) delete this.states[task.id];
      else this.#end(task, { state: 'skipped' });
    }
    if (hasPlace) this.#gate.leave();
    this.#active -= 1;
    this.#advance();
  }

  async #runOne(task: TaskSpec): Promise<void> {
    const outcome = await runTask(task, this.#scope(), {
      onState: (state) => {
        if (this.states[task.id] === state) return;
        this.states[task.id] = state;
        this.#options.onChange?.();
      },
      onResult: async (output) => {
        if (task.kind === 'branch') this.#refuseUnknown(task.id, output as readonly string[]);
      },
    });
    this.#end(task, outcome);
  }

  #end(task: TaskSpec, { state, output, error, tries }: TaskOutcome): void {
    if (output !== undefined) this.#outputs.set(task.id, output);
    const manifest = isManifest(output) ? output : undefined;
    const isIdle =
      this.#options.waitMs !== undefined && task.kind === 'extract' && manifest?.counts.extracted === 0;
    const final = isIdle ? 'skipped' : state;
    this.states[task.id] = final;
    this.#results.set(task.id, {
      taskId: task.id,
      state: final,
      ...(tries === undefined ? {} : { attempts: tries }),
      ...(manifest === undefined ? {} : { counts: manifest.counts }),
      ...(manifest === undefined || task.kind !== 'load' ? {} : { loaded: effectiveCounts(manifest) }),
      ...(error === undefined ? {} : { error }),
    });
    if (final === 'success') this.#applyChoice(task, output ?? null);
    if (final === 'failed' && this.#options.spec.failFast === true && task.teardown === undefined)
      this.#failFast();
  }

  /** What a branch, switch or short circuit chose decides which of the tasks after it are skipped. */
  #applyChoice(task: TaskSpec, output: TaskOutput): void {
    const { tasks } = this.#options.spec;
    let skipped: string[] = [];
    if (task.kind === 'branch' || task.kind === 'switch')
      skipped = skippedByBranch(tasks, task.id, output as string[]);
    else if (task.kind === 'latest-only' && output === false) skipped = skippedByBranch(tasks, task.id, []);
    else if (task.kind === 'short-circuit' && output === false)
      skipped = skippedByShortCircuit(tasks, task.id, task.ignoreDownstreamTriggerRules);
    this.#skip(skipped);
  }

  /** @throws PipelineError BRANCH_UNKNOWN */
  #refuseUnknown(taskId: string, chosen: readonly string[]): void {
    const known = branchTargets(this.#options.spec.tasks, taskId);
    const unknown = chosen.filter((id) => !known.includes(id));
    if (unknown.length > 0)
      throw new PipelineError('BRANCH_UNKNOWN', {
        taskId,
        chosen: unknown.join(', '),
        known: known.join(', '),
      });
  }

  #failFast(): void {
    const { tasks } = this.#options.spec;
    this.#skip(tasks.filter((task) => task.teardown === undefined).map((task) => task.id));
  }

  #skip(taskIds: readonly string[]): void {
    const units = [...this.#plan.units.values()];
    for (const id of taskIds) {
      if ((this.states[id] ?? 'none') !== 'none') continue;
      const unit = units.find((candidate) => candidate.tasks.some((task) => task.id === id));
      if (unit !== undefined && (this.states[unit.id] ?? 'none') !== 'none') continue;
      this.states[id] = 'skipped';
      // A mapped group is skipped as a whole.
      if (unit !== undefined) this.#settle(unit.id, 'skipped');
    }
  }

  async #runUnit(unit: MapUnit): Promise<void> {
    const outcome = await runMapUnit(unit, {
      interpret: (options) => new Interpreter(options),
      scope: this.#scope(),
      gate: this.#gate,
      maxActiveTasks: this.#options.spec.maxActiveTasks,
      surroundings: {
        states: { ...this.#options.surroundings?.states, ...this.states },
        tallies: { ...this.#options.surroundings?.tallies, ...this.tallies },
        outputs: Object.fromEntries(this.#outputs),
      },
      largeMappings: this.#largeMappings,
      onProgress: (tallies) => {
        Object.assign(this.tallies, tallies);
        this.#advance();
      },
    });
    this.states[unit.id] = outcome.state;
    for (const [taskId, task] of Object.entries(outcome.tasks)) {
      this.states[taskId] = task.result.state;
      if (task.tally === undefined) delete this.tallies[taskId];
      else this.tallies[taskId] = task.tally;
      if (task.output !== undefined) this.#outputs.set(taskId, task.output);
      this.#results.set(taskId, task.result);
    }
    if (outcome.state === 'failed' && this.#options.spec.failFast === true) this.#failFast();
  }

  #scope(): TaskScope {
    const { context, schedule, replay, waitMs } = this.#options;
    const during = async <Result>(
      scopes: Set<CancellationScope>,
      work: () => Promise<Result>,
    ): Promise<Result> => {
      const scope = new CancellationScope();
      scopes.add(scope);
      try {
        return await scope.run(work);
      } finally {
        scopes.delete(scope);
      }
    };
    return {
      context,
      schedule: schedule ?? { kind: 'manual' },
      approvals: this.#approvals,
      ...(replay === undefined ? {} : { replay }),
      ...(waitMs === undefined ? {} : { waitMs }),
      output: (taskId) => this.output(taskId),
      sinceMs: (taskId) => {
        const since = this.#sinceMs.get(taskId) ?? Date.now();
        this.#sinceMs.set(taskId, since);
        return since;
      },
      interruptible: (_taskId, work) => during(this.#waits, work),
      interruptibleRead: (work) => during(this.#reads, work),
    };
  }
}
