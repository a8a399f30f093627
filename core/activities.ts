import type {
  ExtractTask,
  FunctionTask,
  LoadTask,
  ScheduleSpec,
  TransformTask,
  ValidateTask,
} from './dag-spec.js';
import type { DataInterval } from './interval.js';
import type { JsonValue } from './json.js';
import type { Manifest } from './manifest.js';
import type { RunChain } from './pool-state.js';
import type { StageRequest } from './run.js';

/** The activities that workflows call. `activities/` implements them; workflows know only these types. */
export interface Activities {
  extract(request: StageRequest<ExtractTask>): Promise<Manifest>;
  validate(request: StageRequest<ValidateTask>): Promise<Manifest>;
  transform(request: StageRequest<TransformTask>): Promise<Manifest>;
  load(request: StageRequest<LoadTask>): Promise<Manifest>;
  runFunction(request: StageRequest<FunctionTask>): Promise<JsonValue>;
  /** Interval that ends at a schedule's nominal fire time. */
  resolveInterval(request: { schedule: ScheduleSpec; nominalTime: string }): Promise<DataInterval>;
  /** Up to `limit` intervals whose start lies in `[from, to)`, after `afterStart`, in run order. */
  listIntervals(request: ListIntervalsRequest): Promise<{ intervals: DataInterval[]; isComplete: boolean }>;
  reconcile(request: ReconcileRequest): Promise<ReconcileReport>;
  /** Starts the coordinator of a pool where none runs; `limit` is the size of a pool that Millrace makes. */
  ensurePool(request: { pool: string; limit?: number }): Promise<void>;
  /** Those of the runs that have ended. */
  findClosedRuns(request: { chains: readonly RunChain[] }): Promise<RunChain[]>;
}

export interface ListIntervalsRequest {
  readonly schedule: ScheduleSpec;
  /** Inclusive and exclusive bounds of the logical date, ISO 8601 UTC. */
  readonly from: string;
  readonly to: string;
  readonly runBackwards: boolean;
  /** Start of the last interval already listed. */
  readonly afterStart?: string;
  readonly limit: number;
}

/** Compares one load task's table with its source. */
export interface ReconcileRequest {
  readonly dagId: string;
  readonly extract: ExtractTask;
  readonly validate?: ValidateTask;
  readonly transforms: readonly TransformTask[];
  readonly load: LoadTask;
  readonly interval?: DataInterval;
}

/** How a table and its source differ; a deletion that has reached both sides is no difference. */
export interface TableComparison {
  readonly sourceRows: number;
  readonly warehouseRows: number;
  /** Keys that the source has and the table lacks; the table has and the source lacks; both have with other content. */
  readonly missing: number;
  readonly extra: number;
  readonly changed: number;
  /** A few keys of each kind, as canonical JSON of the key columns. */
  readonly samples: {
    readonly missing: readonly string[];
    readonly extra: readonly string[];
    readonly changed: readonly string[];
  };
}

/** What the comparison of one load task's table found. */
export interface ReconcileReport extends TableComparison {
  readonly dagId: string;
  readonly table: string;
  readonly status: 'clean' | 'different';
}
