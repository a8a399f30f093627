import { connectorLimits } from './connector-limits.js';
import { identityLimits } from './identity-limits.js';
import { mysqlLimits } from './mysql-limits.js';
import { rateLimits } from './rate-limits.js';
import { platformLimits } from './platform-limits.js';
import { scheduleLimits } from './schedule-limits.js';

/**
 * Every number that bounds Millrace, in one place, with its unit in the name. The reference page `docs/reference/limits.md`
 * is generated from the comments here.
 */
export const limits = {
  /** A payload that Temporal sees (manifest, function result). The server refuses 2 MiB; Millrace stops far below. */
  payloadMaxBytes: 64 * 1024,
  /** Rows of one staged file are split when the file passes this size. */
  stagedFileMaxBytes: 256 * 1024 * 1024,
  /**
   * A read that can go on after a crash notes where it is so often, or after so many bytes; bytes of its place in the source;
   * tries that go on there and come no further before the read begins anew.
   */
  resumeEveryMs: 5_000,
  resumeEveryBytes: 64 * 1024 * 1024,
  resumeMaxBytes: 64 * 1024,
  resumeIdleTries: 3,
  /** Retention of staging: first and further rounds of a worker, differences of clocks, and open runs above which it removes nothing. */
  stagingPruneFirstMs: 60_000,
  stagingPruneEveryMs: 60 * 60_000,
  stagingClockMarginMs: 5 * 60_000,
  stagingMaxOpenRuns: 10_000,
  /** Typed text of a source becomes a staged file when it passes this size; doubled after each `typedFilesPerSize` files. */
  typedFileBytes: 16 * 1024 * 1024,
  typedFilesPerSize: 16,
  /** A longer line of typed text goes on as JSON; as JSON a line grows to six times its size at most, below `recordMaxBytes`. */
  typedLineMaxBytes: 2_000_000,
  /** What DuckDB reads of it at once; a line has to fit. */
  typedBufferBytes: 4 * 1024 * 1024,
  /** A column with more different values in a row group is written without a dictionary. */
  typedDictionaryMaxValues: 5_000,
  /** Typed text that is rewritten at a time. */
  typedReadBytes: 1024 * 1024,
  /** Files that one manifest may name. */
  manifestMaxFiles: 128,
  /** One NDJSON line (one record). Longer lines are quarantined by the source. */
  recordMaxBytes: 16 * 1024 * 1024,
  /** Protocol Buffers: JSON form of the types of one message, which runs carry; unknown fields that a log line names. */
  protobufTypesMaxBytes: 128 * 1024,
  protobufNamedFields: 20,
  /** Records that JavaScript handles before it writes, checks for an abort and heartbeats. */
  recordsPerChunk: 2_000,
  /** Identifiers of DAGs, tasks, tables, columns and connections. */
  identifierMaxLength: 128,
  /** A DAG's spec as JSON: it travels in the input of each run, far below the server's 2 MiB for a payload. */
  specMaxBytes: 512 * 1024,
  /** Tasks in one DAG. */
  dagMaxTasks: 1_000,
  /** Tasks of a mapped group: one instance of it has to fit into one history. */
  mappedGroupMaxTasks: 200,
  /** Instances of one mapped task or group in a run. */
  mappedMaxInstances: 10_000,
  /** Mapped instances that the run itself looks after; more are spread over child workflows. */
  mappedInlineInstances: 50,
  /** Mapped tasks (instances × tasks of the group) that one child workflow looks after. */
  mappedTasksPerChild: 400,
  /** Child workflows of one mapping at a time. */
  mappedActiveChildren: 4,
  /** A result of a mapped instance that is larger is parked in the staging store and handed on by name. */
  mappedInlineResultBytes: 512,
  /** Results of one mapping that travel in a payload; more are parked. */
  mappedInlineResultsBytes: 8 * 1024,
  /** Mapped tasks (instances × tasks of the group) of one mapping: their child workflows have to fit into one history. */
  mappedMaxTasks: 40_000,
  /** Instances that failed which a run's result names for one mapped task. */
  mappedFailureSamples: 10,
  /** Entries of a run's snapshot that travel in its input; more are parked in the staging store. */
  snapshotInlineMaxBytes: 48 * 1024,
  /** Entries of a run that one answer of it carries, when it is asked what it has done. */
  recallPageMaxBytes: 256 * 1024,
  /** Runs that one clear, retry or cancel takes, and those of them that are worked on at a time. */
  bulkMaxRuns: 10_000,
  bulkActiveRuns: 8,
  /** Runs that a clear reaches over other DAGs, one after another. */
  clearMaxDepth: 10,
  /** Staged files of values that a worker keeps in memory. */
  valueFilesKept: 20,
  /** Name of a mapped instance. */
  mappedLabelMaxLength: 200,
  /** p-retry inside a connector: tries of one HTTP request, and the total time they may take. */
  connectorMaxTries: 3,
  connectorRetryMaxMs: 10_000,
  /** A Retry-After longer than this is cut to it. */
  retryAfterMaxMs: 15 * 60_000,
  /** p-retry inside a connector: upper end of the first random delay; it doubles with each try. */
  connectorRetryBaseMs: 500,
  /** Rate-limited without a Retry-After: how long Temporal waits before the task continues. */
  rateLimitDefaultWaitMs: 5_000,
  /** One HTTP request of a source, from connect to the last byte of the answer. */
  sourceRequestTimeoutMs: 60_000,
  /** One HTTP answer of a source after decompression. */
  sourceBodyMaxBytes: 64 * 1024 * 1024,
  /** Body of a refused request, where a source says in it how long to wait. */
  sourceErrorBodyMaxBytes: 64 * 1024,
  /** A source that has used up its rate limit waits for the next one at most this long before it asks again. */
  rateLimitPauseMaxMs: 5 * 60_000,
  /** Such a wait ends this much later, for the sake of clocks and timers. */
  rateLimitMarginMs: 50,
  ...rateLimits,
  ...connectorLimits,
  ...mysqlLimits,
  /** Redirects within one origin that a source request follows. */
  sourceMaxRedirects: 3,
  /** Pages of one read. */
  sourceMaxPages: 100_000,
  /** Pages without a record, one after the other, before a paged read counts as endless. */
  sourceMaxEmptyPages: 10,
  /** DuckDB: how long a change of a table waits for readers that began before it, and how often it looks. */
  checkpointWaitMaxMs: 30_000,
  checkpointLookEveryMs: 20,
  /** Connections in the operations store: options of one, and bytes of one option (a private key, a certificate). */
  connectionMaxOptions: 200,
  connectionOptionMaxBytes: 64 * 1024,
  /** A cursor value further in the future than this is loaded but does not move the cursor. */
  cursorMaxAheadMs: 24 * 60 * 60_000,
  /** Oversized record: how much of it the quarantine keeps. */
  oversizedKeptBytes: 64 * 1024,
  /** A running stage says that it is alive this often; below every heartbeat timeout. */
  heartbeatEveryMs: 2_000,
  /** The SDK holds heartbeats back for this long at most: a task hears of its cancellation with the answer to one. */
  heartbeatThrottleMaxMs: 2_000,
  /** Memory of the engine that checks and transforms staged files, and of the warehouse engine, MiB. */
  stagedSqlMemoryMb: 400,
  warehouseMemoryMb: 400,
  /** Memory of the engine that makes typed files out of a source's text, one for each read, MiB. */
  typedSqlMemoryMb: 256,
  /** Worker: activities at once, workflows kept in memory, and time from stop to cancel and to the end. */
  workerMaxActivities: 40,
  workerMaxCachedWorkflows: 500,
  workerGraceMs: 2_000,
  workerForceStopMs: 10_000,
  /** After this a process that is done ends, whatever a driver of it still waits for. */
  processLingerMs: 5_000,
  /** Runs that a list of the typed client holds where no number is given. */
  clientListRuns: 100,
  /** Answer of the Temporal server to a client that connects. */
  temporalConnectMaxMs: 5_000,
  /** Tries of a look at a schedule whose answer the Temporal server lost, and the first pause between them; it doubles. */
  temporalDescribeMaxTries: 3,
  temporalDescribePauseMs: 200,
  /** One request of `millrace connections test`. */
  connectionTestMaxMs: 15_000,
  /** One failure detail written to a Temporal history. The server keeps 4 KiB. */
  failureDetailMaxBytes: 2 * 1024,
  /** Runs that a backfill keeps in flight when the author sets nothing. */
  backfillDefaultActiveRuns: 2,
  /** Runs of one backfill at a time: when its history grows long they are waited for, and that has to fit into it. */
  backfillMaxActiveRuns: 200,
  /** Events that a run under way may still add to its backfill's history, and those that people's messages may. */
  backfillEventsPerRun: 6,
  backfillSpareEvents: 100,
  /** Backfills that are listed. */
  backfillMaxListed: 1_000,
  /** Intervals that a backfill lists at a time, and failed ones that its progress names. */
  backfillPageIntervals: 500,
  backfillFailedSamples: 20,
  /** Intervals of one backfill. */
  backfillMaxIntervals: 20_000,
  ...identityLimits,
  ...scheduleLimits,
  /** Checks: different values of one batch that a reference may have, and how many of them one query asks for. */
  checkMaxReferences: 200_000,
  checkReferencesPerQuery: 1_000,
  /** Anomalies: values or classes of values that a column's distribution is kept of; how long batches are remembered. */
  profileMaxBins: 64,
  profileKeepMs: 400 * 24 * 60 * 60_000,
  /** Alarms: one POST or e-mail of a notice; characters of a message, and of what PagerDuty shows as its title. */
  alarmTimeoutMs: 10_000,
  alarmTextMaxLength: 2_000,
  alarmSummaryMaxLength: 1_024,
  /** Alarms: how often a worker looks for notices to send, ended runs and late tables; how long it has the lease for it. */
  alarmLookEveryMs: 2_000,
  alarmLeaseMs: 60_000,
  /** Alarms: notices and ended runs of one look; time that one look may spend with a sink. */
  alarmLookNotices: 50,
  alarmLookRuns: 500,
  alarmSinkMaxMs: 30_000,
  /** Alarms: shortest and longest wait before a notice is tried again, and when it is given up. */
  alarmRetryMinMs: 5_000,
  alarmRetryMaxMs: 5 * 60_000,
  alarmGiveUpMs: 3 * 24 * 60 * 60_000,
  /** Alarms: a run whose end becomes known later than this raises none; alarms that are over are kept so long. */
  alarmRunMaxAgeMs: 24 * 60 * 60_000,
  alarmKeepMs: 90 * 24 * 60 * 60_000,
  /** Events in one history after which a long-running workflow continues as new even before the server suggests it. */
  historyMaxEvents: 4_000,
  /** The same for a run, which then first finishes what it has begun: that may add a mapping's child workflows. */
  runYieldEvents: 2_800,
  /** Tasks that the details of a run name one by one. */
  detailsMaxTasks: 100,
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
  /** Gateway: request body after decompression. */
  gatewayBodyMaxBytes: 512 * 1024,
  /** Gateway: one Segment event and one batch (Segment HTTP API limits: 32 KB, 500 KB, 2,500 events). */
  segmentEventMaxBytes: 32 * 1024,
  segmentBatchMaxEvents: 2_500,
  /** Gateway: time to receive the head and the whole request. */
  gatewayHeadersTimeoutMs: 10_000,
  gatewayRequestTimeoutMs: 15_000,
  /** Gateway: open connections, and requests waiting for the shared fsync before 503. */
  gatewayMaxConnections: 2_000,
  gatewayMaxWaiting: 5_000,
  /** Gateway: requests of one source in work at once before 429, and bytes of all request bodies held at once before 503. */
  gatewayMaxInFlightPerSource: 500,
  gatewayMaxBufferedBytes: 64 * 1024 * 1024,
  /** Gateway: a refused client is asked to come back after this time. */
  gatewayRetryAfterMs: 1_000,
  /** Gateway: an idle kept-alive connection is closed after this time; how often overdue requests are looked for. */
  gatewayKeepAliveMs: 60_000,
  gatewayCheckEveryMs: 1_000,
  /** Gateway: from SIGTERM to the end of the requests in work. */
  gatewayGraceMs: 5_000,
  /** Gateway: the log hears of refused deliveries of one source at most this often. */
  gatewayRefusalLogEveryMs: 60_000,
  /** Gateway: how long a browser keeps the script for pages. */
  siteScriptMaxAgeMs: 60 * 60_000,
  /** Gateway: nesting of a JSON body. */
  jsonMaxDepth: 64,
  /** Webhooks: two-sided tolerance of the signed time stamp (Standard Webhooks advises five minutes). */
  webhookToleranceMs: 5 * 60_000,
  /** Webhooks: signatures tried in one header. */
  webhookMaxSignatures: 10,
  /** Webhooks: length of a delivery's id, and the shortest signing key. */
  webhookIdMaxLength: 256,
  webhookKeyMinBytes: 16,
  /** Webhooks: request body (SendGrid sends batches of 768 KB), and one header that is part of the check. */
  webhookBodyMaxBytes: 4 * 1024 * 1024,
  webhookHeaderMaxLength: 4 * 1024,
  /** Webhooks: fields of a form that becomes JSON, and brackets in the name of one. */
  webhookFormMaxFields: 1_000,
  webhookFormMaxDepth: 16,
  /** Webhooks: age of an SNS message, which keeps its time while it is sent again. */
  webhookSnsToleranceMs: 24 * 60 * 60_000,
  /** Webhooks: a public key or certificate of a provider: its size, time to fetch it, how long it is used, how many are kept. */
  webhookPublicKeyMaxBytes: 16 * 1024,
  webhookPublicKeyTimeoutMs: 3_000,
  webhookPublicKeyMaxAgeMs: 24 * 60 * 60_000,
  webhookPublicKeysKept: 100,
  /** Webhooks: fetches of public keys in one minute; what is beyond is asked to come again. */
  webhookPublicKeyFetchesPerMinute: 30,
  /** Segment: length of a messageId (Segment HTTP API: 100 characters). */
  segmentMessageIdMaxLength: 100,
  /** Gateway: event ids remembered per stream; an older repeat is written again, and the table drops it. */
  gatewayRememberedIds: 100_000,
  /** API of runs: bytes of a request's body, requests in work at once, and the wait that a refused one is told, ms. */
  apiBodyMaxBytes: 64 * 1024,
  apiMaxInFlight: 64,
  apiBusyRetryAfterMs: 1_000,
  /** API of runs: time in which Temporal has to answer, ms. */
  apiTemporalMaxMs: 8_000,
  ...platformLimits,
  /** Identity tokens: time that an issuer's keys may take to come, and by which its clock may differ. */
  oidcFetchMaxMs: 5_000,
  oidcClockToleranceMs: 30_000,
  /** Inbox: an open segment is sealed at this age or size. */
  inboxSegmentMaxAgeMs: 100,
  inboxSegmentMaxBytes: 32 * 1024 * 1024,
  /** Inbox: free disk below which the gateway answers 503. */
  inboxMinFreeBytes: 64 * 1024 * 1024,
  /** Inbox: how often the free disk is looked up while requests arrive. */
  inboxDiskCheckEveryMs: 1_000,
  /** Inbox: a waiting reader looks for sealed segments at least this often. */
  inboxPollEveryMs: 500,
  /** Inbox: first and further rounds in which a worker removes segments past their retention. */
  inboxPruneFirstMs: 15_000,
  inboxPruneEveryMs: 60 * 60_000,
  /** Inbox: bytes of segments that one micro-batch of a stream drains; at least one segment. */
  inboxDrainMaxBytes: 64 * 1024 * 1024,
  /** Development server: time until healthy, and from SIGTERM to SIGKILL. */
  temporalStartMaxMs: 60_000,
  /** Development server: tries, each on other ports, where it ends at once. */
  temporalStartMaxTries: 3,
  temporalStopMaxMs: 10_000,
  /** Development server: reads of the queue of due tasks in a second, and the shortest wait of a timer or a retry. */
  temporalQueueMaxReadsPerSecond: 1_000,
  temporalTimerMinMs: 10,
  /** Quarantined rows that one replay run takes (their ids travel through Temporal). */
  replayMaxRows: 500,
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
  /** Path of a local socket: the system's limit is 104 to 108. */
  socketPathMaxBytes: 100,
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
  /** Operations store: how long a writer waits for another process; a waiting write holds its process up. */
  opsBusyTimeoutMs: 5_000,
  /** Operations store on Postgres: connections that one process holds at most; how long it waits for a new one. */
  opsPostgresConnections: 4,
  opsPostgresConnectMs: 10_000,
  /** Operations store on Postgres: one statement, and a transaction that its process has left open; longer ones are ended. */
  opsPostgresStatementMs: 30_000,
  opsPostgresIdleTransactionMs: 30_000,
  /** Operations store on Postgres: how long an operation is tried again after a lost connection, with the first and longest pause. */
  opsPostgresRetryMs: 10_000,
  opsPostgresRetryFirstPauseMs: 20,
  opsPostgresRetryPauseMs: 1_000,
  /** Run ledger: a worker writes what it knows this often, or when so many records wait. */
  ledgerFlushEveryMs: 250,
  ledgerFlushRecords: 500,
  /** Run ledger: records that wait while the store cannot be written; older ones are dropped, and sync brings them back. */
  ledgerMaxWaitingRecords: 20_000,
  /** Task logs: lines of one try, and bytes of one line with its fields. What is cut is counted and said. */
  taskLogMaxLines: 1_000,
  taskLogLineMaxBytes: 2 * 1024,
  /** Run ledger: runs that one pass of synchronisation reads, and those that it looks up at a time. */
  ledgerSyncMaxRuns: 1_000,
  ledgerSyncPageRuns: 200,
  /** Run ledger: how far a synchronisation looks back before the last one; how long a process that does it has the lease. */
  ledgerSyncOverlapMs: 10 * 60_000,
  ledgerLeaseMs: 60_000,
  /** Run ledger: successful runs that say how long a run usually takes. */
  ledgerUsualRuns: 20,
  /** Task logs: lines read at a time, and how often a reader who follows looks for more. */
  ledgerPageLines: 1_000,
  ledgerFollowEveryMs: 500,
  /** Run ledger: executions of a run that `run show` and `run logs` look through for earlier tries. */
  ledgerFormerRuns: 100,
  /** Run ledger: earlier tries of a task that a synchronisation adds. */
  ledgerReadTries: 100,
  /** Run ledger: rows of one statement; runs that one statement deletes. */
  ledgerStatementRows: 200,
  ledgerDeleteRuns: 200,
  /** Read-only SQL: rows returned to a person. */
  queryMaxRows: 10_000,
} as const;
