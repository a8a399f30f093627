import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCron, shortCron } from '../../core/schedule/cron-text.js';
import { firstRunTime } from '../../core/schedule/fire-times.js';
import { readSchedule } from '../../core/schedule/read-schedule.js';
import { intervalEndingAt, listIntervals } from '../../core/schedule/schedule-intervals.js';
import type { ScheduleOptions } from '../../core/schedule/schedule-options.js';
import type { TimedSchedule } from '../../core/schedule/schedule-spec.js';
import { validateSchedule } from '../../core/dag/validate-schedule.js';

function problemsOf(options: ScheduleOptions): string[] {
  const problems: string[] = [];
  const schedule = readSchedule(options, problems);
  return [...problems, ...validateSchedule(schedule)];
}

function scheduleOf(options: ScheduleOptions): TimedSchedule {
  expect(problemsOf(options)).toEqual([]);
  return readSchedule(options, []) as TimedSchedule;
}

describe('cron text', () => {
  test.each([
    ['@daily', '0 0 * * *'],
    ['@midnight', '0 0 * * *'],
    ['@hourly', '0 * * * *'],
    ['@weekly', '0 0 * * 0'],
    ['@monthly', '0 0 1 * *'],
    ['@quarterly', '0 0 1 1-10/3 *'],
    ['@yearly', '0 0 1 1 *'],
    ['@annually', '0 0 1 1 *'],
    ['0 6 * jan-MARCH mon,Wednesday', '0 6 * 1-3 1,3'],
    ['0 0 * * 5-7', '0 0 * * 0,5-6'],
    ['0 0 * * sun-sat', '0 0 * * *'],
    ['5/20 1 * * *', '5-45/20 1 * * *'],
    ['0,1,2,3 0 * * *', '0-3 0 * * *'],
    ['0 0 1 1 * 2027', '0 0 1 1 * 2027'],
    ['30 0 0 * * * *', '30 0 0 * * * *'],
  ])('%s is %s', (text, short) => {
    expect(shortCron(parseCron(text))).toBe(short);
  });

  test('canonical text means itself', () => {
    const value = fc.integer({ min: 0, max: 59 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (minutes) => {
        const text = parseCron(`${minutes.join(',')} * * * *`);
        expect(parseCron(text)).toBe(text);
      }),
    );
  });
});

