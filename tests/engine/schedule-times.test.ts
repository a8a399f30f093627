import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection, type ScheduleSpec as TemporalTimes } from '@temporalio/client';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import { clockCorrections } from '../../client/temporal/clock-corrections.js';
import { noCorrections, temporalTimes } from '../../client/temporal/schedule-times.js';
import { CronTextError, parseCron } from '../../core/schedule/cron-text.js';
import { clockChanges } from '../../core/schedule/cron.js';
import { fireTimes } from '../../core/schedule/fire-times.js';
import { readSchedule } from '../../core/schedule/read-schedule.js';
import type { ScheduleOptions } from '../../core/schedule/schedule-options.js';
import type { TimedSchedule } from '../../core/schedule/schedule-spec.js';
import { seededRandom } from '../../testing/index.js';
import { TestProject } from '../helpers/project.js';
import { sideBySide } from '../helpers/side-by-side.js';

/** Compares our fire times with those that the real server lists. */
let connection: Connection;
let client: Client;

beforeAll(async () => {
  const project = await TestProject.create({});
  await project.startTemporal();
  connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
  client = new Client({ connection });
}, 240_000);

afterAll(() => connection.close());

let made = 0;
const nextId = (name: string): string => `${name}-${String((made += 1))}`;

const year = { from: new Date('2026-01-01T00:00:00Z'), to: new Date('2027-01-01T00:00:00Z') };

async function withSchedule<Result>(
  spec: TemporalTimes,
  work: (id: string) => Promise<Result>,
): Promise<Result> {
  const scheduleId = nextId('times');
  await client.schedule.create({
    scheduleId,
    spec,
    action: { type: 'startWorkflow', workflowType: 'none', workflowId: 'none', taskQueue: 'none' },
    state: { paused: true },
  });
  try {
    return await work(scheduleId);
  } finally {
    await client.schedule.getHandle(scheduleId).delete();
  }
}

/** Up to a thousand times that the server would fire in `(from, to]`. */
async function servedTimes(scheduleId: string, from: Date, to: Date): Promise<string[]> {
  const { startTime } = (await client.workflowService.listScheduleMatchingTimes({
    namespace: 'default',
    scheduleId,
    startTime: msToTs(from.getTime()),
    endTime: msToTs(to.getTime()),
  })) as { startTime: Parameters<typeof tsToMs>[0][] };
  return startTime
    .map((time) => new Date(tsToMs(time)).toISOString())
    .filter((time) => time > from.toISOString());
}

function ownTimes(schedule: TimedSchedule, from: Date, to: Date, count: number): string[] {
  const times = fireTimes(schedule);
  const found: string[] = [];
  for (
    let time = times.after(from);
    time !== undefined && time <= to && found.length < count;
    time = times.after(time)
  )
    found.push(time.toISOString());
  return found;
}

function scheduleOf(options: ScheduleOptions): TimedSchedule {
  const problems: string[] = [];
  const schedule = readSchedule(options, problems);
  expect(problems).toEqual([]);
  return schedule as TimedSchedule;
}

/** What the server fires for a schedule as a deploy sends it, a year long and around each change of the clocks. */
async function expectSameTimes(options: ScheduleOptions): Promise<void> {
  const schedule = scheduleOf(options);
  const corrections = await clockCorrections(client, nextId('probe'), schedule, year.from);
  await withSchedule(temporalTimes(schedule, year.from, corrections), async (id) => {
    const windows = clockChanges(schedule.timezone, year.from, new Date('2027-12-31T00:00:00Z')).map(
      (change) => ({
        from: new Date(change.getTime() - 5 * 3_600_000),
        to: new Date(change.getTime() + 11 * 3_600_000),
      }),
    );
    for (const { from, to } of [year, ...windows]) {
      const served = await servedTimes(id, from, to);
      expect({
        options,
        from,
        times: ownTimes(schedule, from, to, served.length < 998 ? Infinity : served.length),
      }).toEqual({
        options,
        from,
        times: served,
      });
    }
  });
}

/** Zones with changes of the clocks of every kind: by half an hour, by two, at midnight, several in a year. */
const zones: [string, readonly string[]][] = [
  ['Europe/Paris', ['30 2 * * *', '*/30 * * * *']],
  ['America/New_York', ['15,45 1-3 * * *']],
  ['America/Havana', ['@daily']],
  ['Africa/Casablanca', ['30 2 * * *']],
  ['Australia/Lord_Howe', ['30 1 * * *']],
  ['Antarctica/Troll', ['15,45 1-3 * * *']],
];

