import type { SchemaContract } from './columns.js';
import type { RecordObject, TaskFunctionContext } from './dag-definition.js';
import type {
  DagMode,
  LoadStrategy,
  Normalisation,
  OverlapPolicy,
  SourceRef,
  TableLayout,
  TransformConfig,
  TriggerRule,
  WriteDisposition,
} from './dag-spec.js';
import type { DurationInput } from './duration.js';
import type { JsonObject, JsonValue } from './json.js';
import type { Manifest } from './manifest.js';

declare const result: unique symbol;

/**
 * What a task hands on, as the author's file sees it: the name of an upstream task, typed by what that task returns.
 * `Edge<Rows>` carries rows, `Edge<Manifest>` what a load committed, any other what a function returned.
 */
export interface Edge<Result> {
  readonly taskId: string;
  readonly [result]?: Result;
}

/** Rows on their way to a table. */
export interface Rows {
  readonly rows: true;
}

/** When a DAG runs. Durations are milliseconds or text such as `30s`, `2m`, `7d`. */
export type ScheduleOptions =
  | 'manual'
  | 'stream'
  | ({ readonly cron: string; readonly timezone?: string } & ScheduleBoundsOptions)
  | ({ readonly every: DurationInput; readonly offset?: DurationInput } & ScheduleBoundsOptions)
  | { readonly stream: true; readonly idle?: DurationInput };

export interface ScheduleBoundsOptions {
  /** Run what was missed while the server was down, within `catchupWindow`. Default: false. */
  readonly catchup?: boolean;
  /** How far back missed runs still start. Default: one year with `catchup`, else the shortest that the server has. */
  readonly catchupWindow?: DurationInput;
  /** Default: `skip`. */
  readonly overlap?: OverlapPolicy;
  readonly jitter?: DurationInput;
  /** ISO 8601; no run before or after. */
  readonly startAt?: string;
  readonly endAt?: string;
}

/** Settings that every kind of task has. */
export interface TaskOptions {
  readonly description?: string;
  /** Further upstream tasks, beside those of data edges. */
  readonly after?: readonly Edge<unknown>[];
  readonly triggerRule?: TriggerRule;
  readonly retries?: number;
  readonly retryDelay?: DurationInput;
  readonly maxRetryDelay?: DurationInput;
  readonly retryBackoff?: number;
  /** One try may take this long. */
  readonly timeout?: DurationInput;
  /** All tries and waits together may take this long. */
  readonly deadline?: DurationInput;
}

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
}

export interface ValidateOptions extends TaskOptions {
  /** Id of a record schema, such as `order.v1`. */
  readonly schema: string;
  /** Share of rows (0 to 1) that may fail; above it nothing is loaded. Default: 1, every row may. */
  readonly quarantineOver?: number;
  readonly contract?: Partial<SchemaContract>;
}

export interface TransformOptions extends TaskOptions, Omit<TransformConfig, 'function' | 'normalise'> {
  readonly normalise?: Readonly<Record<string, Normalisation | readonly Normalisation[]>>;
}

export interface LoadOptions extends TaskOptions {
  readonly into: string;
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
}

type InputEdges = Readonly<Record<string, Edge<unknown>>>;
type InputValues<Inputs extends InputEdges> = {
  readonly [Name in keyof Inputs]: Inputs[Name] extends Edge<infer Value> ? Value : never;
};

export interface FunctionOptions<Inputs extends InputEdges, Result> extends TaskOptions {
  readonly inputs?: Inputs;
  readonly run: (context: TaskFunctionContext, inputs: InputValues<Inputs>) => Promise<Result> | Result;
}

/** What a DAG file builds its tasks with. An edge can only be used where its type fits. */
export interface TaskBuilder {
  extract(id: string, options: ExtractOptions): Edge<Rows>;
  validate(id: string, input: Edge<Rows>, options: ValidateOptions): Edge<Rows>;
  transform(id: string, input: Edge<Rows>, options: TransformOptions | RowMapper): Edge<Rows>;
  load(id: string, input: Edge<Rows>, options: LoadOptions): Edge<Manifest>;
  /** Any function, as a durable task; what it returns is JSON of at most 64 KiB. */
  task<Result extends JsonValue | void, Inputs extends InputEdges = Record<never, never>>(
    id: string,
    options: FunctionOptions<Inputs, Result>,
  ): Edge<Result>;
}

/** The argument of `defineDag`. */
export interface DagOptions {
  readonly id: string;
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  readonly schedule?: ScheduleOptions;
  /** Default: real-time for a stream, near-real-time for a period up to 15 minutes, else batch. */
  readonly mode?: DagMode;
  readonly maxActiveRuns?: number;
  readonly maxActiveTasks?: number;
  readonly params?: JsonObject;
  readonly tasks: (builder: TaskBuilder) => void;
}
