import type { ScheduleSpec } from './dag-spec.js';

/** What a DAG gets where its author sets nothing. */
export const dagDefaults = {
  owner: 'unowned',
  timezone: 'UTC',
  maxActiveTasks: 16,
  /** Runs of a catch-up at a time, where the DAG does not bound its runs. */
  catchupActiveRuns: 4,
  retries: 5,
  retryDelayMs: 1_000,
  maxRetryDelayMs: 100_000,
  retryBackoff: 2,
  retryJitter: 0.1,
  pokeIntervalMs: 60_000,
  sensorTimeoutMs: 7 * 86_400_000,
  averageRuntimeRuns: 10,
  timeoutMs: 60 * 60_000,
  deadlineMs: 24 * 60 * 60_000,
  heartbeatMs: 30_000,
  /** A stream waits this long for a first event before it looks for signals again. */
  streamIdleMs: 10_000,
  /** Between the end of a continuous run and the start of the next. */
  continuousDelayMs: 1_000,
  catchupWindowMs: 365 * 86_400_000,
  /** The shortest catch-up window that a Temporal server takes. */
  noCatchupWindowMs: 10_000,
  nearRealTimeMaxMs: 15 * 60_000,
  quarantineOver: 1,
  /** What an anomaly gate compares with, and when it speaks. */
  anomalyGate: { loads: 30, warmUp: 7, deviations: 3.5, stabilityOver: 0.25 },
  /** What counts when nobody has reviewed an anomaly in time. */
  onReviewTimeout: 'reject',
  /** Member of a record that holds a message of Protocol Buffers. */
  messageField: 'message',
  poolSlots: 1,
  priorityWeight: 1,
} as const;

export const manualSchedule: ScheduleSpec = { kind: 'manual' };