describe('fire times around changes of the clocks are those of the server', () => {
  // A server takes its time to answer for one schedule, and answers for several at once.
  let outcomes: Readonly<Record<string, Promise<void>>>;
  beforeAll(() => {
    const stories = zones.map(([timezone, expressions]) => {
      const story = async () => {
        await Promise.all(expressions.map((cron) => expectSameTimes({ cron, timezone })));
      };
      return [timezone, story] as const;
    });
    outcomes = sideBySide(Object.fromEntries(stories));
  });

  test.each(zones)(
    '%s',
    async (timezone) => {
      await outcomes[timezone];
    },
    240_000,
  );

  test('a server left to itself fires otherwise, which is why a deploy corrects it', async () => {
    const schedule = scheduleOf({ cron: '30 2 * * *', timezone: 'Europe/Paris' });
    const [from, to] = [new Date('2026-10-24T12:00:00Z'), new Date('2026-10-25T12:00:00Z')];
    const repeated = ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z'];
    expect(ownTimes(schedule, from, to, 10)).toEqual(repeated);
    await withSchedule(temporalTimes(schedule, year.from, noCorrections), async (id) => {
      expect(await servedTimes(id, from, to)).toEqual(repeated.slice(1));
    });
  });
});

describe('every kind of times', () => {
  const cases: [string, ScheduleOptions][] = [
    ['presets', '@monthly'],
    ['quarters', '@quarterly'],
    ['six fields: the year is last', '0 0 1 1 * 2026-2028'],
    ['seven fields: the second is first', '*/20 59 23 31 dec * 2026-2030/2'],
    ['names, also long ones and prefixes', '0 6 * jan-march,Sept tues,Sunday'],
    ['Sunday as 7', '0 9 * * 5-7'],
    ['day of month and day of week together', '0 0 13 * 5'],
    ['a step from a value on', '5/20 1 * * *'],
    ['a leap day', '0 0 29 2 *'],
    ['a period', { every: '7h', offset: '90m' }],
    ['a period in words of cron', '@every 45m/10m'],
    ['a period with exclusions', { every: '30m', except: { hour: '0-5' }, timezone: 'Europe/Paris' }],
    ['several crons', { cron: ['0 6 * * 1-5', '30 9 * * 6,0', '@monthly'], timezone: 'Asia/Kolkata' }],
    [
      'a calendar',
      {
        calendar: { month: [1, { start: 'APR', end: 'DEC', step: 2 }], dayOfMonth: '1-15/7', hour: [8, 20] },
      },
    ],
    [
      'a calendar and a cron with exclusions of each form',
      {
        cron: '0 7 * * *',
        calendar: { dayOfWeek: 'FRI', hour: 18, minute: 30 },
        except: ['2026-05-01', { month: 12, dayOfMonth: '24-26' }, '0 7 * * SAT'],
        timezone: 'Europe/Paris',
      },
    ],
  ];
  test.each(cases)('%s', async (_name, options) => {
    await expectSameTimes(options);
  });
});

describe('cron text means what it means to the server', () => {
  test('as written, generated, in UTC', async () => {
    const random = seededRandom(7);
    const field = (min: number, max: number): string => {
      const [a, b] = [random.integer(min, max), random.integer(min, max)].sort((x, y) => x - y);
      return random.pick([
        '*',
        String(a),
        `${String(a)}-${String(b)}`,
        `*/${String(random.integer(2, 9))}`,
        `${String(a)}/7`,
        `${String(a)},${String(b)}`,
        `${String(a)}-${String(b)}/3`,
      ]);
    };
    for (let index = 0; index < 30; index += 1) {
      const cron = [field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)].join(' ');
      await withSchedule({ cronExpressions: [cron] }, async (id) => {
        const served = await servedTimes(id, year.from, year.to);
        expect([
          cron,
          ownTimes(scheduleOf({ cron }), year.from, year.to, served.length < 998 ? Infinity : served.length),
        ]).toEqual([cron, served]);
      });
    }
  });

  test.each([
    '* * * *',
    '60 * * * *',
    '* 24 * * *',
    '0 0 0 * *',
    '0 0 * 13 *',
    '0 0 * * 8',
    '5-1 * * * *',
    '1/2/3 * * * *',
    '@never',
    '0 0 * foo *',
    'L * * * *',
  ])('both refuse "%s"', async (cron) => {
    expect(() => parseCron(cron)).toThrow(CronTextError);
    await expect(
      withSchedule({ cronExpressions: [cron] }, (id) => servedTimes(id, year.from, year.to)),
    ).rejects.toThrow();
  });
});
