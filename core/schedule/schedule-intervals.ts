import type { ListIntervalsRequest } from '../activities.js';
import { PipelineError } from '../errors/index.js';
import { fireTimes } from './fire-times.js';
import type { DataInterval } from '../interval.js';
import type { ScheduleSpec } from './schedule-spec.js';

/**
 * The interval that ends at a nominal fire time: it starts at the fire time before. What a schedule excludes makes the
 * next interval longer, so that intervals always adjoin.
 *
 * @throws PipelineError USAGE for a schedule without intervals (manual, stream, once) or a time before which it never fires.
 */
export function intervalEndingAt(schedule: ScheduleSpec, nominalTime: string): DataInterval {
  const end = new Date(nominalTime);
  const start = fireTimes(schedule).before(end);
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
  const times = fireTimes(schedule);
  let start = times.after(afterStart === undefined ? new Date(Date.parse(from) - 1) : new Date(afterStart));
  while (start !== undefined && start.toISOString() < to) {
    const end = times.after(start);
    if (end === undefined) return;
    yield { start: start.toISOString(), end: end.toISOString() };
    start = end;
  }
}

function* backwards({ schedule, from, to, afterStart }: ListIntervalsRequest): Generator<DataInterval> {
  const times = fireTimes(schedule);
  let start = times.before(new Date(afterStart ?? to));
  while (start !== undefined && start.toISOString() >= from) {
    const end = times.after(start);
    if (end === undefined) return;
    yield { start: start.toISOString(), end: end.toISOString() };
    start = times.before(start);
  }
}
