import type { AssetBatch, EmittedOutput } from './assets/asset-event.js';
import type { AssetCondition } from './assets/asset-condition.js';
import type { CallbackEvent } from './dag/dag-definition.js';
import type { AnomalyDecision, BatchDecision, GateVerdict } from './quality/anomaly.js';
import type {
  AnomalyGateTask,
  BranchTask,
  CheckTask,
  DagSensorTask,
  DagSpec,
  DeadlineReference,
  ExpandSpec,
  ExtractTask,
  FunctionTask,
  IdentityTask,
  LoadTask,
  ScheduleSpec,
  SensorTask,
  ShortCircuitTask,
  TaskWork,
  TransformTask,
  ValidateTask,
} from './dag/dag-spec.js';
import type { IdentityOutcome } from './identity/spec.js';
import type { DataInterval } from './interval.js';
import type {
  BucketComparison,
  CompareBucketsRequest,
  CompareKeysRequest,
  CompareRowsRequest,
  KeyComparison,
  ReconcilePlan,
  ReconcileReport,
  ReconcileRequest,
  TableComparison,
} from './reconcile/reconcile.js';
import type { JsonObject, JsonValue } from './json.js';
import type { Manifest, StagedFile } from './loading/manifest.js';
import type { StageContext, StageRequest } from './run/run.js';
import type { Rerun } from './run/run-snapshot.js';
import type { TaskError } from './run/run-result.js';
import type { RunSnapshot, SnapshotEntry } from './run/run-snapshot.js';
import type { ParkedValue, TaskOutput } from './run/task-output.js';
import type { RunChain } from './pools/pool-state.js';

/** The activities that workflows call. `activities/` implements them; workflows know only these types. */
export interface Activities {
  extract(request: StageRequest<ExtractTask>): Promise<Manifest>;
  validate(request: StageRequest<ValidateTask>): Promise<Manifest>;
  transform(request: StageRequest<TransformTask>): Promise<Manifest>;
  check(request: StageRequest<CheckTask>): Promise<Manifest>;
  /** Compares a batch with those before it, and remembers it. */
  compareBatch(request: StageRequest<AnomalyGateTask>): Promise<GateVerdict>;
  /** Keeps what was decided about a batch; returns the decision that counts, null where the batch is not known. */
  settleBatch(request: AnomalyDecision): Promise<BatchDecision | null>;
  load(request: StageRequest<LoadTask>): Promise<Manifest>;
  /** Resolves an identity graph, and takes a merge back where one is named. */
  resolveIdentity(
    request: IdentityRequest,
  ): Promise<IdentityOutcome & { readonly split?: IdentitySplitOutcome }>;
  /** Runs the function of a task; a large result of a mapped instance is parked and handed on by name. */
  runFunction(
    request: StageRequest<TaskWork<FunctionTask | BranchTask | ShortCircuitTask>>,
  ): Promise<JsonValue | ParkedValue | EmittedOutput>;
  /** One look of a sensor; fails with NOT_YET until what it waits for holds. */
  poke(request: StageRequest<SensorTask>): Promise<JsonValue | EmittedOutput>;
  pokeDag(request: StageRequest<DagSensorTask>): Promise<null>;
  /** Fails with NOT_YET until these tasks of the previous interval's run have ended well. */
  awaitPast(request: {
    readonly context: StageContext;
    readonly taskId: string;
    readonly tasks: readonly string[];
  }): Promise<null>;
  runCallback(request: CallbackRequest): Promise<null>;
  /** The instances of a mapped task, as lines of a staged file. */
  expandMapping(request: {
    readonly taskId: string;
    readonly expand: ExpandSpec;
    readonly inputs: Readonly<Record<string, TaskOutput>>;
  }): Promise<{ readonly count: number; readonly file: StagedFile }>;
  /** Stores values, one a line. */
  park(request: { readonly values: readonly (TaskOutput | SnapshotEntry)[] }): Promise<StagedFile>;
  /** Lines of a file of snapshot entries. */
  readSnapshot(request: { readonly file: StagedFile }): Promise<readonly SnapshotEntry[]>;
  /** What a former execution of a run has done, but for the tasks that are cleared. */
  recallRun(request: {
    readonly workflowId: string;
    readonly rerun: Rerun;
  }): Promise<{ readonly snapshot: RunSnapshot; readonly tries: Readonly<Record<string, number>> }>;
  /** The newest execution under a workflow id, where one exists. */
  findFormerRun(request: { readonly workflowId: string }): Promise<{ readonly formerRunId: string } | null>;
  /** The spec of a deployed DAG, once `params` fit it. */
  lookUpDag(request: {
    readonly dagId: string;
    readonly params?: JsonObject;
  }): Promise<{ readonly spec: DagSpec; readonly specHash: string }>;
  /** Whether no later interval of the schedule has ended by `now`. */
  isLatest(request: {
    readonly schedule: ScheduleSpec;
    readonly interval: DataInterval;
    readonly now: string;
  }): Promise<boolean>;
  /** Milliseconds since 1970 from which a deadline counts; null where it cannot be told. */
  deadlineBase(request: {
    readonly dagId: string;
    readonly reference: DeadlineReference;
  }): Promise<number | null>;
  /** Interval that ends at a schedule's nominal fire time. */
  resolveInterval(request: { schedule: ScheduleSpec; nominalTime: string }): Promise<DataInterval>;
  /** Up to `limit` intervals whose start lies in `[from, to)`, after `afterStart`, in run order. */
  listIntervals(request: ListIntervalsRequest): Promise<{ intervals: DataInterval[]; isComplete: boolean }>;
  reconcile(request: ReconcileRequest): Promise<ReconcileReport>;
  /** Whether both sides can render the table's columns alike, and which. */
  planReconcile(request: ReconcileRequest): Promise<ReconcilePlan>;
  compareBuckets(request: CompareBucketsRequest): Promise<BucketComparison>;
  compareKeys(request: CompareKeysRequest): Promise<KeyComparison>;
  /** Compares a table with what was read, checked and transformed again. */
  compareRows(request: CompareRowsRequest): Promise<TableComparison>;
  /** Writes a report into `_millrace_reconciles`; a repeat changes nothing. */
  recordReconcile(request: { readonly reconcileId: string; readonly report: ReconcileReport }): Promise<null>;
  /** Tells the DAGs that listen to the outlets of a task that it succeeded; a repeat tells the same events. */
  publishAssetEvents(request: PublishRequest): Promise<{ readonly consumers: readonly string[] }>;
  /** Starts the run of a DAG for these events, once; says so where the DAG is paused or assets do not start it any more. */
  startAssetRun(request: { readonly dagId: string; readonly batch: AssetBatch }): Promise<AssetRunStart>;
  /** What a deployed DAG waits for; null where assets do not start it. */
  lookUpAssetCondition(request: { readonly dagId: string }): Promise<AssetCondition | null>;
  /** Starts the coordinator of a pool where none runs; `limit` is the size of a pool that Millrace makes. */
  ensurePool(request: { pool: string; limit?: number }): Promise<void>;
  /** Those of the runs that have ended. */
  findClosedRuns(request: { chains: readonly RunChain[] }): Promise<RunChain[]>;
}

