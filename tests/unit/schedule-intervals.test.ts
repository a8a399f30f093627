import { describe, expect, test } from '@jest/globals';
import { cronTimes } from '../../core/schedule/cron.js';
import { parseCron } from '../../core/schedule/cron-text.js';
import type { ScheduleSpec } from '../../core/schedule/schedule-spec.js';
import { intervalEndingAt, listIntervals } from '../../core/schedule/schedule-intervals.js';

const bounds = {
  timezone: 'UTC',
  except: [],
  overlap: 'skip',
  catchup: false,
  catchupWindowMs: 60_000,
  jitterMs: 0,
} as const;
const monthly: ScheduleSpec = { kind: 'cron', calendars: [parseCron('0 0 1 * *')], ...bounds };
const every: ScheduleSpec = { kind: 'every', everyMs: 10_000, offsetMs: 0, ...bounds };

function fires(cron: string, timezone: string, from: string, count: number): string[] {
  const times = cronTimes([parseCron(cron)], timezone);
  const found: string[] = [];
  let time = new Date(from);
  for (let index = 0; index < count; index += 1) {
    const next = times.after(time);
    if (next === undefined) break;
    found.push(next.toISOString().slice(0, 16));
    time = next;
  }
  return found;
}

describe('fire times', () => {
  test('a wall time that the clocks skip does not fire', () => {
    expect(fires('30 2 * * *', 'Europe/Paris', '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-28T01:30',
      '2026-03-30T00:30',
      '2026-03-31T00:30',
    ]);
  });

  test('a wall time that the clocks repeat fires twice', () => {
    expect(fires('30 2 * * *', 'Europe/Paris', '2026-10-24T12:00:00Z', 3)).toEqual([
      '2026-10-25T00:30',
      '2026-10-25T01:30',
      '2026-10-26T01:30',
    ]);
  });

  test('a frequent schedule has no hole in the repeated hour', () => {
    expect(fires('*/30 * * * *', 'Europe/Paris', '2026-10-25T00:15:00Z', 4)).toEqual([
      '2026-10-25T00:30',
      '2026-10-25T01:00',
      '2026-10-25T01:30',
      '2026-10-25T02:00',
    ]);
  });

  test('day of month and day of week must both match', () => {
    expect(fires('0 0 13 * 5', 'UTC', '2026-01-01T00:00:00Z', 2)).toEqual([
      '2026-02-13T00:00',
      '2026-03-13T00:00',
    ]);
  });

  test.each(['30 2 * * *', '*/30 * * * *', '0 3 * * *'])('%s: walking back meets the same times', (cron) => {
    const forward = fires(cron, 'Europe/Paris', '2026-10-24T00:00:00Z', 60);
    const times = cronTimes([parseCron(cron)], 'Europe/Paris');
    let time = new Date(`${forward.at(-1) ?? ''}:00Z`);
    for (const expected of forward.slice(0, -1).reverse()) {
      time = times.before(time) ?? new Date(0);
      expect(time.toISOString().slice(0, 16)).toBe(expected);
    }
  });
});

describe('intervals', () => {
  test('an interval ends at the nominal time and starts at the fire time before', () => {
    expect(intervalEndingAt(monthly, '1997-02-01T00:00:00Z')).toEqual({
      start: '1997-01-01T00:00:00.000Z',
      end: '1997-02-01T00:00:00.000Z',
    });
    expect(intervalEndingAt(every, '2026-01-01T00:00:10Z')).toEqual({
      start: '2026-01-01T00:00:00.000Z',
      end: '2026-01-01T00:00:10.000Z',
    });
  });

  test('eighteen months are eighteen adjoining intervals', () => {
    const { intervals, isComplete } = listIntervals({
      schedule: monthly,
      from: '1997-01-01T00:00:00.000Z',
      to: '1998-07-01T00:00:00.000Z',
      runBackwards: false,
      limit: 100,
    });
    expect(isComplete).toBe(true);
    expect(intervals).toHaveLength(18);
    for (let index = 1; index < intervals.length; index += 1)
      expect(intervals[index]?.start).toBe(intervals[index - 1]?.end);
    expect(intervals.at(-1)?.end).toBe('1998-07-01T00:00:00.000Z');
  });

  test.each([false, true])('pages join up to the same list (backwards: %s)', (runBackwards) => {
    const range = {
      schedule: monthly,
      from: '1997-01-01T00:00:00.000Z',
      to: '1998-07-01T00:00:00.000Z',
      runBackwards,
    };
    const whole = listIntervals({ ...range, limit: 100 }).intervals;
    const paged = [];
    for (;;) {
      const last = paged.at(-1);
      const page = listIntervals({
        ...range,
        limit: 5,
        ...(last === undefined ? {} : { afterStart: last.start }),
      });
      paged.push(...page.intervals);
      if (page.isComplete) break;
    }
    expect(paged).toEqual(whole);
    expect(whole[0]?.start).toBe(runBackwards ? '1998-06-01T00:00:00.000Z' : '1997-01-01T00:00:00.000Z');
  });

  test('a stream has no intervals, and says what to do', () => {
    expect(() => intervalEndingAt({ kind: 'stream', idleMs: 1 }, '2026-01-01T00:00:00Z')).toThrow(
      /"stream" schedule has no intervals/,
    );
  });
});
