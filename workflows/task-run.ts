import {
  CancellationScope,
  ChildWorkflowFailure,
  isCancellation,
  proxyActivities,
  sleep,
  ActivityFailure,
  ApplicationFailure,
} from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import { takeEmitted, type EmittedOutput } from '../core/assets/asset-event.js';
import type { CallbackEvent } from '../core/dag/dag-definition.js';
import type { TaskSpec, TaskState } from '../core/dag/dag-spec.js';
import type { JsonObject } from '../core/json.js';
import { limits } from '../core/limits.js';
import { plainDelayMs } from '../core/rates/retry-delay.js';
import type { StageContext } from '../core/run/run.js';
import type { TaskError } from '../core/run/run-result.js';
import { taskSlots, type SlotRequest } from '../core/pools/slot-requests.js';
import type { TaskOutput } from '../core/run/task-output.js';
import { executeTask, type CountedTry, type TaskScope } from './execute-task.js';
import { taskError } from './task-error.js';

/** How a task ended. */
export interface TaskOutcome {
  readonly state: 'success' | 'failed' | 'skipped';
  readonly output?: TaskOutput;
  readonly error?: TaskError;
  /** Tries that were made, where the workflow counted them. */
  readonly tries?: number;
}

/** Occasions around a task's own work. */
export interface TaskHooks {
  /** The task is waiting for something, is at work, or is about to be tried again. */
  onState(state: TaskState): void;
  /**
   * Called with what a branch chose, or with what a task with outlets hands on and the details for them, before it counts
   * as a success; what it throws fails the task.
   */
  onResult(output: TaskOutput, emitted: Readonly<Record<string, JsonObject>>): Promise<void>;
}

/** The retries of a callback; after them it is given up. */
const callbackOptions = {
  startToCloseTimeout: '10m',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 5 },
} as const;

/** What goes on after a task. */
export interface AfterTask {
  readonly ended: (outcome: TaskOutcome) => void;
  /** Called for a cancellation only. */
  readonly failed: (error: unknown) => void;
}

/**
 * Runs a task to its end: what it waits for, its tries, its deadlines and its callbacks.
 *
 * The SDK takes a stack trace of each promise that a workflow makes, which costs more than the rest of a plain task. So
 * what a task does not ask for makes none, and what comes after it is called instead of awaited.
 */
export function runTask(task: TaskSpec, scope: TaskScope, hooks: TaskHooks, after: AfterTask): void {
  const requests = slotsOf(task, scope.context);
  const isPlain =
    requests.length === 0 &&
    task.dependsOnPast === undefined &&
    task.callbacks === undefined &&
    task.deadlines === undefined;
  if (isPlain) runPlain(task, scope, hooks, after);
  else void runWithAll(task, requests, scope, hooks).then(after.ended, after.failed);
}

function runPlain(task: TaskSpec, scope: TaskScope, hooks: TaskHooks, after: AfterTask): void {
  const judge = judgeOf(task, scope, hooks, firstTry(task));
  const go = (verdict: () => TaskOutcome | Promise<TaskOutcome>): void => {
    let outcome: TaskOutcome | Promise<TaskOutcome>;
    try {
      outcome = verdict();
    } catch (error) {
      after.failed(error);
      return;
    }
    if (outcome instanceof Promise) void outcome.then(after.ended, after.failed);
    else after.ended(outcome);
  };
  void judge.begin().then(
    (handedOn) => {
      go(() => judge.succeed(handedOn));
    },
    (error: unknown) => {
      go(() => judge.fail(error));
    },
  );
}

async function runWithAll(
  task: TaskSpec,
  requests: readonly SlotRequest[],
  scope: TaskScope,
  hooks: TaskHooks,
): Promise<TaskOutcome> {
  const deadlines = startDeadlines(task, scope.context);
  let outcome: TaskOutcome;
  try {
    await awaitPast(task, scope, hooks);
    outcome = await inSlots(requests, scope, hooks, () => attempt(task, scope, hooks));
  } finally {
    await deadlines.stop();
  }
  const event = callbackOf[outcome.state];
  if (task.callbacks?.[event] === true) await callBack(scope.context, task.id, event, outcome.error);
  return outcome;
}

/** Waits hold no slot; every other task holds its slots over all its tries. */
function slotsOf(task: TaskSpec, { dagId, mapIndex }: StageContext): readonly SlotRequest[] {
  if (isWait(task)) return [];
  return taskSlots(dagId, task, mapIndex === undefined ? undefined : String(mapIndex));
}

