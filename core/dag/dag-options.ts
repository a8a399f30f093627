import type { AssetScheduleOptions } from './asset-schedule.js';
import type { AnomalyMeasure } from '../quality/anomaly.js';
import type { Check, CheckOptions } from '../quality/checks.js';
import type { SchemaContract } from '../loading/columns.js';
import type { RecordObject, TaskFunctionContext } from './dag-definition.js';
import type { Edge, GroupEdge, Rows } from './edge.js';
import type { FlattenOptions } from './flatten.js';
import type { Param } from './param.js';
import type {
  ApprovalOptions,
  ApprovalResult,
  BranchOptions,
  Callback,
  DagSensorOptions,
  DefaultArgs,
  ElementOf,
  Expandable,
  ExpandGroupOptions,
  ExpandKwargsOptions,
  ExpandOptions,
  FunctionOptions,
  GroupOptions,
  InputEdges,
  SensorOptions,
  ShortCircuitOptions,
  SwitchOptions,
  TaskOptions,
  TimerOptions,
  TriggerDagOptions,
} from './task-options.js';
import type {
  DagMode,
  ExtractConfig,
  LoadStrategy,
  Normalisation,
  SourceRef,
  TableLayout,
  TransformConfig,
  WriteDisposition,
} from './dag-spec.js';
import type { DurationInput } from '../duration.js';
import type { IdentityOptions } from '../identity/options.js';
import type { IdentityOutcome } from '../identity/spec.js';
import type { JsonObject, JsonValue } from '../json.js';
import type { Manifest } from '../loading/manifest.js';
import type { ScheduleOptions } from '../schedule/schedule-options.js';

export type { ScheduleOptions } from '../schedule/schedule-options.js';

export type InlineReader = (
  context: TaskFunctionContext,
) => AsyncIterable<RecordObject> | Iterable<RecordObject>;
export type RowMapper = (row: RecordObject) => RecordObject | readonly RecordObject[] | null;

export interface ExtractOptions extends TaskOptions {
  readonly from: SourceRef | InlineReader;
  /** Default: `cursor` where a cursor is given, else `interval` for scheduled DAGs with one, else `full`. */
  readonly read?: 'interval' | 'cursor' | 'full';
  readonly cursor?: {
    readonly path: string;
    readonly lag?: DurationInput;
    readonly initialValue?: JsonValue;
  };
  /** In a mapped group: members of the element that name the connection and give options of the source. */
  readonly fromElement?: ExtractConfig['fromElement'];
}

/** Records hold messages of Protocol Buffers: each becomes the row of its JSON form. */
export interface ProtobufSchema {
  /** The file below the schemas folder. */
  readonly proto: string;
  /** The message with its package, such as `shop.Order`. */
  readonly message: string;
  /** Member of the record that holds the message as base64 text. Default: `message`. */
  readonly field?: string;
}

export interface ValidateOptions extends TaskOptions {
  /** Id of a record schema, such as `order.v1`, or a message of a `.proto` file of the schemas folder. */
  readonly schema: string | ProtobufSchema;
  /** Share of rows (0 to 1) that may fail; above it nothing is loaded. Default: 1, every row may. */
  readonly quarantineOver?: number;
  readonly contract?: Partial<SchemaContract>;
}

export interface TransformOptions
  extends TaskOptions, Omit<TransformConfig, 'function' | 'normalise' | 'runIn'> {
  /**
   * `worker` (default): over the staged file, before the load. `warehouse`: with the load, as SQL of the warehouse over the
   * rows that it was sent; only loads and other such transforms may follow.
   */
  readonly runIn?: 'worker' | 'warehouse';
  readonly normalise?: Readonly<Record<string, Normalisation | readonly Normalisation[]>>;
  /** Object column → members that become columns in its place: `extract` of each, and `drop` of the object. */
  readonly flatten?: Readonly<Record<string, FlattenOptions>>;
}

export interface LoadOptions extends TaskOptions {
  readonly into: string;
  /** The table gets a load at least this often; when it does not, the alarm `lag` is raised. */
  readonly freshWithin?: DurationInput;
  /** Default: `merge` where a key is given, else `append`. */
  readonly disposition?: WriteDisposition;
  readonly key?: readonly string[];
  readonly version?: readonly string[];
  /** Default: `truncate-insert` for `replace`, `upsert` for `merge`. */
  readonly strategy?: LoadStrategy;
  readonly mergeKey?: readonly string[];
  readonly hardDelete?: string;
  readonly layout?: TableLayout;
  readonly contract?: Partial<SchemaContract>;
  /** Compares the table with its source by itself. */
  readonly reconcile?: ReconcileScheduleOptions;
}

