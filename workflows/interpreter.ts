import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { TaskSpec, TaskState } from '../core/dag/dag-spec.js';
import { branchTargets, loadsFedBy, ofEveryRun } from '../core/dag/graph.js';
import { skippedBy } from '../core/run/skipped-by.js';
import { PipelineError } from '../core/errors/index.js';
import { isManifest, type RowCounts } from '../core/loading/manifest.js';
import { outerPlan, type MapUnit, type OuterPlan } from '../core/run/map-units.js';
import { planStep, runVerdict } from '../core/run/plan.js';
import type { TaskResult } from '../core/run/run-result.js';
import type { SnapshotEntry } from '../core/run/run-snapshot.js';
import type { StateTally } from '../core/run/state-tally.js';
import type { TaskOutput } from '../core/run/task-output.js';
import { Approvals } from './approvals.js';
import type { TaskScope } from './execute-task.js';
import { Gate } from './gate.js';
import type { Interpretation, InterpreterOptions, Outcome } from './interpretation.js';
import { runMapUnit } from './map-run.js';
import { taskError } from './task-error.js';
import { publishAssets } from './publish-assets.js';
import { RunState } from './run-state.js';
import { isWait, runTask, type AfterTask, type TaskHooks, type TaskOutcome } from './task-run.js';

/**
 * Runs the tasks of one spec in the order that `core/run/plan.ts` decides, several at a time where the graph allows. It
 * decides only; each task is an activity, a child workflow or a wait. Deterministic: the same history gives the same
 * commands.
 *
 * A task goes `none` → (`scheduled` while `maxActiveTasks` is used up) → `running` or `deferred` → a final state. Cleared
 * tasks go back to `none`. On cancellation nothing new starts but teardowns whose setup succeeded.
 */
export class Interpreter implements Interpretation {
  readonly #options: InterpreterOptions;
  readonly #plan: OuterPlan;
  readonly #tasks: ReadonlyMap<string, TaskSpec>;
  readonly #state: RunState;
  readonly #gate: Gate;
  readonly #largeMappings = new Gate(1);
  readonly #approvals: Approvals;
  /** Waits of extracts for a first row, and waits that the next execution of the run can take up again. */
  readonly #reads = new Set<CancellationScope>();
  readonly #waits = new Set<CancellationScope>();
  #active = 0;
  #isCancelled = false;
  #isYielding = false;
  #finish: () => void = () => undefined;

