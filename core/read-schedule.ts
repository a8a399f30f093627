import { dagDefaults, manualSchedule } from './dag-defaults.js';
import type { ScheduleBoundsOptions, ScheduleOptions } from './dag-options.js';
import type { ScheduleBounds, ScheduleSpec } from './dag-spec.js';
import { parseDuration, type DurationInput } from './duration.js';
import { parseInstant } from './interval.js';

/** Turns an author's schedule into its explicit form; adds what is wrong with it to `problems`. */
export function readSchedule(options: ScheduleOptions, problems: string[]): ScheduleSpec {
  const duration = (input: DurationInput, name: string): number => {
    const milliseconds = parseDuration(input);
    if (milliseconds === undefined) {
      problems.push(
        `schedule.${name}: ${JSON.stringify(input)} is not a duration; use 500ms, 30s, 2m, 1h or 7d`,
      );
    }
    return milliseconds ?? 0;
  };
  if (options === 'manual') return manualSchedule;
  if (options === 'stream') return { kind: 'stream', idleMs: dagDefaults.streamIdleMs };
  if ('stream' in options)
    return { kind: 'stream', idleMs: duration(options.idle ?? dagDefaults.streamIdleMs, 'idle') };
  const bounds = readBounds(options, duration, problems);
  if ('cron' in options) {
    return {
      kind: 'cron',
      cron: options.cron,
      timezone: options.timezone ?? dagDefaults.timezone,
      ...bounds,
    };
  }
  const everyMs = duration(options.every, 'every');
  if (everyMs < 1_000) problems.push('schedule.every: a period is at least 1s');
  return { kind: 'every', everyMs, offsetMs: duration(options.offset ?? 0, 'offset'), ...bounds };
}

function readBounds(
  options: ScheduleBoundsOptions,
  duration: (input: DurationInput, name: string) => number,
  problems: string[],
): ScheduleBounds {
  const defaultWindowMs =
    options.catchup === true ? dagDefaults.catchupWindowMs : dagDefaults.noCatchupWindowMs;
  const instant = (name: 'startAt' | 'endAt'): Partial<ScheduleBounds> => {
    const text = options[name];
    if (text === undefined) return {};
    const value = parseInstant(text);
    if (value === undefined)
      problems.push(`schedule.${name}: "${text}" is not a date or an instant with a zone`);
    return value === undefined ? {} : { [name]: value };
  };
  return {
    overlap: options.overlap ?? 'skip',
    catchupWindowMs: Math.max(
      options.catchupWindow === undefined
        ? defaultWindowMs
        : duration(options.catchupWindow, 'catchupWindow'),
      dagDefaults.noCatchupWindowMs,
    ),
    jitterMs: duration(options.jitter ?? 0, 'jitter'),
    ...instant('startAt'),
    ...instant('endAt'),
  };
}