/** When a table is compared with its source, and what is done about what differs. */
export interface ReconcileScheduleOptions {
  /** Cron or a period: when the comparison starts. */
  readonly schedule: ScheduleOptions;
  /** Rows whose version is younger count apart. Default: 5 minutes. */
  readonly inFlight?: DurationInput;
  /** Only rows whose version is of so long before the comparison, such as '7d'. Default: all rows. */
  readonly window?: DurationInput;
  /** True, or the bounds of a heal: `maxKeys` (default 1,000) and whether rows that the source no longer has go too. */
  readonly heal?: boolean | { readonly maxKeys?: number; readonly deletions?: boolean };
}

export interface AnomalyGateOptions extends TaskOptions {
  /** Accepted batches before this one that it is compared with. Default: 30. */
  readonly loads?: number;
  /** Accepted batches before anything is called an anomaly. Default: 7. */
  readonly warmUp?: number;
  /** Robust standard deviations from the median beyond which a volume or a null rate is an anomaly. Default: 3.5. */
  readonly deviations?: number;
  /** Population stability index beyond which a distribution is an anomaly. Default: 0.25. */
  readonly stabilityOver?: number;
  /** Default: all of them. */
  readonly measures?: readonly AnomalyMeasure[];
  /** Columns whose null rate and distribution are compared. Default: all. */
  readonly columns?: readonly string[];
  /** `flag` (default): the run goes on. `wait`: it waits until a person accepts or rejects, without a worker slot. */
  readonly onAnomaly?: 'flag' | 'wait';
  /** With `wait`: how long, such as '12h'. Default: for as long as it takes. */
  readonly reviewWithin?: DurationInput;
  /** What counts when nobody has answered in time. Default: `reject`. */
  readonly onTimeout?: 'accept' | 'reject';
  /**
   * What is corrected without review, by measure: `quarantine` sends the whole batch to quarantine; checks correct the
   * column that is odd, or send its rows that miss to quarantine.
   */
  readonly correct?: AnomalyRuleOptions;
}

/** Checks of one column, with a correction or, by default, severity `quarantine`. */
export interface AnomalyRuleOptions {
  readonly volume?: 'quarantine';
  readonly 'null-rate'?: 'quarantine' | readonly Check[];
  readonly distribution?: 'quarantine' | readonly Check[];
}

/** A function task, or with `expand` and `expandKwargs` one that runs once for each element of a list. */
export interface TaskFactory {
  <Result extends JsonValue | void, Inputs extends InputEdges = Record<never, never>>(
    id: string,
    options: FunctionOptions<Inputs, Result>,
  ): Edge<Result>;
  expand<
    Over extends Readonly<Record<string, Expandable>>,
    Result extends JsonValue | void,
    Inputs extends InputEdges = Record<never, never>,
    Partial extends JsonObject = Record<never, never>,
  >(
    id: string,
    options: ExpandOptions<Over, Inputs, Partial, Result>,
  ): Edge<Result[]>;
  expandKwargs<
    Source extends Expandable,
    Result extends JsonValue | void,
    Inputs extends InputEdges = Record<never, never>,
    Partial extends JsonObject = Record<never, never>,
  >(
    id: string,
    options: ExpandKwargsOptions<Source, Inputs, Partial, Result>,
  ): Edge<Result[]>;
}

/** A group of tasks, or with `expand` one that runs as a whole once for each element of a list. */
export interface GroupFactory {
  (id: string, tasks: (builder: TaskBuilder) => void): GroupEdge;
  (id: string, options: GroupOptions, tasks: (builder: TaskBuilder) => void): GroupEdge;
  expand<const Over extends Readonly<Record<string, Expandable>>>(
    id: string,
    options: ExpandGroupOptions<Over>,
    tasks: (builder: TaskBuilder, element: ElementEdges<Over>) => void,
  ): GroupEdge;
}

/** The arguments of one instance of a mapped group, for the `inputs` of its tasks. */
export type ElementEdges<Over extends Readonly<Record<string, Expandable>>> = {
  readonly [Name in keyof Over]: Edge<ElementOf<Over[Name]>>;
};

