/** One run in the eyes of Temporal: all executions that continued as one another. */
export interface RunChain {
  readonly workflowId: string;
  /** Run id of the chain's first execution; tells a run from a later one with the same workflow id. */
  readonly firstRunId: string;
}

/** Names a lease, and the request that it answers: a late word about an earlier request changes nothing. */
export interface LeaseReference extends RunChain {
  /** Unique within the chain while it waits or holds. */
  readonly leaseId: string;
  readonly requestId: string;
}

/** What a run asks for. */
export interface LeaseRequest extends LeaseReference {
  /** Slots, at least 1. */
  readonly slots: number;
  /** The greatest is served first. */
  readonly priorityWeight: number;
  /** What waits, for people. */
  readonly label: string;
  /**
   * When the run asked first, ISO 8601 UTC, and the place of the request among all that the run asked for: words to a
   * coordinator may overtake one another. Absent in a request of a run that older code began.
   */
  readonly askedAt?: string;
  readonly turn?: number;
}

export interface Lease extends LeaseRequest {
  /** Since when it waits or holds, ISO 8601 UTC. */
  readonly since: string;
}

/** All that a pool knows; plain JSON. */
export interface PoolState {
  readonly slots: number;
  /** Size that settings or a deploy gave last; absent for a pool that only a person made. */
  readonly configuredSlots?: number;
  readonly holders: readonly Lease[];
  /** In the order in which they are served. */
  readonly waiters: readonly Lease[];
}

/** What the pool says to a run. */
export type PoolAnswer = LeaseReference &
  (
    | { readonly kind: 'granted' }
    /** The pool is too small for the request, and always was. */
    | { readonly kind: 'refused'; readonly slots: number; readonly poolSlots: number }
  );

/** What people see of a pool; the longest lists are cut to `limits.poolShownLeases`. */
export interface PoolView {
  readonly slots: number;
  readonly configuredSlots?: number;
  readonly usedSlots: number;
  readonly holding: number;
  readonly waiting: number;
  readonly holders: readonly Lease[];
  readonly waiters: readonly Lease[];
}

/** Input of the `poolCoordinator` workflow. */
export interface PoolCoordinatorInput {
  readonly pool: string;
  readonly state: PoolState;
  /** Answers that an earlier execution had not delivered. */
  readonly answers?: readonly PoolAnswer[];
  /** Events after which it continues as new. Default: `limits.poolHistoryMaxEvents`. */
  readonly historyMaxEvents?: number;
}

/** Names by which those who cannot import workflows know a coordinator and its messages. */
export const poolCoordinatorNames = {
  workflow: 'poolCoordinator',
  configure: 'configurePool',
  resize: 'resizePool',
  input: 'poolInput',
} as const;

/** A pool that nobody has asked anything yet. */
export function newPool(slots: number, configuredSlots?: number): PoolState {
  return { slots, ...(configuredSlots === undefined ? {} : { configuredSlots }), holders: [], waiters: [] };
}
