import { cronMatcher, cronTimes, type CronTimes } from './cron.js';
import { PipelineError } from '../errors/index.js';
import { limits } from '../limits.js';
import { hasExclusions, hasFireTimes, type ScheduleSpec, type TimedSchedule } from './schedule-spec.js';

/**
 * Nominal fire times of a schedule: its calendars, or its period aligned to the Unix epoch, less what it excludes.
 * `startAt` and `endAt` are left to the caller.
 *
 * @throws PipelineError USAGE for a schedule without fire times (manual, stream, once, continuous).
 */
export function fireTimes(schedule: ScheduleSpec): CronTimes {
  if (!hasFireTimes(schedule)) {
    throw new PipelineError('USAGE', {
      problem: `A DAG with a "${schedule.kind}" schedule has no intervals`,
      hint: 'Give it a cron or every schedule, or name an interval by hand',
    });
  }
  const times =
    schedule.kind === 'every' ? periodTimes(schedule) : cronTimes(schedule.calendars, schedule.timezone);
  if (!hasExclusions(schedule)) return times;
  const isExcluded = cronMatcher(schedule.except, schedule.timezone);
  const walk = (time: Date, next: (time: Date) => Date | undefined): Date | undefined => {
    let found = next(time);
    for (let tries = 0; found !== undefined && isExcluded(found); tries += 1) {
      if (tries === limits.scheduleMaxExcluded) return undefined;
      found = next(found);
    }
    return found;
  };
  return {
    after: (time) => walk(time, (from) => times.after(from)),
    before: (time) => walk(time, (from) => times.before(from)),
  };
}

/**
 * First fire time of a run: no data interval starts before `startAt`, so the first run comes one interval after the first
 * fire time from then on. Undefined without `startAt`, or where nothing fires after it.
 */
export function firstRunTime(schedule: TimedSchedule): Date | undefined {
  if (schedule.startAt === undefined) return undefined;
  const times = fireTimes(schedule);
  const start = times.after(new Date(Date.parse(schedule.startAt) - 1));
  return start === undefined ? undefined : times.after(start);
}

function periodTimes({ everyMs, offsetMs }: TimedSchedule & { kind: 'every' }): CronTimes {
  return {
    after: (time) => new Date((Math.floor((time.getTime() - offsetMs) / everyMs) + 1) * everyMs + offsetMs),
    before: (time) => new Date((Math.ceil((time.getTime() - offsetMs) / everyMs) - 1) * everyMs + offsetMs),
  };
}
