import type { AssetCondition } from '../assets/asset-condition.js';

/** What a schedule does when a run is due while one is still going (names of Temporal's overlap policies). */
export type OverlapPolicy =
  'skip' | 'buffer-one' | 'buffer-all' | 'cancel-other' | 'terminate-other' | 'allow-all';

/** When runs start. Every field is explicit; nothing is left to a server's default. */
export type ScheduleSpec =
  | { readonly kind: 'manual' }
  /** Runs on events of assets. */
  | { readonly kind: 'asset'; readonly condition: AssetCondition }
  /** A long-running workflow that drains micro-batches. */
  | { readonly kind: 'stream'; readonly idleMs: number }
  /** One run: at `at` (ISO 8601 UTC), or as soon as the DAG is deployed. */
  | { readonly kind: 'once'; readonly at?: string }
  /** A run starts as soon as the one before has ended, at the earliest `delayMs` after it. */
  | ({ readonly kind: 'continuous'; readonly delayMs: number } & ScheduleLimits)
  | ({
      readonly kind: 'cron';
      /** Fire times: the union of these calendars. */
      readonly calendars: readonly CronText[];
    } & ScheduleTimes)
  | ({ readonly kind: 'every'; readonly everyMs: number; readonly offsetMs: number } & ScheduleTimes);

/**
 * A calendar in canonical text: seven cron fields (second, minute, hour, day of month, month, day of week, year), numbers
 * only, Sunday is 0. All fields must match; day of month and day of week too.
 */
export type CronText = string;

/** What bounds any schedule that goes on by itself. */
export interface ScheduleLimits {
  /** ISO 8601 UTC; data intervals lie within `startAt` and `endAt`. */
  readonly startAt?: string;
  readonly endAt?: string;
  /** After so many failed scheduled runs in a row the schedule pauses; absent: never. */
  readonly maxConsecutiveFailedRuns?: number;
}

/** Whether fire times are left out; runs of a version that had no exclusions carry none. */
export function hasExclusions({ except }: { readonly except?: readonly CronText[] }): boolean {
  return except !== undefined && except.length > 0;
}

/** What schedules with fire times share. */
export interface ScheduleTimes extends ScheduleLimits {
  readonly timezone: string;
  /** Runs start on events of these assets as well. */
  readonly orAssets?: AssetCondition;
  /** Fire times that match one of these calendars are left out. */
  readonly except: readonly CronText[];
  readonly overlap: OverlapPolicy;
  /** Whether missed intervals run afterwards, back to `startAt`, within `catchupWindowMs` and `catchupMaxRuns`. */
  readonly catchup: boolean;
  /** Missed fire times within this window still run; older ones do not. */
  readonly catchupWindowMs: number;
  /** Of the missed intervals, only the newest so many run; absent: all within the window. */
  readonly catchupMaxRuns?: number;
  /** Random delay of the start. The data interval comes from the nominal time and does not move. */
  readonly jitterMs: number;
}

/** A schedule with fire times, and so with data intervals that can be listed. */
export type TimedSchedule = Extract<ScheduleSpec, ScheduleTimes>;

/** Whether a schedule's runs have data intervals that can be listed in advance and backfilled. */
export function hasFireTimes(schedule: ScheduleSpec): schedule is TimedSchedule {
  return schedule.kind === 'cron' || schedule.kind === 'every';
}

/** Whether scheduled runs of the schedule carry a data interval. */
export function hasDataInterval(schedule: ScheduleSpec): boolean {
  return hasFireTimes(schedule) || schedule.kind === 'continuous';
}

/** Whether the schedule pauses after failed runs in a row. */
export function countsFailures(schedule: ScheduleSpec): boolean {
  return (schedule as Partial<ScheduleLimits>).maxConsecutiveFailedRuns !== undefined;
}