export interface IdentityRequest extends StageRequest<IdentityTask> {
  readonly split?: IdentitySplit;
  /** Everything is read anew, whatever was read before; the outcome is the same. */
  readonly full?: boolean;
}

/** A merge that an operator takes back. */
export interface IdentitySplit {
  readonly mergeId: string;
  readonly reason: string;
  readonly by: string;
  /** Says what would happen, and changes nothing. */
  readonly dryRun: boolean;
}

/** What taking a merge back did, or would do. */
export type IdentitySplitOutcome = {
  readonly mergeId: string;
  readonly keptKey: string;
  /** The key that lives again. */
  readonly mergedKey: string;
  /** Links that join no more. */
  readonly cutLinks: number;
  /** Identifiers whose person has another key than before. */
  readonly movedIdentifiers: number;
  /** It was split before; nothing changed. */
  readonly wasSplit: boolean;
  readonly dryRun: boolean;
};

export interface PublishRequest {
  readonly context: Pick<
    StageContext,
    'dagId' | 'workflowId' | 'runId' | 'interval' | 'mapIndex' | 'startedAt'
  >;
  readonly taskId: string;
  readonly outlets: readonly string[];
  /** Details by uri. */
  readonly extras: Readonly<Record<string, JsonObject>>;
}

export type AssetRunStart =
  { readonly kind: 'started'; readonly workflowId: string } | { readonly kind: 'paused' | 'gone' };

/** Calls a callback of a task, or of the run where `taskId` is empty. */
export interface CallbackRequest {
  readonly context: StageContext;
  readonly taskId: string;
  readonly event: CallbackEvent;
  readonly error?: TaskError;
  /** Which of the deadlines has passed. */
  readonly deadlineIndex?: number;
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
