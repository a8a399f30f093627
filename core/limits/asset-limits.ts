/** The part of `limits` that assets, their events and the queues of DAGs have. */
export const assetLimits = {
  /** Assets: characters of a uri, outlets of one task, assets of one condition. */
  assetUriMaxLength: 512,
  assetMaxOutlets: 50,
  assetConditionMaxAssets: 50,
  /** Assets: details of one event, as JSON. */
  assetExtraMaxBytes: 2 * 1024,
  /** Assets: events that a run is told of, and their bytes; of more it knows the number. */
  assetEventsPerRun: 100,
  assetEventsMaxBytes: 24 * 1024,
  /** Assets: events that wait in the queue of one DAG, and their bytes; of more it keeps the number. */
  assetQueueMaxEvents: 500,
  assetQueueMaxBytes: 384 * 1024,
  /** Assets: runs of one DAG that are about to be started; events beyond wait and become one run. */
  assetPendingRuns: 20,
  /** Assets: ids of events by which the queue of a DAG knows a repeat, and past events that it shows. */
  assetRememberedIds: 4_000,
  assetRecentEvents: 50,
  /** Assets: how long a worker relies on its list of the DAGs that listen to an asset. */
  assetConsumersCacheMs: 1_000,
  /** Assets: deploy waits this long until the server's list shows what a DAG listens to. */
  assetListingMaxMs: 30_000,
  /** Assets: how often a queue looks whether a DAG that was paused goes on, beside being told. */
  assetPausedLookMs: 10 * 60_000,
} as const;
