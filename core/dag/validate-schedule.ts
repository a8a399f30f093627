import { fireTimes } from '../schedule/fire-times.js';
import { limits } from '../limits.js';
import type { ScheduleLimits, ScheduleSpec, TimedSchedule } from '../schedule/schedule-spec.js';
import { hasFireTimes } from '../schedule/schedule-spec.js';

/** Everything that is wrong with a schedule, a sentence each; an empty list for a good one. */
export function validateSchedule(schedule: ScheduleSpec): string[] {
  if (schedule.kind === 'continuous') {
    const problems = checkLimits(schedule);
    if (schedule.delayMs < 1_000) problems.push('schedule.delay: at least 1s lies between two runs');
    return problems;
  }
  if (!hasFireTimes(schedule)) return [];
  const problems = [...checkLimits(schedule), ...checkPeriod(schedule)];
  if (schedule.kind === 'cron' && schedule.calendars.length === 0)
    problems.push('schedule: it has neither a cron expression nor a calendar');
  const texts = schedule.except.length + (schedule.kind === 'cron' ? schedule.calendars.length : 0);
  if (texts > limits.scheduleMaxCalendars) {
    problems.push(
      `schedule: it has ${String(texts)} calendars and exclusions, over ${String(limits.scheduleMaxCalendars)}`,
    );
  }
  const { catchupMaxRuns } = schedule;
  if (catchupMaxRuns !== undefined && (!Number.isSafeInteger(catchupMaxRuns) || catchupMaxRuns < 1))
    problems.push(`schedule.catchupMaxRuns is ${String(catchupMaxRuns)}; use a whole number from 1 on`);
  if (catchupMaxRuns !== undefined && !schedule.catchup)
    problems.push('schedule.catchupMaxRuns bounds a catch-up; it needs catchup: true');
  return problems.length > 0 ? problems : checkFires(schedule);
}

function checkLimits({ startAt, endAt, maxConsecutiveFailedRuns: runs }: ScheduleLimits): string[] {
  const problems: string[] = [];
  if (startAt !== undefined && endAt !== undefined && startAt >= endAt)
    problems.push(`schedule.endAt: ${endAt} is not after startAt (${startAt})`);
  if (runs !== undefined && (!Number.isSafeInteger(runs) || runs < 1))
    problems.push(`schedule.maxConsecutiveFailedRuns is ${String(runs)}; use a whole number from 1 on`);
  return problems;
}

/** A Temporal server counts periods in whole seconds. */
function checkPeriod(schedule: TimedSchedule): string[] {
  if (schedule.kind !== 'every') return [];
  const { everyMs, offsetMs } = schedule;
  const problems: string[] = [];
  if (everyMs < 1_000) problems.push('schedule.every: a period is at least 1s');
  else if (everyMs % 1_000 !== 0 || offsetMs % 1_000 !== 0)
    problems.push('schedule.every: period and offset are whole seconds');
  if (offsetMs > 0 && offsetMs >= everyMs) problems.push('schedule.offset: it is shorter than the period');
  return problems;
}

/** The zone is known, and something is left after the exclusions. */
function checkFires(schedule: TimedSchedule): string[] {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: schedule.timezone });
  } catch {
    return [
      `schedule.timezone: there is no time zone "${schedule.timezone}"; use a name such as Europe/Paris`,
    ];
  }
  const from = new Date(schedule.startAt ?? earliest);
  if (fireTimes(schedule).after(from) !== undefined) return [];
  return [
    'schedule: it never fires; correct the cron expression or calendar, or exclude less (a schedule that excludes more than ' +
      `${String(limits.scheduleMaxExcluded)} fire times in a row counts as one that never fires)`,
  ];
}

/** First year of a Temporal server's calendars. */
const earliest = '2000-01-01T00:00:00Z';
