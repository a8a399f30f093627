import {
  ActivityCancellationType,
  CancellationScope,
  isCancellation,
  proxyActivities,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import type { DagSpec, TaskSpec, TaskState } from '../core/dag-spec.js';
import type { JsonValue } from '../core/json.js';
import { addCounts, isManifest, zeroCounts, type Manifest, type RowCounts } from '../core/manifest.js';
import { planStep, runVerdict } from '../core/plan.js';
import { taskSlots } from '../core/slot-requests.js';
import type { StageContext, TaskResult } from '../core/run.js';
import type { SlotClient } from './slots.js';
import { taskError } from './task-error.js';

export interface InterpreterOptions {
  readonly spec: Pick<DagSpec, 'tasks' | 'maxActiveTasks'>;
  readonly context: StageContext;
  readonly slots: SlotClient;
  /** Real-time: an extract waits this long for a first row, and a chain whose extract found none is skipped. */
  readonly waitMs?: number;
  readonly replay?: { readonly taskId: string; readonly quarantineIds: readonly string[] };
  /** Called after each change of a task's state. */
  onChange?(): void;
}

/** The outcome of interpreting a spec once. */
export interface Outcome {
  readonly state: 'success' | 'failed';
  readonly tasks: readonly TaskResult[];
  readonly counts: RowCounts;
}

/**
 * Runs the tasks of one spec in the order that `core/plan.ts` decides, several at a time where the graph allows. It
 * decides only; each task is an activity. Deterministic: the same history gives the same commands.
 */
export class Interpreter {
  readonly states: Record<string, TaskState> = {};
  readonly #options: InterpreterOptions;
  readonly #outputs = new Map<string, Manifest | JsonValue>();
  readonly #results = new Map<string, TaskResult>();
  readonly #waits = new Set<CancellationScope>();
  #running = 0;
  #isCancelled = false;
  #finish: () => void = () => undefined;

  constructor(options: InterpreterOptions) {
    this.#options = options;
    if (options.replay === undefined) return;
    for (const task of options.spec.tasks) {
      if (task.kind === 'extract' && task.id !== options.replay.taskId) this.states[task.id] = 'skipped';
    }
  }

  /** @throws the cancellation, once every running task has ended. */
  async run(): Promise<Outcome> {
    const cancelled = CancellationScope.current().cancelRequested.catch((error: unknown) => {
      this.#isCancelled = true;
      return error;
    });
    await new Promise<void>((resolve) => {
      this.#finish = resolve;
      this.#advance();
    });
    if (this.#isCancelled) throw await cancelled;
    return {
      state: runVerdict(this.#options.spec, this.states),
      tasks: this.#options.spec.tasks.map(
        (task) => this.#results.get(task.id) ?? { taskId: task.id, state: this.states[task.id] ?? 'none' },
      ),
      counts: this.counts,
    };
  }

  /** Sum over the loads that have finished. */
  get counts(): RowCounts {
    let counts = zeroCounts;
    for (const task of this.#options.spec.tasks) {
      const output = this.#outputs.get(task.id);
      if (task.kind === 'load' && isManifest(output)) counts = addCounts(counts, effectiveCounts(output));
    }
    return counts;
  }

  /** Ends the waits of extracts for a first row; a chain that already has rows goes on. */
  interruptWaits(): void {
    for (const scope of this.#waits) scope.cancel();
  }

  #advance(): void {
    const { spec } = this.#options;
    for (;;) {
      const step = planStep(spec, this.states);
      for (const { taskId, state } of step.settle) this.states[taskId] = state;
      if (step.settle.length > 0) continue;
      if (!this.#isCancelled) this.#startTasks(step.start);
      break;
    }
    this.#options.onChange?.();
    if (this.#running === 0) this.#finish();
  }

  #startTasks(taskIds: readonly string[]): void {
    for (const task of this.#options.spec.tasks) {
      if (this.#running >= this.#options.spec.maxActiveTasks) return;
      if (!taskIds.includes(task.id)) continue;
      this.states[task.id] = 'running';
      this.#running += 1;
      void this.#runTask(task);
    }
  }

  async #runTask(task: TaskSpec): Promise<void> {
    let state: TaskState;
    try {
      const output = await this.#executeInSlots(task);
      this.#outputs.set(task.id, output);
      const isIdle =
        this.#options.waitMs !== undefined &&
        task.kind === 'extract' &&
        isManifest(output) &&
        output.counts.extracted === 0;
      state = isIdle ? 'skipped' : 'success';
      this.#results.set(task.id, {
        taskId: task.id,
        state,
        ...(isManifest(output) ? { counts: output.counts } : {}),
      });
    } catch (error) {
      if (isCancellation(error)) {
        state = 'skipped';
        this.#results.set(task.id, { taskId: task.id, state });
      } else {
        state = 'failed';
        this.#results.set(task.id, { taskId: task.id, state, error: taskError(error) });
      }
    }
    this.#running -= 1;
    this.states[task.id] = state;
    this.#advance();
  }

  async #executeInSlots(task: TaskSpec): Promise<Manifest | JsonValue> {
    const { context, slots } = this.#options;
    const requests = taskSlots(context.dagId, task);
    if (requests.length === 0) return this.#execute(task);
    this.#show(task, 'scheduled');
    return slots.hold(requests, () => {
      this.#show(task, 'running');
      return this.#execute(task);
    });
  }

  #show(task: TaskSpec, state: TaskState): void {
    this.states[task.id] = state;
    this.#options.onChange?.();
  }

  async #execute(task: TaskSpec): Promise<Manifest | JsonValue> {
    const { context, replay, waitMs } = this.#options;
    const stages = proxyActivities<Activities>(activityOptions(task));
    switch (task.kind) {
      case 'extract': {
        const request = {
          context,
          task,
          ...(replay === undefined ? {} : { replayQuarantineIds: replay.quarantineIds }),
          ...(waitMs === undefined ? {} : { waitMs }),
        };
        if (waitMs === undefined) return stages.extract(request);
        const scope = new CancellationScope();
        this.#waits.add(scope);
        try {
          return await scope.run(() => stages.extract(request));
        } finally {
          this.#waits.delete(scope);
        }
      }
      case 'validate':
        return stages.validate({ context, task, input: this.#input(task.input) });
      case 'transform':
        return stages.transform({ context, task, input: this.#input(task.input) });
      case 'load':
        return stages.load({
          context,
          task,
          input: this.#input(task.input),
          ...(replay === undefined ? {} : { replayQuarantineIds: replay.quarantineIds }),
        });
      case 'function':
        return stages.runFunction({
          context,
          task,
          inputs: Object.fromEntries(
            Object.entries(task.inputs).map(([name, from]) => [
              name,
              (this.#outputs.get(from) ?? null) as JsonValue,
            ]),
          ),
        });
    }
  }

  #input(taskId: string): Manifest {
    const output = this.#outputs.get(taskId);
    if (isManifest(output)) return output;
    throw new Error(`task "${taskId}" has no rows to hand on`);
  }
}

/** A load that was committed before changes nothing now: its rows count as unchanged. */
function effectiveCounts(manifest: Manifest): RowCounts {
  if (manifest.load?.alreadyCommitted !== true) return manifest.counts;
  const { extracted, quarantined, withheld } = manifest.counts;
  return {
    extracted,
    loaded: 0,
    unchanged: extracted - quarantined - withheld,
    superseded: 0,
    quarantined,
    withheld,
  };
}

function activityOptions(task: TaskSpec): ActivityOptions {
  const { retry, timeouts } = task;
  return {
    summary: summaryOf(task),
    startToCloseTimeout: timeouts.startToCloseMs,
    scheduleToCloseTimeout: timeouts.scheduleToCloseMs,
    heartbeatTimeout: timeouts.heartbeatMs,
    // A load that is asked to stop says first whether it committed; a source that is read can simply be left.
    cancellationType:
      task.kind === 'extract'
        ? ActivityCancellationType.TRY_CANCEL
        : ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: retry.initialIntervalMs,
      backoffCoefficient: retry.backoffCoefficient,
      maximumInterval: retry.maximumIntervalMs,
      maximumAttempts: retry.maximumAttempts,
    },
  };
}

function summaryOf(task: TaskSpec): string {
  switch (task.kind) {
    case 'extract':
      return `${task.id} ← ${task.config.from.connector}/${task.config.from.stream}`;
    case 'validate':
      return `${task.id} · ${task.config.schema.id}`;
    case 'load':
      return `${task.id} → ${task.config.into} (${task.config.disposition})`;
    case 'transform':
    case 'function':
      return task.id;
  }
}
