import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { IdentitySplit } from '../core/activities.js';
import type { DagSpec, TaskState } from '../core/dag/dag-spec.js';
import type { DataInterval } from '../core/interval.js';
import type { HealSpec } from '../core/reconcile/reconcile-spec.js';
import type { JsonObject } from '../core/json.js';
import { recallEntriesQueryName, recallQueryName, statesQueryName } from '../core/message-names.js';
import { zeroCounts, type RowCounts } from '../core/loading/manifest.js';
import type { Decision } from '../core/run/run.js';
import type { RecallPage, RunRecall } from '../core/run/run-recall.js';
import {
  poolCoordinatorNames,
  type LeaseReference,
  type LeaseRequest,
  type PoolAnswer,
  type PoolCoordinatorInput,
  type PoolView,
} from '../core/pools/pool-state.js';

/** A spec with its hash: what a run or a stream is pinned to. */
export interface PinnedSpec {
  readonly spec: DagSpec;
  readonly specHash: string;
}

/** Input of the `streamDag` workflow. */
export interface StreamInput extends PinnedSpec {
  readonly params?: JsonObject;
  /** Carried over when the workflow continues as new. */
  readonly carried?: { readonly stats: StreamStats; readonly isPaused: boolean };
}

export interface StreamStats {
  readonly state: 'running' | 'paused' | 'blocked' | 'stopped';
  /** Micro-batches that carried rows. */
  readonly batches: number;
  readonly counts: RowCounts;
  readonly lastBatchAt?: string;
  /** Why the stream is blocked; a deploy or resume tries again. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly specHash: string;
}

/** Which intervals that already ran run again; words of Airflow. */
export type ReprocessBehavior = 'none' | 'failed' | 'completed';

/** Input of the `backfillDag` workflow. */
export interface BackfillInput extends PinnedSpec {
  /** Bounds of the logical date, `[from, to)`, ISO 8601 UTC. */
  readonly from: string;
  readonly to: string;
  readonly reprocess: ReprocessBehavior;
  readonly maxActiveRuns: number;
  readonly runBackwards: boolean;
  readonly params?: JsonObject;
  /** Only these tasks run; what they receive from others comes from the former run of the interval. */
  readonly tasks?: readonly string[];
  /** Intervals in the range. */
  readonly total?: number;
  /** Carried over when the workflow continues as new. */
  readonly carried?: {
    readonly progress: BackfillProgress;
    readonly afterStart?: string;
    readonly isPaused: boolean;
  };
}

export interface BackfillProgress {
  readonly state: 'running' | 'paused' | 'cancelled' | 'completed';
  /** Intervals in the range. */
  readonly total?: number;
  readonly started: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Not started, because a run of the interval exists that `reprocess` leaves alone, or is under way. */
  readonly skipped: number;
  /** Intervals whose run failed, the first few. */
  readonly failedIntervals: readonly DataInterval[];
  readonly counts: RowCounts;
}

/** Progress of a backfill that has not begun. */
export const firstProgress: BackfillProgress = {
  state: 'running',
  started: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  skipped: 0,
  failedIntervals: [],
  counts: zeroCounts,
};

/** Input of the `reconcileDag` workflow. */
export interface ReconcileInput extends PinnedSpec, Partial<ReconcileOptions> {
  readonly interval?: DataInterval;
}

/** Input of the `splitIdentity` workflow. */
export interface SplitIdentityInput extends PinnedSpec {
  readonly taskId: string;
  /** The merge that is taken back; without one the graph is resolved anew from everything. */
  readonly split?: IdentitySplit;
}

/** How a table is compared, and what may be done about what differs. */
export interface ReconcileOptions {
  readonly inFlightMs: number;
  readonly heal?: HealSpec;
  /** Reads every row again also where checksums would do. */
  readonly reRead?: boolean;
  /** Only rows of so long before the start; `interval` says it otherwise. */
  readonly windowMs?: number;
}

/** Input of the `reconcileTable` workflow, which compares the table of one load task. */
export interface ReconcileTableInput extends PinnedSpec, ReconcileOptions {
  readonly taskId: string;
  readonly interval?: DataInterval;
}

/** Streams finish their batch, then go on with this spec. */
export const deploySignal = defineSignal<[PinnedSpec]>('deploy');
/** Streams and backfills start nothing further. */
export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
/** Streams end after their batch. */
export const stopSignal = defineSignal('stop');
/** Backfills cancel their runs and end. */
export const cancelSignal = defineSignal('cancel');

/** What an execution of a run has done, for the next one; entries come in pages. */
export const recallQuery = defineQuery<RunRecall>(recallQueryName);
export const recallEntriesQuery = defineQuery<RecallPage, [number]>(recallEntriesQueryName);
export const statesQuery = defineQuery<Readonly<Record<string, TaskState>>>(statesQueryName);
/** Approval tasks that wait for an answer. */
export const approvalsQuery = defineQuery<readonly string[]>('approvals');
/** Answers an approval task. As an update it is refused for a task that is none, and says whether it was the first answer. */
export const decideSignal = defineSignal<[Decision]>('decide');
export const decideUpdate = defineUpdate<boolean, [Decision]>('decide');
/** Makes finished tasks of a run that is under way run again; returns those that will. */
export const clearUpdate = defineUpdate<string[], [readonly string[]]>('clear');
export const streamStatsQuery = defineQuery<StreamStats>('stats');
export const backfillProgressQuery = defineQuery<BackfillProgress>('progress');

/** A run asks a coordinator for slots, and gives them back. */
export const acquireSlotSignal = defineSignal<[LeaseRequest]>('acquireSlot');
export const releaseSlotSignal = defineSignal<[LeaseReference]>('releaseSlot');
/** A person's size of a pool, and that of settings or a deploy; see `Pool`. */
export const resizePoolSignal = defineSignal<[{ readonly slots: number }]>(poolCoordinatorNames.resize);
export const configurePoolSignal = defineSignal<[{ readonly slots: number }]>(poolCoordinatorNames.configure);
/** Ends a coordinator that nobody holds a slot of and nobody waits for; otherwise answers false and changes nothing. */
export const closePoolUpdate = defineUpdate<boolean>('closePool');
/** A coordinator answers a run. */
export const slotAnswerSignal = defineSignal<[PoolAnswer & { readonly pool: string }]>('slotAnswer');

export const poolQuery = defineQuery<PoolView>('pool');
/** All that a coordinator would hand to its next execution. */
export const poolInputQuery = defineQuery<PoolCoordinatorInput>(poolCoordinatorNames.input);