  constructor(options: InterpreterOptions) {
    const { spec, replay } = options;
    this.#options = options;
    this.#plan = outerPlan(spec);
    this.#tasks = new Map(this.#plan.tasks.map((task) => [task.id, task]));
    this.#state = new RunState(
      spec.tasks.map((task) => task.id),
      this.#plan,
      options.entries ?? [],
      options.tries,
    );
    this.#gate = options.gate ?? new Gate(spec.maxActiveTasks);
    this.#approvals = options.approvals ?? new Approvals();
    this.#keepDecisions();
    if (replay === undefined) return;
    this.#state.skip(
      spec.tasks
        .filter((task) => task.kind === 'extract' && task.id !== replay.taskId)
        .map((task) => task.id),
    );
  }

  /** Rejects with the cancellation, once every running task and every teardown has ended. */
  run(): Promise<Outcome> {
    const cancelled = CancellationScope.current().cancelRequested;
    void cancelled.catch(() => {
      this.#isCancelled = true;
    });
    return new Promise<Outcome>((resolve) => {
      this.#finish = () => {
        resolve(this.#isCancelled ? cancelled : this.#outcome);
      };
      this.#advance();
    });
  }

  get #outcome(): Outcome {
    const isYielded = this.#isYielding && !this.#state.isComplete;
    return {
      state: isYielded ? 'yielded' : runVerdict(this.#options.spec, this.#state.states),
      tasks: this.#state.results,
      counts: this.counts,
    };
  }

  get states(): Readonly<Record<string, TaskState>> {
    return this.#state.states;
  }

  get tallies(): Readonly<Record<string, StateTally>> {
    return this.#state.tallies;
  }

  get results(): readonly TaskResult[] {
    return this.#state.results;
  }

  get counts(): RowCounts {
    return this.#state.counts;
  }

  get entries(): SnapshotEntry[] {
    return this.#state.entries;
  }

  /** What a task handed on; null where it handed on nothing. */
  output(taskId: string): TaskOutput {
    return this.#state.output(taskId) ?? this.#options.surroundings?.outputs[taskId] ?? null;
  }

  /** Ends the waits of extracts for a first row; a chain that already has rows goes on. */
  interruptReads(): void {
    for (const scope of this.#reads) scope.cancel();
  }

  get tries(): Readonly<Record<string, number>> {
    return this.#state.tries;
  }

  /** Makes finished tasks run again. Tasks that are under way are left alone. */
  clear(taskIds: readonly string[]): string[] {
    const cleared = this.#state.clear(taskIds);
    for (const id of cleared) this.#approvals.clear(id);
    this.#keepDecisions();
    if (cleared.length > 0) this.#advance();
    return cleared;
  }

  /** What a branch has decided holds until it is cleared itself (Airflow's rule). */
  #keepDecisions(): void {
    for (const task of this.#plan.tasks) {
      const output = this.#state.output(task.id);
      if (this.#state.of(task.id) === 'success' && output !== undefined && !this.#plan.units.has(task.id))
        this.#state.skip(skippedBy(this.#options.spec.tasks, task, output));
    }
  }

  #advance(): void {
    if (this.#isCancelled) this.#skipWork();
    if (!this.#isYielding && this.#options.mustYield?.() === true) this.#yield();
    for (;;) {
      const { surroundings } = this.#options;
      const { states, tallies } = this.#state;
      const step = planStep(
        { tasks: this.#plan.tasks },
        surroundings === undefined ? states : { ...surroundings.states, ...states },
        surroundings === undefined ? tallies : { ...surroundings.tallies, ...tallies },
      );
      for (const { taskId, state } of step.settle) this.#state.settle(taskId, state);
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

  #startTasks(taskIds: readonly string[]): void {
    for (const id of taskIds) {
      const task = this.#tasks.get(id);
      if (task === undefined || (this.#isCancelled && task.teardown === undefined)) continue;
      this.#active += 1;
      const unit = this.#plan.units.get(id);
      if (unit !== undefined || isWait(task)) {
        this.#state.states[id] = 'deferred';
        this.#work(task, unit);
      } else if (this.#gate.tryEnter()) {
        this.#state.states[id] = 'running';
        this.#work(task, undefined);
      } else {
        this.#state.states[id] = 'scheduled';
        void this.#gate.enter(1, task.priorityWeight).then(() => this.#takePlace(task));
      }
    }
  }

  /** Begins what waited for its place, unless it was skipped meanwhile. */
  #takePlace(task: TaskSpec): void {
    if (this.#state.of(task.id) === 'scheduled') {
      if (!this.#isYielding && !this.#isCancelled) this.#state.states[task.id] = 'running';
      this.#work(task, undefined);
      return;
    }
    this.#gate.leave();
    this.#active -= 1;
    this.#advance();
  }

  #work(task: TaskSpec, unit: MapUnit | undefined): void {
    const { states } = this.#state;
    const hasPlace = unit === undefined && !isWait(task);
    const leave = () => {
      if (hasPlace) this.#gate.leave();
      this.#active -= 1;
      this.#advance();
    };
    const fail = (error: unknown) => {
      if (!isCancellation(error)) this.#end(task, { state: 'failed', error: taskError(error) });
      else if (this.#isYielding && !this.#isCancelled) states[task.id] = 'none';
      else this.#end(task, { state: 'skipped' });
      leave();
    };
    const end = (outcome: TaskOutcome) => {
      try {
        this.#end(task, outcome);
      } catch (error) {
        fail(error);
        return;
      }
      leave();
    };
    if (this.#isYielding && states[task.id] === 'scheduled') {
      states[task.id] = 'none';
      leave();
    } else if (this.#isCancelled && task.teardown === undefined) {
      states[task.id] = 'skipped';
      leave();
    } else if (unit !== undefined) {
      this.#runUnit(unit).then(leave, fail);
    } else if (task.teardown === undefined) {
      this.#runOne(task, { ended: end, failed: fail });
    } else {
      // A teardown has to run also, and just then, when the run is cancelled; what comes after it has not.
      CancellationScope.nonCancellable(
        () =>
          new Promise<TaskOutcome>((ended, failed) => {
            this.#runOne(task, { ended, failed });
          }),
      ).then(end, fail);
    }
  }

  #runOne(task: TaskSpec, after: AfterTask): void {
    const hooks: TaskHooks = {
      onState: (state) => {
        if (this.#state.of(task.id) === state) return;
        this.#state.states[task.id] = state;
        this.#options.onChange?.();
      },
      onResult: async (output, emitted) => {
        if (task.kind === 'branch') this.#refuseUnknown(task.id, output as readonly string[]);
        if (!this.#isIdle(task, output)) await publishAssets(task, this.#options.context, output, emitted);
      },
    };
    runTask(task, this.#scope(), hooks, after);
  }

  #end(task: TaskSpec, outcome: TaskOutcome): void {
    const { output } = outcome;
    const state = this.#isIdle(task, output) ? 'skipped' : outcome.state;
    this.#state.end(task.id, task.kind, { ...outcome, state });
    if (state === 'success') this.#state.skip(skippedBy(this.#options.spec.tasks, task, output ?? null));
    if (state === 'failed' && this.#options.spec.failFast === true && task.teardown === undefined)
      this.#skipWork();
  }

  /** Real-time: an extract that found no row, which skips its chain. */
  #isIdle(task: TaskSpec, output: TaskOutput | undefined): boolean {
    const isWaiting = this.#options.waitMs !== undefined && task.kind === 'extract';
    return isWaiting && isManifest(output) && output.counts.extracted === 0;
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

  /** Everything that has not begun is skipped, but for teardowns. */
  #skipWork(): void {
    const work = this.#plan.tasks.filter((task) => task.teardown === undefined);
    this.#state.skip(work.map((task) => task.id));
  }

  async #runUnit(unit: MapUnit): Promise<void> {
    const { surroundings } = this.#options;
    const outcome = await runMapUnit(unit, {
      interpret: (options) => new Interpreter(options),
      scope: this.#scope(),
      gate: this.#gate,
      maxActiveTasks: this.#options.spec.maxActiveTasks,
      surroundings: {
        states: { ...surroundings?.states, ...this.#state.states },
        tallies: { ...surroundings?.tallies, ...this.#state.tallies },
        outputs: { ...surroundings?.outputs, ...this.#state.outputs },
      },
      largeMappings: this.#largeMappings,
      onProgress: (tallies) => {
        this.#state.progress(tallies);
        this.#advance();
      },
    });
    this.#state.states[unit.id] = outcome.state;
    for (const { result, tally, output } of Object.values(outcome.tasks))
      this.#state.endMapped(result, tally, output);
    if (outcome.state === 'failed' && this.#options.spec.failFast === true) this.#skipWork();
  }

  #scope(): TaskScope {
    const { context, schedule, slots, replay, waitMs } = this.#options;
    return {
      context,
      schedule: schedule ?? { kind: 'manual' },
      approvals: this.#approvals,
      slots,
      ...(replay === undefined ? {} : { replay }),
      ...(waitMs === undefined ? {} : { waitMs }),
      output: (taskId) => this.output(taskId),
      sinceMs: (taskId) => this.#state.sinceMs(taskId),
      priorTries: (taskId) => this.#state.triesOf(taskId),
      loadsOf: (taskId) => {
        const { tasks } = this.#options.spec;
        const loads = loadsFedBy(tasks, taskId);
        return { loads, loadsOfEveryRun: ofEveryRun(tasks, loads) };
      },
      interruptible: (work) => during(this.#waits, work),
      interruptibleRead: (work) => during(this.#reads, work),
    };
  }
}

/** Runs work in a scope that is listed meanwhile, so that others can cancel it. */
async function during<Result>(scopes: Set<CancellationScope>, work: () => Promise<Result>): Promise<Result> {
  const scope = new CancellationScope();
  scopes.add(scope);
  try {
    return await scope.run(work);
  } finally {
    scopes.delete(scope);
  }
}
