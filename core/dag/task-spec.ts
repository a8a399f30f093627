import type { AnomalyGateConfig } from '../quality/anomaly.js';
import type { CheckConfig } from '../quality/check-spec.js';
import type { ExtractConfig, LoadConfig, TransformConfig, ValidateConfig } from './stage-config.js';
import type { IdentityConfig } from '../identity/spec.js';
import type { JsonObject, JsonValue } from '../json.js';
import type { ReconcileSpec } from '../reconcile/reconcile-spec.js';

/** Rules that `core/run/trigger-rule.ts` decides by; names and meaning of Airflow 3. */
export const triggerRules = [
  'all_success',
  'all_failed',
  'all_done',
  'all_done_min_one_success',
  'all_skipped',
  'one_failed',
  'one_success',
  'one_done',
  'none_failed',
  'none_failed_min_one_success',
  'none_skipped',
  'always',
] as const;
export type TriggerRule = (typeof triggerRules)[number];

/** States of a task within a run; names of Airflow 3. */
export type TaskState =
  | 'none'
  | 'scheduled'
  | 'queued'
  | 'running'
  | 'success'
  | 'failed'
  | 'skipped'
  | 'upstream_failed'
  | 'up_for_retry'
  | 'up_for_reschedule'
  | 'deferred'
  | 'restarting'
  | 'removed';

/** How a task is tried again. */
export interface RetrySpec {
  /** First try included; at least 1. */
  readonly maximumAttempts: number;
  readonly initialIntervalMs: number;
  readonly backoffCoefficient: number;
  readonly maximumIntervalMs: number;
  /** Share of each wait (0 to 1) that is left to chance, so that tasks that failed together do not come back together. */
  readonly jitter?: number;
}

export interface TaskTimeouts {
  readonly startToCloseMs: number;
  readonly scheduleToCloseMs: number;
  readonly heartbeatMs: number;
}

/** Which functions of the DAG file are called when the task ends so, or is about to be tried again. */
export interface CallbackSpec {
  readonly success?: true;
  readonly failure?: true;
  readonly retry?: true;
  readonly skipped?: true;
}

/** An alert when something is not done in time; it calls a function of the DAG file and stops nothing. */
export interface DeadlineSpec {
  readonly reference: DeadlineReference;
  readonly intervalMs: number;
}

/** What a deadline counts from; names of Airflow 3. A task's deadline counts from its own start. */
export type DeadlineReference =
  | { readonly kind: 'queued-at' }
  | { readonly kind: 'logical-date' }
  | { readonly kind: 'fixed'; readonly at: string }
  | { readonly kind: 'average-runtime'; readonly limit: number; readonly minRuns: number };

/** Elements that a mapped task or group runs once for: what an upstream task returned, or constants. */
export type ListSource = { readonly task: string } | { readonly values: readonly JsonValue[] };

/** How a task or group is mapped (Airflow's dynamic task mapping). */
export interface ExpandSpec {
  /** `product`: once for each combination of the arguments; `kwargs`: once for each object of one list. */
  readonly over:
    | { readonly kind: 'product'; readonly arguments: Readonly<Record<string, ListSource>> }
    | { readonly kind: 'kwargs'; readonly items: ListSource };
  /** Template of an instance's name: `{argument}` stands for its value. */
  readonly label?: string;
  /** Instances at a time; the DAG's `maxActiveTasks` holds besides. */
  readonly maxActive?: number;
}

export interface PoolSpec {
  readonly name: string;
  readonly slots: number;
}

