import type { CalendarSpec, ScheduleSpec as TemporalTimes } from '@temporalio/client';
import { calendarRanges, instantText, shortCron } from '../../core/schedule/cron-text.js';
import { firstRunTime } from '../../core/schedule/fire-times.js';
import type { CronText, ScheduleSpec, TimedSchedule } from '../../core/schedule/schedule-spec.js';

const months = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
] as const;
const days = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;

/**
 * The last second that a Temporal server plans for. A server forgets a schedule some days after its last action; one that
 * still has this time before it stays, also that of a DAG that starts by hand.
 */
export const keptUntil = '2100-12-31T23:59:59.000Z';

/** What a Temporal server fires otherwise than the calendars say; see `clock-corrections.ts`. */
export interface Corrections {
  readonly add: readonly Date[];
  /** Wall times, as canonical calendars. */
  readonly leaveOut: readonly CronText[];
}

export const noCorrections: Corrections = { add: [], leaveOut: [] };

/** A schedule's times in the form of the Temporal client. */
export function temporalTimes(
  schedule: ScheduleSpec,
  now: Date,
  corrections: Corrections = noCorrections,
): TemporalTimes {
  switch (schedule.kind) {
    case 'manual':
    case 'asset':
    case 'stream':
    case 'continuous':
      return { calendars: [calendarOf(instantText(keptUntil))] };
    case 'once':
      return {
        calendars: [calendarOf(instantText(onceTime(schedule.at, now))), calendarOf(instantText(keptUntil))],
      };
    case 'cron':
      return {
        calendars: schedule.calendars.map(calendarOf),
        // A period as long as the time since 1970 fires at that one instant, and again as many years later.
        intervals: corrections.add.map((time) => ({ every: time.getTime() })),
        ...timesOf(schedule, corrections),
      };
    case 'every':
      return {
        intervals: [{ every: schedule.everyMs, offset: schedule.offsetMs }],
        ...timesOf(schedule, corrections),
      };
  }
}

/** A time that has passed, or none, means as soon as possible; a server fires no time of the past. */
function onceTime(at: string | undefined, now: Date): string {
  const soon = new Date(now.getTime() + onceLeadMs).toISOString();
  return at !== undefined && at > soon ? at : soon;
}

/** Time for the server to take a schedule in before its first second comes. */
const onceLeadMs = 2_000;

function timesOf(schedule: TimedSchedule, corrections: Corrections): TemporalTimes {
  const startAt = firstRunTime(schedule)?.toISOString() ?? schedule.startAt;
  return {
    skip: [...schedule.except, ...corrections.leaveOut].map(calendarOf),
    timezone: schedule.timezone,
    jitter: schedule.jitterMs,
    ...(startAt === undefined ? {} : { startAt: new Date(startAt) }),
    ...(schedule.endAt === undefined ? {} : { endAt: new Date(schedule.endAt) }),
  };
}

function calendarOf(text: CronText): CalendarSpec {
  const { month, dayOfWeek, year, ...rest } = calendarRanges(text);
  return {
    ...rest,
    month: month.map(({ start, end, step }) => ({
      start: months[start - 1] ?? 'JANUARY',
      end: months[end - 1] ?? 'DECEMBER',
      step,
    })),
    dayOfWeek: dayOfWeek.map(({ start, end, step }) => ({
      start: days[start] ?? 'SUNDAY',
      end: days[end] ?? 'SATURDAY',
      step,
    })),
    year: text.endsWith(' *') ? '*' : year,
    comment: shortCron(text),
  };
}
