import { alarmLimits } from './limits/alarm-limits.js';
import { assetLimits } from './limits/asset-limits.js';
import { connectorLimits } from './limits/connector-limits.js';
import { gatewayLimits } from './limits/gateway-limits.js';
import { identityLimits } from './limits/identity-limits.js';
import { mysqlLimits } from './limits/mysql-limits.js';
import { opsLimits } from './limits/ops-limits.js';
import { platformLimits } from './limits/platform-limits.js';
import { poolLimits } from './limits/pool-limits.js';
import { rateLimits } from './limits/rate-limits.js';
import { scheduleLimits } from './limits/schedule-limits.js';
import { warehouseLimits } from './limits/warehouse-limits.js';

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
  ...alarmLimits,
  /** Events in one history after which a long-running workflow continues as new even before the server suggests it. */
  historyMaxEvents: 4_000,
  /** The same for a run, which then first finishes what it has begun: that may add a mapping's child workflows. */
  runYieldEvents: 2_800,
  /** Tasks that the details of a run name one by one. */
  detailsMaxTasks: 100,
  ...poolLimits,
  ...assetLimits,
  ...gatewayLimits,
  ...platformLimits,
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
  ...warehouseLimits,
  /** Path of a local socket: the system's limit is 104 to 108. */
  socketPathMaxBytes: 100,
  ...opsLimits,
  /** Read-only SQL: rows returned to a person. */
  queryMaxRows: 10_000,
} as const;