describe('what an author may write', () => {
  test.each<[ScheduleOptions, object]>([
    ['manual', { kind: 'manual' }],
    ['@once', { kind: 'once' }],
    [{ once: '2026-01-01' }, { kind: 'once', at: '2026-01-01T00:00:00.000Z' }],
    ['@continuous', { kind: 'continuous', delayMs: 1_000 }],
    [
      { continuous: true, delay: '5s', maxConsecutiveFailedRuns: 3 },
      { delayMs: 5_000, maxConsecutiveFailedRuns: 3 },
    ],
    ['@every 30m', { kind: 'every', everyMs: 1_800_000, offsetMs: 0 }],
    ['@every 14h/3h', { kind: 'every', everyMs: 50_400_000, offsetMs: 10_800_000 }],
    [
      '@daily',
      { kind: 'cron', calendars: ['0 0 0 * * * *'], timezone: 'UTC', overlap: 'skip', catchup: false },
    ],
    [
      { cron: ['0 6 * * *', '@monthly'], calendar: { hour: 3 } },
      { calendars: ['0 0 6 * * * *', '0 0 0 1 * * *', '0 0 3 * * * *'] },
    ],
    [
      {
        calendar: { dayOfWeek: ['MON', 'fri'], hour: { start: 8, end: 18, step: 5 } },
        except: ['2026-12-25', { month: 8 }],
      },
      { calendars: ['0 0 8-18/5 * * 1,5 *'], except: ['* * * 25 12 * 2026', '* * * * 8 * *'] },
    ],
    [
      { cron: '0 0 * * *', catchup: true },
      { overlap: 'buffer-all', catchupWindowMs: 365 * 86_400_000 },
    ],
    [
      { cron: '0 0 * * *', catchup: true, overlap: 'skip', catchupMaxRuns: 2 },
      { overlap: 'skip', catchupMaxRuns: 2 },
    ],
  ])('%j', (options, expected) => {
    expect(problemsOf(options)).toEqual([]);
    expect(readSchedule(options, [])).toMatchObject(expected);
  });

  test.each<[ScheduleOptions, RegExp]>([
    ['* * * * 9', /day of week "9" is not 0 to 7 or a name/],
    ['@fortnightly' as ScheduleOptions, /there is no preset @fortnightly; known: @hourly/],
    ['CRON_TZ=Europe/Paris 0 0 * * *', /put the time zone into "timezone"/],
    [{ cron: '0 0 * *' }, /it has 4 fields; use 5, 6 \(year last\) or 7 \(second first\)/],
    [{ cron: [] }, /neither a cron expression nor a calendar/],
    [{ cron: '0 0 * * *', timezone: 'Europe/Pariss' }, /no time zone "Europe\/Pariss"/],
    [{ cron: '0 0 30 2 *' }, /it never fires/],
    [{ cron: '0 0 * * *', except: {} }, /it never fires/],
    [{ cron: '0 0 * * *', except: '2026-02-30' }, /there is no such date/],
    [{ calendar: { hours: 3 } as object }, /unknown field hours; known: second/],
    [{ every: '1500ms' }, /whole seconds/],
    [{ every: '10ms' }, /at least 1s/],
    [{ every: '1m', offset: '1m' }, /shorter than the period/],
    [{ every: '1m', startAt: '2026-01-02', endAt: '2026-01-01' }, /is not after startAt/],
    [{ every: '1m', catchupMaxRuns: 3 }, /needs catchup: true/],
    [{ every: '1m', catchup: true, catchupMaxRuns: 0 }, /whole number from 1 on/],
    [{ every: '1m', maxConsecutiveFailedRuns: 0.5 }, /whole number from 1 on/],
    [{ continuous: true, delay: '0s' }, /at least 1s/],
    [{ once: 'tomorrow' }, /not a date or an instant/],
  ])('%j is refused, and says why', (options, reason) => {
    expect(problemsOf(options).join('; ')).toMatch(reason);
  });

  test('all problems are told at once', () => {
    expect(
      problemsOf({ cron: '61 * * * *', catchup: true, catchupWindow: 'long', except: 'soon' }),
    ).toHaveLength(3);
  });
});

describe('intervals', () => {
  test('what is excluded makes the next interval longer, so that they adjoin', () => {
    const schedule = scheduleOf({ cron: '0 9 * * *', except: ['2026-05-01', { dayOfWeek: 'SAT-SUN' }] });
    expect(intervalEndingAt(schedule, '2026-05-04T09:00:00Z')).toEqual({
      start: '2026-04-30T09:00:00.000Z',
      end: '2026-05-04T09:00:00.000Z',
    });
  });

  test('walking back meets the times of walking on, whatever the calendars', () => {
    const field = (min: number, max: number) =>
      fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 4 }).map((list) => list.join(','));
    const cron = fc
      .tuple(
        field(0, 59),
        field(0, 23),
        fc.oneof(fc.constant('*'), field(1, 28)),
        fc.oneof(fc.constant('*'), field(1, 12)),
      )
      .map((parts) => `${parts.join(' ')} *`);
    const zone = fc.constantFrom('UTC', 'Europe/Paris', 'America/Havana', 'Australia/Lord_Howe');
    fc.assert(
      fc.property(fc.array(cron, { minLength: 1, maxLength: 2 }), zone, (crons, timezone) => {
        const schedule = scheduleOf({ cron: crons, timezone });
        const range = {
          schedule,
          from: '2026-03-01T00:00:00.000Z',
          to: '2027-01-01T00:00:00.000Z',
          limit: 200,
        };
        const forward = listIntervals({ ...range, runBackwards: false });
        const last = forward.intervals.at(-1);
        if (last === undefined) return;
        const back = listIntervals({ ...range, to: last.end, runBackwards: true });
        expect(back.intervals).toEqual([...forward.intervals].reverse());
      }),
      { numRuns: 25 },
    );
  });

  test('the first run comes one interval after startAt, as for Airflow', () => {
    const first = (startAt: string) =>
      firstRunTime(scheduleOf({ cron: '0 0 * * *', startAt }))?.toISOString();
    expect(first('2026-01-01')).toBe('2026-01-02T00:00:00.000Z');
    expect(first('2026-01-01T12:00:00Z')).toBe('2026-01-03T00:00:00.000Z');
  });
});
