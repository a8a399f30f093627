import type { DurationInput } from '../duration.js';
import type { OverlapPolicy } from './schedule-spec.js';

/** Presets of Airflow; those with a time fire at its end, in the schedule's time zone. */
export type SchedulePreset =
  | '@once'
  | '@continuous'
  | '@hourly'
  | '@daily'
  | '@midnight'
  | '@weekly'
  | '@monthly'
  | '@quarterly'
  | '@yearly'
  | '@annually';

/** Five, six or seven cron fields. */
type CronFields = `${string} ${string} ${string} ${string} ${string}`;

/** When a DAG runs. Durations are milliseconds or text such as `30s`, `2m`, `7d`. */
export type ScheduleOptions =
  | 'manual'
  | 'stream'
  | 'continuous'
  | SchedulePreset
  | `@every ${string}`
  | CronFields
  /**
   * Cron: minute, hour, day of month, month, day of week; a sixth field is the year, and with seven the first is the
   * second. One or more; presets are taken too.
   */
  | ({ readonly cron: string | readonly string[]; readonly calendar?: CalendarList } & TimedScheduleOptions)
  | ({ readonly calendar: CalendarList } & TimedScheduleOptions)
  | ({ readonly every: DurationInput; readonly offset?: DurationInput } & TimedScheduleOptions)
  /** One run at this time (ISO 8601); where it has passed when the DAG is deployed, at once. */
  | { readonly once: string }
  | ({ readonly continuous: true; readonly delay?: DurationInput } & ScheduleLimitsOptions)
  | { readonly stream: true; readonly idle?: DurationInput };

type CalendarList = CalendarOptions | readonly CalendarOptions[];

/** Values of one calendar field: a number, cron text such as `1-5`, a multiple of 15 written as in cron, `MON-FRI`, or a list. */
export type CalendarField = number | string | CalendarRange | readonly (number | string | CalendarRange)[];

/** From `start` to `end`, both included, each `step`-th. */
export interface CalendarRange {
  readonly start: number | string;
  readonly end?: number | string;
  readonly step?: number;
}

/** Times of which all given fields match. A field of the date that is absent matches always; one of the time of day is 0. */
export interface CalendarOptions {
  readonly year?: CalendarField;
  readonly month?: CalendarField;
  readonly dayOfMonth?: CalendarField;
  readonly dayOfWeek?: CalendarField;
  readonly hour?: CalendarField;
  readonly minute?: CalendarField;
  readonly second?: CalendarField;
}

/** A date (`2026-12-25`), cron text, or a calendar, of which an absent field matches always: a whole day, not midnight. */
export type Exclusion = string | CalendarOptions;

export interface ScheduleLimitsOptions {
  /** ISO 8601. Data intervals lie between the two: the first starts at or after `startAt`, the last ends at or before `endAt`. */
  readonly startAt?: string;
  readonly endAt?: string;
  /** Pause the DAG after so many failed scheduled runs in a row. Default: never. */
  readonly maxConsecutiveFailedRuns?: number;
}

export interface TimedScheduleOptions extends ScheduleLimitsOptions {
  /** IANA name. Default: UTC. */
  readonly timezone?: string;
  /** Fire times that are left out; the interval after one begins at the fire time before it. */
  readonly except?: Exclusion | readonly Exclusion[];
  /**
   * Run what was missed: intervals since `startAt` when the DAG is first deployed, and those of an outage. Default: false.
   * Intervals of a pause never run by themselves.
   */
  readonly catchup?: boolean;
  /** How far back missed runs still start. Default: one year with `catchup`, else the shortest that the server has. */
  readonly catchupWindow?: DurationInput;
  /** With `catchup`: only the newest so many of the missed intervals run. Default: all within the window. */
  readonly catchupMaxRuns?: number;
  /** Default: `skip`, and `buffer-all` with `catchup`, so that missed runs follow one another. */
  readonly overlap?: OverlapPolicy;
  readonly jitter?: DurationInput;
}