interface TaskBase {
  /** Unique in the DAG; a task of a group has the group's path before it: `group.task`. */
  readonly id: string;
  readonly description?: string;
  /** Direct upstream tasks, data edges included; edges to and from groups are already taken apart. */
  readonly upstream: readonly string[];
  readonly triggerRule: TriggerRule;
  readonly retry: RetrySpec;
  readonly timeouts: TaskTimeouts;
  /** Path of the group that the task belongs to: `outer.inner`. */
  readonly group?: string;
  /** Runs as a local activity: for work of a few seconds that need not survive on another worker. */
  readonly short?: true;
  readonly setup?: true;
  /** Present on a teardown: the setups that it cleans up after. */
  readonly teardown?: { readonly setups: readonly string[]; readonly failsRun: boolean };
  /** Setups that must have succeeded, though they are not direct upstream tasks. */
  readonly setups?: readonly string[];
  readonly pool?: PoolSpec;
  /** Greater goes first where slots are short. */
  readonly priorityWeight?: number;
  readonly concurrency?: { readonly key: string; readonly limit: number };
  /** Instances of this task at a time, over all runs. */
  readonly maxActiveTis?: number;
  /** Tasks of the run before, of the previous interval, that must have ended well. */
  readonly dependsOnPast?: { readonly tasks: readonly string[] };
  readonly callbacks?: CallbackSpec;
  readonly deadlines?: readonly DeadlineSpec[];
  readonly expand?: ExpandSpec;
  /** Assets that a success of this task updates, and those that it reads. */
  readonly outlets?: readonly string[];
  readonly inlets?: readonly string[];
}

export interface ExtractTask extends TaskBase {
  readonly kind: 'extract';
  readonly config: ExtractConfig;
}
export interface ValidateTask extends TaskBase {
  readonly kind: 'validate';
  readonly input: string;
  readonly config: ValidateConfig;
}
export interface TransformTask extends TaskBase {
  readonly kind: 'transform';
  readonly input: string;
  readonly config: TransformConfig;
}
/** Judges rows and the batch; see `CheckConfig`. */
export interface CheckTask extends TaskBase {
  readonly kind: 'check';
  readonly input: string;
  readonly config: CheckConfig;
}
/** Compares a batch with those before it; see `AnomalyGateConfig`. */
export interface AnomalyGateTask extends TaskBase {
  readonly kind: 'anomaly-gate';
  readonly input: string;
  readonly config: AnomalyGateConfig;
}
export interface LoadTask extends TaskBase {
  readonly kind: 'load';
  readonly input: string;
  readonly config: LoadConfig;
  readonly reconcile?: ReconcileSpec;
}

/** Resolves who is one person from tables of the warehouse; see `IdentityConfig`. */
export interface IdentityTask extends TaskBase {
  readonly kind: 'identity';
  readonly config: IdentityConfig;
}

interface WithInputs {
  /**
   * Argument name → task whose result it receives; `$element` and `$element.name` stand for the element, or an argument of
   * it, that an instance of a mapped task or group runs for.
   */
  readonly inputs: Readonly<Record<string, string>>;
  /** Arguments that are the same for every instance of a mapped task. */
  readonly partial?: JsonObject;
}

export interface FunctionTask extends TaskBase, WithInputs {
  readonly kind: 'function';
}
/** Its function names the direct downstream tasks or groups that run; the others are skipped. */
export interface BranchTask extends TaskBase, WithInputs {
  readonly kind: 'branch';
}
/** Its function says whether what comes after it runs at all. */
export interface ShortCircuitTask extends TaskBase, WithInputs {
  readonly kind: 'short-circuit';
  /** True: everything downstream is skipped. False: direct downstream tasks are, and trigger rules decide the rest. */
  readonly ignoreDownstreamTriggerRules: boolean;
}
/** A branch by a value, without a function. */
export interface SwitchTask extends TaskBase {
  readonly kind: 'switch';
  readonly input: string;
  /** Members to follow into the value: `order.country`. */
  readonly path?: string;
  readonly cases: Readonly<Record<string, readonly string[]>>;
  readonly otherwise: readonly string[];
}
/** Skips its direct downstream tasks unless the run's interval is the latest one. */
export interface LatestOnlyTask extends TaskBase {
  readonly kind: 'latest-only';
}
/** A place to join; does nothing. */
export interface EmptyTask extends TaskBase {
  readonly kind: 'empty';
}