async function inSlots(
  requests: readonly SlotRequest[],
  { slots }: TaskScope,
  hooks: TaskHooks,
  work: () => Promise<TaskOutcome>,
): Promise<TaskOutcome> {
  if (requests.length === 0) return work();
  hooks.onState('queued');
  try {
    return await slots.hold(requests, work);
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { state: 'failed', error: taskError(error) };
  }
}

const callbackOf = { success: 'success', failed: 'failure', skipped: 'skipped' } as const;

/** Tries a task, and tries it again where the workflow counts its tries. Rejects for a cancellation only. */
function attempt(
  task: TaskSpec,
  scope: TaskScope,
  hooks: TaskHooks,
  counted = firstTry(task),
): Promise<TaskOutcome> {
  const { begin, succeed, fail } = judgeOf(task, scope, hooks, counted);
  return begin().then(succeed, fail);
}

/** One try of a task: its work, and what it comes to. */
interface Judge {
  begin(): Promise<TaskOutput | EmittedOutput>;
  succeed(handedOn: TaskOutput | EmittedOutput): TaskOutcome | Promise<TaskOutcome>;
  /** Throws a cancellation on. */
  fail(error: unknown): TaskOutcome | Promise<TaskOutcome>;
}

function judgeOf(task: TaskSpec, scope: TaskScope, hooks: TaskHooks, counted: CountedTry | undefined): Judge {
  const fail = (error: unknown): TaskOutcome | Promise<TaskOutcome> => {
    if (isCancellation(error)) throw error;
    const known = taskError(error);
    if (known.code === 'TASK_SKIPPED') return { state: 'skipped', error: known };
    if (counted === undefined) return { state: 'failed', error: known };
    const throttledMs = throttledDelay(task, counted, error);
    if (throttledMs !== undefined)
      return waitForSource(task, scope, hooks, { counted, delayMs: throttledMs });
    const delayMs = retryDelay(task, counted, error);
    if (delayMs === undefined) return { state: 'failed', error: known };
    const next = { ...counted, tryNumber: counted.tryNumber + 1 };
    return tryAgain(task, scope, hooks, { counted: next, delayMs, error: known });
  };
  return {
    begin: () => {
      hooks.onState(isWait(task) ? 'deferred' : 'running');
      return begin(task, scope, counted);
    },
    succeed: (handedOn) => {
      const { output, emitted } = takeEmitted(handedOn);
      const tries = counted === undefined ? {} : { tries: counted.tryNumber };
      const outcome: TaskOutcome = { state: 'success', output, ...tries };
      if (task.kind !== 'branch' && task.outlets === undefined) return outcome;
      return hooks.onResult(output, emitted).then(() => outcome, fail);
    },
    fail,
  };
}

/** The tries of an activity are Temporal's to count, except where something happens between them. */
function firstTry(task: TaskSpec): CountedTry | undefined {
  const startsRuns = task.kind === 'trigger-dag' && task.retry.maximumAttempts > 1;
  if (task.callbacks?.retry !== true && !startsRuns) return undefined;
  // A wait has an end of its own, or none.
  const boundMs = isWait(task) ? Number.POSITIVE_INFINITY : task.timeouts.scheduleToCloseMs;
  return { tryNumber: 1, endsAtMs: Date.now() + boundMs };
}

/** What cannot begin fails like what has begun. */
function begin(
  task: TaskSpec,
  scope: TaskScope,
  counted: CountedTry | undefined,
): Promise<TaskOutput | EmittedOutput> {
  try {
    return Promise.resolve(executeTask(task, scope, counted));
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
}

async function tryAgain(
  task: TaskSpec,
  scope: TaskScope,
  hooks: TaskHooks,
  next: { readonly counted: CountedTry; readonly delayMs: number; readonly error: TaskError },
): Promise<TaskOutcome> {
  hooks.onState('up_for_retry');
  if (task.callbacks?.retry === true) await callBack(scope.context, task.id, 'retry', next.error);
  await sleep(next.delayMs, { summary: `${task.id}: before try ${String(next.counted.tryNumber)}` });
  return attempt(task, scope, hooks, next.counted);
}

/** The same try once more: the source throttled it. */
async function waitForSource(
  task: TaskSpec,
  scope: TaskScope,
  hooks: TaskHooks,
  { counted, delayMs }: { readonly counted: CountedTry; readonly delayMs: number },
): Promise<TaskOutcome> {
  hooks.onState('deferred');
  await sleep(delayMs, { summary: `${task.id}: until its source takes requests` });
  return attempt(task, scope, hooks, { ...counted, throttled: (counted.throttled ?? 0) + 1 });
}

/** The wait for a source that throttled the try; `undefined` where it did not, or where there were too many such waits. */
function throttledDelay({ retry }: TaskSpec, counted: CountedTry, error: unknown): number | undefined {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure) || cause.type !== 'SOURCE_RATE_LIMITED') return undefined;
  const { throttled = 0, endsAtMs } = counted;
  if (throttled >= limits.throttledMaxWaits) return undefined;
  const asked: unknown = cause.nextRetryDelay;
  const delayMs = Math.max(typeof asked === 'number' ? asked : 0, plainDelayMs(retry, throttled + 1));
  return Date.now() + delayMs < endsAtMs ? delayMs : undefined;
}

