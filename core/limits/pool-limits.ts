/** The part of `limits` that pools and their coordinators have. */
export const poolLimits = {
  /** Pools: slots of one pool, and leases (held and waiting) that a pool keeps; a run beyond asks again later. */
  poolMaxSlots: 1_000_000,
  poolMaxLeases: 3_000,
  /** Pools: holders and waiters that a look at a pool shows, each. */
  poolShownLeases: 100,
  /** Pools: events in one history after which a coordinator continues as new; a burst of requests still fits below 4,096. */
  poolHistoryMaxEvents: 1_500,
  /** Pools: answers on their way to runs at once. The server takes 2,000. */
  poolMaxDeliveries: 200,
  /** Pools: while runs wait, how soon and at most how rarely the coordinator looks for runs that ended without a word. */
  poolCheckFirstMs: 5_000,
  poolCheckMaxMs: 60_000,
  /** Pools: the same while nobody waits, and runs that one look covers. */
  poolCheckIdleMs: 60 * 60_000,
  poolCheckMaxRuns: 200,
  /** Pools: a run without an answer asks again after this time, which doubles up to the second. */
  poolAskAgainFirstMs: 60_000,
  poolAskAgainMaxMs: 60 * 60_000,
} as const;