/** What a DAG file builds its tasks with. An edge can only be used where its type fits. */
export interface TaskBuilder {
  extract(id: string, options: ExtractOptions): Edge<Rows>;
  validate(id: string, input: Edge<Rows>, options: ValidateOptions): Edge<Rows>;
  transform(id: string, input: Edge<Rows>, options: TransformOptions | RowMapper): Edge<Rows>;
  /** Judges rows: misses fail the task, are warned of, quarantined or corrected. Needs typed columns. */
  check(id: string, input: Edge<Rows>, options: CheckOptions): Edge<Rows>;
  /** Compares a batch with those before it. Needs typed columns. */
  anomalyGate(id: string, input: Edge<Rows>, options?: AnomalyGateOptions): Edge<Rows>;
  load(id: string, input: Edge<Rows>, options: LoadOptions): Edge<Manifest>;
  /** Resolves which identifiers in tables of the warehouse are one person, under a key that stays. */
  identity<const Type extends string>(id: string, options: IdentityOptions<Type>): Edge<IdentityOutcome>;
  /** Any function, as a durable task; what it returns is JSON of at most 64 KiB. */
  readonly task: TaskFactory;
  readonly group: GroupFactory;
  branch<Inputs extends InputEdges = Record<never, never>>(
    id: string,
    options: BranchOptions<Inputs>,
  ): Edge<string[]>;
  shortCircuit<Inputs extends InputEdges = Record<never, never>>(
    id: string,
    options: ShortCircuitOptions<Inputs>,
  ): Edge<boolean>;
  switchOn(id: string, options: SwitchOptions): Edge<string[]>;
  latestOnly(id: string, options?: TaskOptions): Edge<boolean>;
  /** A place to join; does nothing. */
  empty(id: string, options?: TaskOptions): Edge<null>;
  waitFor<Value extends JsonValue = null, Inputs extends InputEdges = Record<never, never>>(
    id: string,
    options: SensorOptions<Inputs, Value>,
  ): Edge<Value>;
  waitForDag(id: string, options: DagSensorOptions): Edge<null>;
  waitUntil(id: string, options: TimerOptions): Edge<null>;
  triggerDag<Inputs extends InputEdges = Record<never, never>>(
    id: string,
    options: TriggerDagOptions<Inputs>,
  ): Edge<{ workflowId: string }>;
  approval(id: string, options: ApprovalOptions): Edge<ApprovalResult>;
}

/** An alert when a run has not ended in time. It stops nothing; names of the references are Airflow's. */
export interface DagDeadlineOptions {
  readonly reference:
    | 'queued-at'
    | 'logical-date'
    | { readonly at: string }
    | { readonly averageRuntime: { readonly limit?: number; readonly minRuns?: number } };
  /** Time after the reference. */
  readonly interval: DurationInput;
  readonly run: Callback;
}

/** The argument of `defineDag`. */
export interface DagOptions {
  readonly id: string;
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  /** By time, or by events of assets: an asset, `allOf`, `anyOf`, or `assets` beside `cron` or `every`. */
  readonly schedule?: ScheduleOptions | AssetScheduleOptions;
  /** Default: real-time for a stream, near-real-time for a period up to 15 minutes, else batch. */
  readonly mode?: DagMode;
  /** The DAG waits after its first deploy, until `millrace dag unpause`; what was due till then is a gap that a backfill fills. */
  readonly pausedUponCreation?: boolean;
  /** Runs of this DAG at a time, however they were started. Default: no bound. */
  readonly maxActiveRuns?: number;
  /** Tasks of one run at a time. Default: 16. */
  readonly maxActiveTasks?: number;
  /** Settings of every task that says nothing else. */
  readonly defaultArgs?: DefaultArgs;
  /** A run that takes longer fails: what has not ended is cancelled and skipped; teardowns run. */
  readonly dagrunTimeout?: DurationInput;
  /** Run parameters: constants, or `param({ … })` with a JSON Schema and a default. */
  readonly params?: Readonly<Record<string, JsonValue | Param>>;
  /** `leaf` (default, as Airflow): the leaves decide whether the run failed. `any`: every failed task does. */
  readonly failOn?: 'leaf' | 'any';
  /** The first failed task skips what has not started. */
  readonly failFast?: boolean;
  readonly onSuccess?: Callback;
  readonly onFailure?: Callback;
  readonly deadlines?: readonly DagDeadlineOptions[];
  readonly tasks: (builder: TaskBuilder) => void;
}