/** Tasks that only wait take no place of `maxActiveTasks` and no worker slot. */
export function isWait(task: TaskSpec): boolean {
  return (
    task.kind === 'sensor' ||
    task.kind === 'dag-sensor' ||
    task.kind === 'timer' ||
    task.kind === 'approval' ||
    (task.kind === 'anomaly-gate' && task.config.onAnomaly === 'wait') ||
    task.kind === 'trigger-dag'
  );
}

/** The wait before the next try, as Temporal would compute it; `undefined` where there is none. */
function retryDelay({ retry }: TaskSpec, counted: CountedTry, error: unknown): number | undefined {
  const { tryNumber, endsAtMs } = counted;
  if (tryNumber >= retry.maximumAttempts) return undefined;
  const isRun = error instanceof ChildWorkflowFailure;
  if (!isRun && !(error instanceof ActivityFailure)) return undefined;
  // A run that failed is final for its own task, not for the one that started it.
  const cause = isRun ? undefined : error.cause;
  if (cause instanceof ApplicationFailure && cause.nonRetryable === true) return undefined;
  const asked: unknown = cause instanceof ApplicationFailure ? cause.nextRetryDelay : undefined;
  const delayMs = typeof asked === 'number' ? asked : plainDelayMs(retry, tryNumber);
  return Date.now() + delayMs < endsAtMs ? delayMs : undefined;
}

/** Calls a function of the DAG file; what it throws is in the history and changes nothing. */
export async function callBack(
  context: StageContext,
  taskId: string,
  event: CallbackEvent,
  error?: TaskError,
  deadlineIndex?: number,
): Promise<void> {
  const { runCallback } = proxyActivities<Pick<Activities, 'runCallback'>>({
    ...callbackOptions,
    summary: `${taskId === '' ? 'run' : taskId}: on ${event}`,
  });
  try {
    await runCallback({
      context,
      taskId,
      event,
      ...(error === undefined ? {} : { error }),
      ...(deadlineIndex === undefined ? {} : { deadlineIndex }),
    });
  } catch (failure) {
    if (isCancellation(failure)) throw failure;
  }
}

/** Waits for the run of the previous interval, for as long as it takes. */
async function awaitPast(task: TaskSpec, scope: TaskScope, hooks: TaskHooks): Promise<void> {
  const { context } = scope;
  if (task.dependsOnPast === undefined || context.interval === undefined) return;
  const { tasks } = task.dependsOnPast;
  const activities = proxyActivities<Pick<Activities, 'awaitPast'>>({
    summary: `${task.id} · waits for the previous run`,
    startToCloseTimeout: '1m',
    retry: { initialInterval: '1s', backoffCoefficient: 1.5, maximumInterval: '1m' },
  });
  hooks.onState('deferred');
  await scope.interruptible(() => activities.awaitPast({ context, taskId: task.id, tasks }));
}

/** Alerts that wait beside a task or run. */
export interface RunningDeadlines {
  /** Ends the waits; an alert that is being given is given to its end. */
  stop(): Promise<void>;
}

/** Alerts at these times; what they watch goes on. */
export function watchDeadlines(
  context: StageContext,
  taskId: string,
  delaysMs: readonly number[],
): RunningDeadlines {
  const waits = new CancellationScope();
  const alerts = delaysMs.map(async (delayMs, index) => {
    if (!Number.isFinite(delayMs)) return;
    try {
      await waits.run(() => sleep(Math.max(delayMs, 1), { summary: `${taskId}: deadline` }));
    } catch {
      return;
    }
    await CancellationScope.nonCancellable(() => callBack(context, taskId, 'deadline', undefined, index));
  });
  return {
    stop: async () => {
      waits.cancel();
      await Promise.all(alerts);
    },
  };
}

function startDeadlines({ id, deadlines = [] }: TaskSpec, context: StageContext): RunningDeadlines {
  return watchDeadlines(
    context,
    id,
    deadlines.map(({ intervalMs }) => intervalMs),
  );
}
