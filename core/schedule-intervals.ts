import type { ListIntervalsRequest } from './activities.js';
import { cronTimes, type CronTimes } from './cron.js';
import type { ScheduleSpec } from './dag-spec.js';
import { PipelineError } from './errors/index.js';
import type { DataInterval } from './interval.js';

/**
 * The interval that ends at a nominal fire time: it starts at the fire time before.
 *
 * @throws PipelineError USAGE for a schedule without intervals (manual, stream) or a time at which it does not fire.
 */
export function intervalEndingAt(schedule: ScheduleSpec, nominalTime: string): DataInterval {
  const end = new Date(nominalTime);
  if (schedule.kind === 'every') {
    return { start: new Date(end.getTime() - schedule.everyMs).toISOString(), end: end.toISOString() };
  }
  const start = cronOf(schedule).before(end);
  if (start === undefined) {
    throw new PipelineError('USAGE', {
      problem: `The schedule does not fire before ${nominalTime}`,
      hint: 'Choose a later interval',
    });
  }
  return { start: start.toISOString(), end: end.toISOString() };
}

/**
 * Intervals whose start (logical date) lies in `[from, to)`, in run order, at most `limit` of them after `afterStart`.
 *
 * @throws PipelineError USAGE for a schedule without intervals.
 */
export function listIntervals(request: ListIntervalsRequest): {
  intervals: DataInterval[];
  isComplete: boolean;
} {
  const intervals: DataInterval[] = [];
  for (const interval of request.runBackwards ? backwards(request) : forwards(request)) {
    if (intervals.length === request.limit) return { intervals, isComplete: false };
    intervals.push(interval);
  }
  return { intervals, isComplete: true };
}

function* forwards({ schedule, from, to, afterStart }: ListIntervalsRequest): Generator<DataInterval> {
  let start =
    afterStart === undefined
      ? fireAtOrAfter(schedule, new Date(from))
      : fireAfter(schedule, new Date(afterStart));
  while (start !== undefined && start.toISOString() < to) {
    const end = fireAfter(schedule, start);
    if (end === undefined) return;
    yield { start: start.toISOString(), end: end.toISOString() };
    start = end;
  }
}

function* backwards({ schedule, from, to, afterStart }: ListIntervalsRequest): Generator<DataInterval> {
  let start = fireBefore(schedule, new Date(afterStart ?? to));
  while (start !== undefined && start.toISOString() >= from) {
    const end = fireAfter(schedule, start);
    if (end === undefined) return;
    yield { start: start.toISOString(), end: end.toISOString() };
    start = fireBefore(schedule, start);
  }
}

function fireAtOrAfter(schedule: ScheduleSpec, time: Date): Date | undefined {
  return fireAfter(schedule, new Date(time.getTime() - 1));
}

/** First fire time strictly after `time`. Temporal aligns fixed intervals to the Unix epoch. */
function fireAfter(schedule: ScheduleSpec, time: Date): Date | undefined {
  if (schedule.kind === 'every') {
    const { everyMs, offsetMs } = schedule;
    return new Date((Math.floor((time.getTime() - offsetMs) / everyMs) + 1) * everyMs + offsetMs);
  }
  return cronOf(schedule).after(time);
}

/** Last fire time strictly before `time`. */
function fireBefore(schedule: ScheduleSpec, time: Date): Date | undefined {
  if (schedule.kind === 'every') {
    const { everyMs, offsetMs } = schedule;
    return new Date((Math.ceil((time.getTime() - offsetMs) / everyMs) - 1) * everyMs + offsetMs);
  }
  return cronOf(schedule).before(time);
}

function cronOf(schedule: ScheduleSpec): CronTimes {
  if (schedule.kind !== 'cron') {
    throw new PipelineError('USAGE', {
      problem: `A DAG with a "${schedule.kind}" schedule has no intervals`,
      hint: 'Give it a cron or every schedule, or name an interval by hand',
    });
  }
  return cronTimes(schedule.cron, schedule.timezone);
}
