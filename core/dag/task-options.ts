import type { AssetInput } from '../assets/asset.js';
import type { Edge, After } from './edge.js';
import type { DurationInput } from '../duration.js';
import type { JsonObject, JsonValue } from '../json.js';
import type { CallbackContext, TaskFunctionContext } from './dag-definition.js';
import type { TriggerRule } from './task-spec.js';

/** Called as a durable task of its own; what it throws is reported and changes no state. */
export type Callback = (context: CallbackContext) => Promise<void> | void;

/** Alerts when a task has not ended this long after its start. It stops nothing. */
export interface TaskDeadlineOptions {
  readonly after: DurationInput;
  readonly run: Callback;
}

/** Settings that every kind of task has. Durations are milliseconds or text such as `30s`, `2m`, `7d`. */
export interface TaskOptions {
  readonly description?: string;
  /** Further upstream tasks and groups, beside those of data edges. */
  readonly after?: readonly After[];
  /** Default: `all_success`. */
  readonly triggerRule?: TriggerRule;
  readonly retries?: number;
  readonly retryDelay?: DurationInput;
  readonly maxRetryDelay?: DurationInput;
  readonly retryBackoff?: number;
  /** Share of each wait, 0 to 1, that is left to chance. Default: 0.1. */
  readonly retryJitter?: number;
  /** One try may take this long. */
  readonly timeout?: DurationInput;
  /** All tries and waits together may take this long. */
  readonly deadline?: DurationInput;
  /** Alerts that stop nothing. */
  readonly deadlines?: readonly TaskDeadlineOptions[];
  /** Prepares something for the tasks after it; they need it to succeed. */
  readonly setup?: true;
  /**
   * Cleans up after these setups: runs once everything upstream has ended and one of them succeeded, also when the run is
   * cancelled. `true`: a teardown without a setup.
   */
  readonly teardown?: true | readonly Edge<unknown>[];
  /** Whether a teardown that fails makes the run fail. Default: false. */
  readonly onFailureFailDagRun?: boolean;
  /** Named pool whose slots bound how many tasks run at once, over all runs and DAGs. */
  readonly pool?: string;
  readonly poolSlots?: number;
  /** Greater goes first where slots are short. Default: 1. */
  readonly priorityWeight?: number;
  /** At most `limit` tasks with this key at once, over all runs and DAGs. */
  readonly concurrency?: { readonly key: string; readonly limit: number };
  /** At most this many instances of this task at once, over all runs. */
  readonly maxActiveTis?: number;
  /**
   * Waits until this task (`true`), or the tasks given, of the run of the previous interval succeeded or were skipped. The
   * first run does not wait.
   */
  readonly dependsOnPast?: true | readonly Edge<unknown>[];
  /** Waits also for the direct downstream tasks of this task in the previous run. */
  readonly waitForDownstream?: boolean;
  readonly onSuccess?: Callback;
  readonly onFailure?: Callback;
  readonly onRetry?: Callback;
  readonly onSkipped?: Callback;
  /** Assets (or their uris) that a success updates, and those that the task reads. */
  readonly outlets?: readonly AssetInput[];
  readonly inlets?: readonly AssetInput[];
}

/** Settings that tasks have where they say nothing else. Waits take retries, trigger rule and callbacks only. */
export type DefaultArgs = Pick<
  TaskOptions,
  | 'triggerRule'
  | 'retries'
  | 'retryDelay'
  | 'maxRetryDelay'
  | 'retryBackoff'
  | 'retryJitter'
  | 'timeout'
  | 'deadline'
  | 'pool'
  | 'poolSlots'
  | 'priorityWeight'
  | 'concurrency'
  | 'maxActiveTis'
  | 'onSuccess'
  | 'onFailure'
  | 'onRetry'
  | 'onSkipped'
>;

export type InputEdges = Readonly<Record<string, Edge<unknown>>>;
export type InputValues<Inputs extends InputEdges> = {
  readonly [Name in keyof Inputs]: Inputs[Name] extends Edge<infer Value> ? Value : never;
};

interface WithInputs<Inputs extends InputEdges, Result> {
  readonly inputs?: Inputs;
  readonly run: (context: TaskFunctionContext, inputs: InputValues<Inputs>) => Promise<Result> | Result;
}

/** Options of a function task. */
export interface FunctionOptions<Inputs extends InputEdges, Result>
  extends TaskOptions, WithInputs<Inputs, Result> {
  /** Runs inside the worker that decides, as a local activity: quick, for work of a few seconds. */
  readonly short?: boolean;
}

/** A list to map over: what an upstream task returned, or constants. */
export type Expandable = Edge<readonly JsonValue[]> | readonly JsonValue[];
export type ElementOf<Source> =
  Source extends Edge<infer List>
    ? List extends readonly (infer Item)[]
      ? Item
      : never
    : Source extends readonly (infer Item)[]
      ? Item
      : never;
export type ElementsOf<Over extends Readonly<Record<string, Expandable>>> = {
  readonly [Name in keyof Over]: ElementOf<Over[Name]>;
};

interface MapSettings {
  /** Name of an instance, such as `{shop}`; default: the arguments that are text or numbers, else its index. */
  readonly mapLabel?: string;
  /** Instances at a time. */
  readonly maxActive?: number;
}

