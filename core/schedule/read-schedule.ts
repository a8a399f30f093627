import { calendarText, CronTextError, dateText, parseCron } from './cron-text.js';
import { dagDefaults, manualSchedule } from '../dag/dag-defaults.js';
import { parseDuration, type DurationInput } from '../duration.js';
import { parseInstant } from '../interval.js';
import type {
  CalendarOptions,
  Exclusion,
  ScheduleLimitsOptions,
  ScheduleOptions,
  TimedScheduleOptions,
} from './schedule-options.js';
import type { CronText, ScheduleLimits, ScheduleSpec, ScheduleTimes } from './schedule-spec.js';

/** Turns an author's schedule into its explicit form; adds what is wrong with it to `problems`. */
export function readSchedule(options: ScheduleOptions, problems: string[]): ScheduleSpec {
  return new ScheduleReader(problems).read(options);
}

class ScheduleReader {
  readonly #problems: string[];

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  read(options: ScheduleOptions): ScheduleSpec {
    if (typeof options === 'string') return this.#readText(options);
    if ('stream' in options)
      return { kind: 'stream', idleMs: this.#duration(options.idle ?? dagDefaults.streamIdleMs, 'idle') };
    if ('once' in options) {
      const at = this.#instant(options.once, 'once');
      return at === undefined ? { kind: 'once' } : { kind: 'once', at };
    }
    if ('continuous' in options) {
      const delayMs = this.#duration(options.delay ?? dagDefaults.continuousDelayMs, 'delay');
      return { kind: 'continuous', delayMs, ...this.#limits(options) };
    }
    if ('every' in options) {
      const everyMs = this.#duration(options.every, 'every');
      const offsetMs = this.#duration(options.offset ?? 0, 'offset');
      return { kind: 'every', everyMs, offsetMs, ...this.#times(options) };
    }
    const crons = 'cron' in options ? listOf(options.cron) : [];
    const period = crons.length === 1 ? /^@every\s+(.+)$/.exec(crons[0] ?? '')?.[1] : undefined;
    if (period !== undefined) {
      if (options.calendar !== undefined)
        this.#problems.push('schedule: "@every" cannot be combined with a calendar');
      const [everyMs, offsetMs] = this.#period(period);
      return { kind: 'every', everyMs, offsetMs, ...this.#times(options) };
    }
    return {
      kind: 'cron',
      calendars: [
        ...crons.map((text) => this.#calendar(`cron "${text}"`, () => parseCron(text))),
        ...listOf<CalendarOptions>(options.calendar ?? []).map((calendar) =>
          this.#calendar(`calendar ${JSON.stringify(calendar)}`, () => calendarText(calendar, 'midnight')),
        ),
      ],
      ...this.#times(options),
    };
  }

  #readText(text: string): ScheduleSpec {
    if (text === 'manual') return manualSchedule;
    if (text === 'stream') return { kind: 'stream', idleMs: dagDefaults.streamIdleMs };
    if (text === '@once') return { kind: 'once' };
    if (text === 'continuous' || text === '@continuous')
      return { kind: 'continuous', delayMs: dagDefaults.continuousDelayMs };
    return this.read({ cron: text });
  }

  #times(options: TimedScheduleOptions): ScheduleTimes {
    const catchup = options.catchup ?? false;
    const windowMs = catchup ? dagDefaults.catchupWindowMs : dagDefaults.noCatchupWindowMs;
    return {
      timezone: options.timezone ?? dagDefaults.timezone,
      except: listOf<Exclusion>(options.except ?? []).map((item) => this.#exclusion(item)),
      overlap: options.overlap ?? (catchup ? 'buffer-all' : 'skip'),
      catchup,
      catchupWindowMs: Math.max(
        options.catchupWindow === undefined
          ? windowMs
          : this.#duration(options.catchupWindow, 'catchupWindow'),
        dagDefaults.noCatchupWindowMs,
      ),
      ...(options.catchupMaxRuns === undefined ? {} : { catchupMaxRuns: options.catchupMaxRuns }),
      jitterMs: this.#duration(options.jitter ?? 0, 'jitter'),
      ...this.#limits(options),
    };
  }

  #limits(options: ScheduleLimitsOptions): ScheduleLimits {
    const startAt = options.startAt === undefined ? undefined : this.#instant(options.startAt, 'startAt');
    const endAt = options.endAt === undefined ? undefined : this.#instant(options.endAt, 'endAt');
    const { maxConsecutiveFailedRuns } = options;
    return {
      ...(startAt === undefined ? {} : { startAt }),
      ...(endAt === undefined ? {} : { endAt }),
      ...(maxConsecutiveFailedRuns === undefined ? {} : { maxConsecutiveFailedRuns }),
    };
  }

  #exclusion(item: Exclusion): CronText {
    if (typeof item !== 'string')
      return this.#calendar(`except ${JSON.stringify(item)}`, () => calendarText(item, 'day'), noTime);
    return this.#calendar(
      `except "${item}"`,
      () => (/^\d{4}-\d{2}-\d{2}$/.test(item) ? dateText(item) : parseCron(item)),
      noTime,
    );
  }

  /** A readable calendar, or a stand-in where the problem has been noted. */
  #calendar(what: string, parse: () => CronText, standIn = '0 0 0 * * * *'): CronText {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof CronTextError)) throw error;
      this.#problems.push(`schedule: ${what} cannot be read: ${error.message}`);
      return standIn;
    }
  }

  /** `30m`, or `14h/3h` with an offset, as a Temporal server reads it. */
  #period(text: string): [number, number] {
    const [every = '', offset = '0s'] = text.trim().split('/');
    return [this.#duration(every, '@every'), this.#duration(offset, '@every')];
  }

  #instant(text: string, name: string): string | undefined {
    const value = parseInstant(text);
    if (value === undefined)
      this.#problems.push(`schedule.${name}: "${text}" is not a date or an instant with a zone`);
    return value;
  }

  #duration(input: DurationInput, name: string): number {
    const milliseconds = parseDuration(input);
    if (milliseconds === undefined) {
      this.#problems.push(
        `schedule.${name}: ${JSON.stringify(input)} is not a duration; use 500ms, 30s, 2m, 1h or 7d`,
      );
    }
    return milliseconds ?? 0;
  }
}

/** Stands in for an exclusion that cannot be read, so that only the true problem is told. */
const noTime = '0 0 0 1 1 * 2000';

function listOf<Item>(value: Item | readonly Item[]): readonly Item[] {
  return Array.isArray(value) ? (value as readonly Item[]) : [value as Item];
}
