import { calendarRanges } from './cron-text.js';
import type { CronText } from './schedule-spec.js';

const dayMs = 86_400_000;
const firstYear = 1900;
const lastYear = 2100;

/**
 * The times of one calendar on a clock on the wall, where nothing is skipped or repeated; a wall time is written as the
 * milliseconds that it would be in UTC. As for a Temporal server, nothing comes after the year 2100; backwards the search
 * ends in 1900.
 */
export class WallClock {
  readonly #years: ReadonlySet<number> | undefined;
  readonly #months: ReadonlySet<number>;
  readonly #daysOfMonth: ReadonlySet<number>;
  readonly #daysOfWeek: ReadonlySet<number>;
  /** Times of day in ascending order, each unit for itself. */
  readonly #hours: readonly number[];
  readonly #minutes: readonly number[];
  readonly #seconds: readonly number[];

  constructor(calendar: CronText) {
    const ranges = calendarRanges(calendar);
    const valuesOf = (name: keyof typeof ranges): number[] => {
      const values = new Set<number>();
      for (const { start, end, step } of ranges[name]) {
        for (let value = start; value <= end; value += step) values.add(value);
      }
      return [...values].sort((a, b) => a - b);
    };
    this.#years = calendar.endsWith(' *') ? undefined : new Set(valuesOf('year'));
    this.#months = new Set(valuesOf('month'));
    this.#daysOfMonth = new Set(valuesOf('dayOfMonth'));
    this.#daysOfWeek = new Set(valuesOf('dayOfWeek'));
    this.#hours = valuesOf('hour');
    this.#minutes = valuesOf('minute');
    this.#seconds = valuesOf('second');
  }

  matches(wallMs: number): boolean {
    const time = new Date(wallMs);
    return (
      this.#hasDay(time) &&
      this.#hours.includes(time.getUTCHours()) &&
      this.#minutes.includes(time.getUTCMinutes()) &&
      this.#seconds.includes(time.getUTCSeconds())
    );
  }

  /** First time strictly after, or strictly before with step -1. */
  next(wallMs: number, step: 1 | -1): number | undefined {
    const from =
      step === 1 ? Math.floor(wallMs / 1_000) * 1_000 + 1_000 : Math.ceil(wallMs / 1_000) * 1_000 - 1_000;
    const firstDay = Math.floor(from / dayMs) * dayMs;
    for (let day: number | undefined = firstDay; day !== undefined; day = this.#nextDay(day, step)) {
      const time = new Date(day);
      if (!this.#hasDay(time)) continue;
      const within = this.#timeOfDay(day === firstDay ? (from - day) / 1_000 : undefined, step);
      if (within !== undefined) return day + within * 1_000;
    }
    return undefined;
  }

  #hasDay(time: Date): boolean {
    return (
      this.#hasYear(time.getUTCFullYear()) &&
      this.#months.has(time.getUTCMonth() + 1) &&
      this.#daysOfMonth.has(time.getUTCDate()) &&
      this.#daysOfWeek.has(time.getUTCDay())
    );
  }

  #hasYear(year: number): boolean {
    return this.#years?.has(year) ?? true;
  }

  /** The day to look at next; whole months and years without a match are passed over. */
  #nextDay(day: number, step: 1 | -1): number | undefined {
    const time = new Date(day);
    const year = time.getUTCFullYear();
    const month = time.getUTCMonth();
    if (step === 1 ? year > lastYear : year < firstYear) return undefined;
    if (!this.#hasYear(year)) return step === 1 ? Date.UTC(year + 1, 0, 1) : Date.UTC(year - 1, 11, 31);
    if (!this.#months.has(month + 1))
      return step === 1 ? Date.UTC(year, month + 1, 1) : Date.UTC(year, month, 0);
    return day + step * dayMs;
  }

  /** The first second of the day from `from` on (or the last up to it) at which hour, minute and second match. */
  #timeOfDay(from: number | undefined, step: 1 | -1): number | undefined {
    const pick = (values: readonly number[]): number => (step === 1 ? values[0] : values.at(-1)) ?? 0;
    const edge = (hour: number, minute = pick(this.#minutes), second = pick(this.#seconds)) =>
      hour * 3_600 + minute * 60 + second;
    if (from === undefined) return edge(pick(this.#hours));
    const hour = Math.floor(from / 3_600);
    const minute = Math.floor(from / 60) % 60;
    const beyond = (values: readonly number[], value: number, orSame = false): number | undefined =>
      step === 1
        ? values.find((item) => item > value || (orSame && item === value))
        : values.findLast((item) => item < value || (orSame && item === value));
    if (this.#hours.includes(hour)) {
      if (this.#minutes.includes(minute)) {
        const second = beyond(this.#seconds, from % 60, true);
        if (second !== undefined) return edge(hour, minute, second);
      }
      const later = beyond(this.#minutes, minute);
      if (later !== undefined) return edge(hour, later);
    }
    const laterHour = beyond(this.#hours, hour);
    return laterHour === undefined ? undefined : edge(laterHour);
  }
}
