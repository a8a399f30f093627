import type { Alarm, AlarmNotice } from '../alarms.js';
import type { Gap, Pause } from './gaps.js';
import type { DataInterval } from '../interval.js';
import type { ScheduleSpec } from './schedule-spec.js';

/** What a DAG's watch knows; it is the memo of its workflow too, so that it can be read without a worker. */
export interface WatchState {
  /** Fire times up to here are settled: each has a run or is part of a gap. ISO 8601 UTC. */
  readonly since: string;
  readonly gaps: readonly Gap[];
  readonly pauses: readonly Pause[];
  readonly alarms: readonly Alarm[];
  /** Notices that no sink has confirmed yet. */
  readonly outbox: readonly AlarmNotice[];
  /** Failed scheduled runs in a row, and the last runs that were counted. */
  readonly failedRuns: number;
  readonly countedRuns: readonly string[];
  readonly counters: ScheduleCounters;
}

/** Of a server's schedule: how often it did not start a run, since it was made. */
export interface ScheduleCounters {
  readonly missed: number;
  readonly skipped: number;
}

/** A scheduled run that has ended. */
export interface EndedRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly state: 'success' | 'failed' | 'cancelled';
}

export interface InspectRequest {
  readonly dagId: string;
  readonly schedule: ScheduleSpec;
  /** Look at fire times after this. */
  readonly since: string;
  /** Look whether these have runs by now. */
  readonly gaps: readonly Gap[];
}

/** What one look at a schedule and its runs found. */
export interface Inspection {
  readonly isDeployed: boolean;
  readonly at: string;
  /** Fire times up to here were looked at; later ones may still get their run. */
  readonly until: string;
  /** Whether more fire times have passed than one look takes. */
  readonly hasMore: boolean;
  /** Intervals whose fire time has passed and that have no run. */
  readonly missing: readonly { readonly interval: DataInterval; readonly wasBusy: boolean }[];
  /** Whether a fire time in the span has its run. */
  readonly hasRun: boolean;
  readonly isPaused: boolean;
  readonly pauseNote: string;
  readonly counters: ScheduleCounters;
  /** Ended runs that were not stopped by their own code (terminated, timed out), besides others; newest last. */
  readonly ended: readonly EndedRun[];
  /** Gaps that have a run for every interval by now, by id. */
  readonly filledGaps: readonly string[];
  readonly nextFireAt?: string;
}

/** The activities of the workflows that look after schedules. */
export interface ScheduleActivities {
  inspectSchedule(request: InspectRequest): Promise<Inspection>;
  /** Pauses the DAG, unless it is. Does nothing where that pause was lifted meanwhile. */
  pauseDag(request: { dagId: string; reason: string; at: string }): Promise<void>;
  /** Puts a notice where it waits for its sinks. */
  sendNotice(notice: AlarmNotice): Promise<void>;
}