/** A task that runs once for each combination of the lists in `over` (Airflow's `expand`). */
export interface ExpandOptions<
  Over extends Readonly<Record<string, Expandable>>,
  Inputs extends InputEdges,
  Partial extends JsonObject,
  Result,
>
  extends TaskOptions, MapSettings {
  readonly over: Over;
  readonly inputs?: Inputs;
  /** Arguments that are the same for every instance. */
  readonly partial?: Partial;
  readonly short?: boolean;
  readonly run: (
    context: TaskFunctionContext,
    inputs: ElementsOf<Over> & InputValues<Inputs> & Readonly<Partial>,
  ) => Promise<Result> | Result;
}

/** A task that runs once for each object of a list (Airflow's `expand_kwargs`). */
export interface ExpandKwargsOptions<
  Source extends Expandable,
  Inputs extends InputEdges,
  Partial extends JsonObject,
  Result,
>
  extends TaskOptions, MapSettings {
  readonly over: Source;
  readonly inputs?: Inputs;
  readonly partial?: Partial;
  readonly short?: boolean;
  readonly run: (
    context: TaskFunctionContext,
    inputs: ElementOf<Source> & InputValues<Inputs> & Readonly<Partial>,
  ) => Promise<Result> | Result;
}

/** Settings of a group that is mapped. */
export interface ExpandGroupOptions<Over extends Readonly<Record<string, Expandable>>>
  extends GroupOptions, MapSettings {
  readonly over: Over;
}

export interface GroupOptions {
  readonly description?: string;
  /** Tasks and groups that every first task of the group comes after. */
  readonly after?: readonly After[];
  /** For the tasks of the group, before the DAG's. */
  readonly defaultArgs?: DefaultArgs;
}

/** A branch: its function names the direct downstream tasks or groups that run. `null` skips all of them. */
export interface BranchOptions<Inputs extends InputEdges>
  extends TaskOptions, WithInputs<Inputs, string | readonly string[] | null> {
  readonly short?: boolean;
}

export interface ShortCircuitOptions<Inputs extends InputEdges>
  extends TaskOptions, WithInputs<Inputs, boolean> {
  readonly short?: boolean;
  /** Default: true, everything downstream is skipped whatever its trigger rule says. */
  readonly ignoreDownstreamTriggerRules?: boolean;
}

export interface SwitchOptions extends Omit<TaskOptions, 'retries' | 'timeout'> {
  /** The value that decides. */
  readonly on: Edge<unknown>;
  /** Members to follow into it: `order.country`. */
  readonly path?: string;
  /** Value as text → ids of direct downstream tasks or groups. */
  readonly cases: Readonly<Record<string, string | readonly string[]>>;
  readonly otherwise?: string | readonly string[];
}

interface PokeOptions {
  /** Time between two looks; no worker slot is held meanwhile. Default: one minute. */
  readonly pokeInterval?: DurationInput;
  /** Default: seven days. */
  readonly timeout?: DurationInput;
  /** A timeout skips the task instead of failing it. */
  readonly softFail?: boolean;
}

type SensorTaskOptions = Omit<TaskOptions, 'timeout' | 'deadline' | 'pool' | 'poolSlots'> & PokeOptions;

/** Waits until its function returns true, or an object with `isDone` and a `value` to hand on. */
export interface SensorOptions<Inputs extends InputEdges, Value>
  extends
    SensorTaskOptions,
    WithInputs<Inputs, boolean | { readonly isDone: boolean; readonly value?: Value }> {}

export interface DagSensorOptions extends SensorTaskOptions {
  readonly dag: string;
  /** Tasks that must have succeeded; default: the whole run. */
  readonly tasks?: readonly string[];
  /** How much earlier the other run's logical date is. */
  readonly executionDelta?: DurationInput;
}

export interface TimerOptions extends TaskOptions {
  /** An instant, a time after the end of the data interval, or a time after the task's start. */
  readonly until:
    | { readonly at: string }
    | { readonly afterInterval: DurationInput }
    | { readonly afterStart: DurationInput };
}

/** Each of the `retries`, of which there are none by default, starts a further run where the one before failed. */
export interface TriggerDagOptions<Inputs extends InputEdges> extends TaskOptions {
  readonly dag: string;
  /** Params of the other run: constants, and under their names the results of `inputs`. */
  readonly params?: JsonObject;
  readonly inputs?: Inputs;
  /** Default: `same`, the run gets the interval of this one. */
  readonly interval?: 'same' | 'none';
  /** Default: true, the task ends as the other run ends. */
  readonly wait?: boolean;
}

export interface ApprovalOptions extends Omit<TaskOptions, 'timeout'> {
  /** What is to be decided, for the person who decides. */
  readonly subject: string;
  readonly timeout?: DurationInput;
  /** Default: `fail`. */
  readonly onTimeout?: 'fail' | 'skip' | 'approve' | 'reject';
  /** Default: `fail`. */
  readonly onReject?: 'fail' | 'skip';
}

/** What an approval hands on. */
export type ApprovalResult = {
  readonly decision: 'approved' | 'rejected';
  readonly by: string;
  readonly comment: string;
};