/** How a condition is waited for. No worker slot is held between two looks. */
export interface PokeSpec {
  readonly pokeIntervalMs: number;
  readonly timeoutMs: number;
  /** A timeout skips the task instead of failing it. */
  readonly softFail: boolean;
}
/** Waits until a function of the DAG file says that something holds. */
export interface SensorTask extends TaskBase, WithInputs {
  readonly kind: 'sensor';
  readonly poke: PokeSpec;
}
/** Waits for the run of another DAG with the same interval, shifted by `executionDeltaMs` into the past. */
export interface DagSensorTask extends TaskBase {
  readonly kind: 'dag-sensor';
  readonly dagId: string;
  readonly taskIds: readonly string[];
  readonly executionDeltaMs: number;
  readonly poke: PokeSpec;
}
/** Waits until a moment: an instant, a time after the end of the interval, or a time after the task's start. */
export interface TimerTask extends TaskBase {
  readonly kind: 'timer';
  readonly until:
    | { readonly kind: 'instant'; readonly at: string }
    | { readonly kind: 'after-interval'; readonly delayMs: number }
    | { readonly kind: 'after-start'; readonly delayMs: number };
}
/** Starts a run of another DAG. */
export interface TriggerDagTask extends TaskBase, WithInputs {
  readonly kind: 'trigger-dag';
  readonly dagId: string;
  readonly params: JsonObject;
  /** Whether the run gets the interval of this one. */
  readonly interval: 'same' | 'none';
  /** Whether this task lasts until that run has ended, and fails where it failed. */
  readonly wait: boolean;
}
/** Waits until a person approves or rejects. */
export interface ApprovalTask extends TaskBase {
  readonly kind: 'approval';
  readonly subject: string;
  readonly timeoutMs?: number;
  /** What happens when nobody has answered in time. */
  readonly onTimeout: 'fail' | 'skip' | 'approve' | 'reject';
  /** How a rejection ends the task. */
  readonly onReject: 'fail' | 'skip';
}

/** One task of a DAG. */
export type TaskSpec =
  | ExtractTask
  | ValidateTask
  | TransformTask
  | CheckTask
  | AnomalyGateTask
  | LoadTask
  | IdentityTask
  | FunctionTask
  | BranchTask
  | ShortCircuitTask
  | SwitchTask
  | LatestOnlyTask
  | EmptyTask
  | SensorTask
  | DagSensorTask
  | TimerTask
  | TriggerDagTask
  | ApprovalTask;

/** Members of a task that its run decides by, and its work does not need. */
const scheduling = new Set([
  'description',
  'triggerRule',
  'timeouts',
  'group',
  'short',
  'setup',
  'teardown',
  'setups',
  'pool',
  'priorityWeight',
  'concurrency',
  'maxActiveTis',
  'dependsOnPast',
  'callbacks',
  'deadlines',
  'expand',
] as const satisfies readonly (keyof TaskBase)[]);
type Scheduling = typeof scheduling extends ReadonlySet<infer Name extends keyof TaskBase> ? Name : never;

/** What the function of a task is told of it. Functions are many and small, and this goes over the wire twice a try. */
export type TaskWork<Task> = Task extends TaskSpec ? Omit<Task, Scheduling> : never;

export function workOf<Task extends TaskSpec>(task: Task): TaskWork<Task> {
  const isWork = ([name]: [string, unknown]): boolean => !scheduling.has(name as Scheduling);
  return Object.fromEntries(Object.entries(task).filter(isWork)) as TaskWork<Task>;
}

/** A group of tasks: a name before their ids, edges to and from all of it, and possibly a mapping. */
export interface GroupSpec {
  readonly id: string;
  readonly description?: string;
  readonly expand?: ExpandSpec;
}
