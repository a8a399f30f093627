import type { AssetEvent } from '../assets/asset-event.js';
import type { AssetInput } from '../assets/asset.js';
import type { DagSpec } from './dag-spec.js';
import type { DataInterval } from '../interval.js';
import type { JsonObject, JsonValue } from '../json.js';
import type { RunType } from '../run/run.js';

/**
 * What a task logs: to the worker's log, and to the run ledger, where `millrace run logs` finds it. A try keeps
 * `limits.taskLogMaxLines` lines of `limits.taskLogLineMaxBytes`. Never log records or secrets.
 */
export interface TaskLog {
  info(message: string, fields?: JsonObject): void;
  warn(message: string, fields?: JsonObject): void;
  error(message: string, fields?: JsonObject): void;
}

/** What a function of a DAG file is told about its run. */
export interface TaskFunctionContext {
  readonly dagId: string;
  readonly taskId: string;
  readonly workflowId: string;
  readonly runType: RunType;
  readonly interval?: DataInterval;
  readonly params: JsonObject;
  /** When the run started, ISO 8601 UTC: the same for every try, where a clock would not be. */
  readonly startedAt: string;
  readonly attempt: number;
  readonly log: TaskLog;
  readonly signal: AbortSignal;
  /** Which instance of a mapped task or group this is, from 0; absent where nothing is mapped. */
  readonly mapIndex?: number;
  /** The element, or the arguments, that this instance runs for. */
  readonly element?: JsonValue;
  /** Events of assets that started this run, oldest first; empty for every other run. */
  readonly assetEvents: readonly AssetEvent[];
  /** How many more events the run stands for, which did not fit. */
  readonly assetEventsOmitted: number;
  /**
   * Attaches details (at most 2 KiB of JSON) to the event that a success of this task emits for one of its outlets.
   * A further call adds to them. A task that fails emits nothing.
   *
   * @throws PipelineError ASSET_UNDECLARED, LIMIT_EXCEEDED
   */
  emit(asset: AssetInput, extra: JsonObject): void;
  heartbeat(details?: JsonValue): void;
}

/** What a callback is told beside the run: what happened, and to which task; `taskId` is empty for the run itself. */
export interface CallbackContext extends TaskFunctionContext {
  readonly event: CallbackEvent;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Occasions on which callbacks are called. */
export type CallbackEvent = 'success' | 'failure' | 'retry' | 'skipped' | 'deadline';

/** A record as JSON; numbers that a double cannot hold arrive as text. */
export type RecordObject = { [key: string]: JsonValue };

/** The functions that one task of a DAG file brings; of `run`, `read` and `map` at most one is set. */
export interface TaskFunctions {
  readonly run?: (
    context: TaskFunctionContext,
    inputs: Readonly<Record<string, JsonValue>>,
  ) => Promise<JsonValue | void>;
  /** Reader of an inline source. */
  readonly read?: (context: TaskFunctionContext) => AsyncIterable<RecordObject> | Iterable<RecordObject>;
  /** Row transform: one row, several, or none (`null` withholds the row). */
  readonly map?: (row: RecordObject) => RecordObject | readonly RecordObject[] | null;
  readonly callbacks?: Partial<
    Readonly<Record<Exclude<CallbackEvent, 'deadline'>, (context: CallbackContext) => Promise<void> | void>>
  >;
  /** One for each entry of the spec's `deadlines`. */
  readonly deadlines?: readonly ((context: CallbackContext) => Promise<void> | void)[];
}

/** Where the functions of the run itself stand among those of the tasks; no task id can be this. */
export const dagFunctionsKey = '$dag';

/** A DAG as an author's file exports it: the spec, and beside it the functions that a worker looks up. */
export interface DagDefinition {
  readonly spec: DagSpec;
  readonly functions: Readonly<Record<string, TaskFunctions>>;
}
