import { conditionText } from '../assets/asset-condition.js';
import { shortCron } from './cron-text.js';
import { hasFireTimes, type ScheduleSpec } from './schedule-spec.js';

/** A schedule in a line of text for people. */
export function describeSchedule(schedule: ScheduleSpec): string {
  switch (schedule.kind) {
    case 'manual':
      return 'manual';
    case 'asset':
      return `assets ${conditionText(schedule.condition)}`;
    case 'stream':
      return 'stream';
    case 'once':
      return schedule.at === undefined ? 'once, when deployed' : `once, at ${schedule.at}`;
    case 'continuous':
      return `continuous, ${seconds(schedule.delayMs)} between runs${limitsOf(schedule)}`;
    case 'cron':
      return `cron ${schedule.calendars.map(shortCron).join(' | ')}${timesOf(schedule)}`;
    case 'every':
      return `every ${seconds(schedule.everyMs)}${schedule.offsetMs === 0 ? '' : ` plus ${seconds(schedule.offsetMs)}`}${timesOf(schedule)}`;
  }
}

function timesOf(schedule: ScheduleSpec): string {
  if (!hasFireTimes(schedule)) return '';
  const { timezone, except, overlap, catchup, catchupMaxRuns, jitterMs, orAssets } = schedule;
  return [
    ` (${timezone})`,
    except.length === 0 ? '' : `, except ${except.map(shortCron).join(' | ')}`,
    `, overlap ${overlap}`,
    catchup
      ? `, catchup${catchupMaxRuns === undefined ? '' : ` of at most ${String(catchupMaxRuns)} runs`}`
      : '',
    jitterMs === 0 ? '' : `, jitter ${seconds(jitterMs)}`,
    limitsOf(schedule),
    orAssets === undefined ? '' : `, or on assets ${conditionText(orAssets)}`,
  ].join('');
}

function limitsOf(schedule: { startAt?: string; endAt?: string; maxConsecutiveFailedRuns?: number }): string {
  const { startAt, endAt, maxConsecutiveFailedRuns: runs } = schedule;
  return [
    startAt === undefined ? '' : `, from ${startAt}`,
    endAt === undefined ? '' : `, until ${endAt}`,
    runs === undefined ? '' : `, paused after ${String(runs)} failed runs`,
  ].join('');
}

function seconds(milliseconds: number): string {
  return `${String(milliseconds / 1_000)}s`;
}
