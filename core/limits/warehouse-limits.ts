/** The part of `limits` that warehouses over the network and the comparison of tables with their sources have. */
export const warehouseLimits = {
  /** Keys of each kind of difference that a reconcile report names. */
  reconcileSamples: 5,
  /** Reconcile: buckets of the first step and by how much a step refines them; both prime, so that no stride of keys fits. */
  reconcileBuckets: 16_381,
  reconcileRefineBy: 251,
  /** Reconcile: buckets of the first step of a comparison that an older version began. */
  reconcileBucketsBefore: 65_521,
  /** Reconcile: buckets are refined while those that differ hold more rows, at most so often. */
  reconcileRowsAtOnce: 500_000,
  reconcileMaxRefines: 2,
  /** Reconcile: keys that a heal reads again by default, and at most once it is approved. */
  reconcileHealDefaultKeys: 1_000,
  reconcileHealMaxKeys: 100_000,
  /** Reconcile: rows whose version is younger may still be on their way. */
  reconcileInFlightMs: 5 * 60_000,
  /** Warehouse over the network: sessions or jobs at once, and time until a connection stands. */
  warehouseMaxConnections: 8,
  warehouseConnectMaxMs: 30_000,
  /** Warehouse over the network: how often a worker that uses it looks whether its connection has changed. */
  warehouseConnectionLookEveryMs: 10_000,
  /** Warehouse over the network: one statement, unless its connection says otherwise; how much longer the client waits. */
  warehouseStatementMaxSeconds: 3_600,
  warehouseStatementGraceMs: 15_000,
  /** Warehouse over the network: batches up to this many values and bytes travel as binds, larger ones as files. */
  warehouseBindMaxValues: 4_096,
  warehouseBindMaxBytes: 1024 * 1024,
  /** Warehouse over the network: tables and files of one load that a dead process left are dropped after this time. */
  warehouseTemporaryMaxAgeMs: 24 * 60 * 60_000,
  /** Warehouse over the network: a table that is made anew is left to its maker for this time. */
  warehouseRebuildMaxMs: 15 * 60_000,
  /** Reconcile over the network: quarantined records and differing keys that are compared with one another. */
  compareMaxKeys: 100_000,
  /** Checksums over the network: rows of one answer of the warehouse. */
  checksumRowsAtOnce: 200_000,
} as const;
