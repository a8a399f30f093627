import type { CronText } from './schedule-spec.js';
import { WallClock } from './wall-clock.js';

/** Fire times of a set of calendars in a time zone. */
export interface CronTimes {
  /** First fire time strictly after `time`. */
  after(time: Date): Date | undefined;
  /** Last fire time strictly before `time`. */
  before(time: Date): Date | undefined;
}

/** Longer than any step of a zone's clocks; walls and instants keep their order over more than this. */
const widestStepMs = 3 * 3_600_000;

/**
 * Fire times as a Temporal Schedule has them: day of month and day of week are combined with AND, a wall time that the
 * clocks skip does not fire, and one that they repeat fires twice.
 *
 * `WallClock` walks the wall clock; the zone then says at which instants, none, one or two, the clock shows that time.
 *
 * @throws RangeError for an unknown zone.
 */
export function cronTimes(calendars: readonly CronText[], timezone: string): CronTimes {
  const offsetMs = zoneOffset(timezone);
  const clocks = calendars.map((calendar) => new WallClock(calendar));
  const nearest = (time: Date, step: 1 | -1): Date | undefined => {
    let best: number | undefined;
    for (const clock of clocks) {
      const found = nextInstant(clock, offsetMs, time.getTime(), step);
      if (found !== undefined && (best === undefined || (found - best) * step < 0)) best = found;
    }
    return best === undefined ? undefined : new Date(best);
  };
  return { after: (time) => nearest(time, 1), before: (time) => nearest(time, -1) };
}

/**
 * Whether an instant matches one of the calendars in a time zone, to the second.
 *
 * @throws RangeError for an unknown zone.
 */
export function cronMatcher(calendars: readonly CronText[], timezone: string): (time: Date) => boolean {
  const offsetMs = zoneOffset(timezone);
  const clocks = calendars.map((calendar) => new WallClock(calendar));
  return (time) => clocks.some((clock) => clock.matches(time.getTime() + offsetMs(time.getTime())));
}

/** The nearest instant strictly beyond `from`, in the direction of `step`, at which the clock shows one of its times. */
function nextInstant(
  clock: WallClock,
  offsetMs: (time: number) => number,
  from: number,
  step: 1 | -1,
): number | undefined {
  let best: number | undefined;
  let wall = clock.next(from + offsetMs(from) - step * widestStepMs, step);
  while (wall !== undefined) {
    if (best !== undefined && (wall - (best + offsetMs(best))) * step >= widestStepMs) break;
    for (const instant of instantsOf(wall, offsetMs)) {
      if ((instant - from) * step > 0 && (best === undefined || (instant - best) * step < 0)) best = instant;
    }
    if (best !== undefined && isSteady(offsetMs, from, best)) break;
    wall = clock.next(wall, step);
  }
  return best;
}

/** The instants at which a zone's clock shows a wall time: none where it is skipped, two where it is repeated. */
function instantsOf(wall: number, offsetMs: (time: number) => number): number[] {
  const offsets = new Set([offsetMs(wall - widestStepMs * 8), offsetMs(wall + widestStepMs * 8)]);
  return [...offsets]
    .map((offset) => wall - offset)
    .filter((instant) => instant + offsetMs(instant) === wall);
}

/** No change of the clocks near the span, so that the first hit is the nearest. */
function isSteady(offsetMs: (time: number) => number, from: number, to: number): boolean {
  const low = Math.min(from, to);
  const high = Math.max(from, to);
  const offset = offsetMs(low - widestStepMs);
  return (
    [low, high, high + widestStepMs].every((time) => offsetMs(time) === offset) ||
    high - low > 4 * widestStepMs
  );
}

/** Zones change their clocks at whole quarters of an hour. */
const quarterMs = 15 * 60_000;
const rememberedOffsets = 10_000;

/** Offset of a zone from UTC at an instant, in milliseconds. */
function zoneOffset(timezone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const remembered = new Map<number, number>();
  return (time) => {
    const quarter = Math.floor(time / quarterMs) * quarterMs;
    const known = remembered.get(quarter);
    if (known !== undefined) return known;
    const parts = Object.fromEntries(
      format.formatToParts(quarter).map((part) => [part.type, Number(part.value)]),
    );
    const wall = Date.UTC(
      parts['year'] ?? 0,
      (parts['month'] ?? 1) - 1,
      parts['day'] ?? 1,
      parts['hour'] ?? 0,
      parts['minute'] ?? 0,
      parts['second'] ?? 0,
    );
    if (remembered.size >= rememberedOffsets) remembered.clear();
    remembered.set(quarter, wall - quarter);
    return wall - quarter;
  };
}

/** Instants within `(from, to]` at which the clocks of a zone change. @throws RangeError for an unknown zone. */
export function clockChanges(timezone: string, from: Date, to: Date): Date[] {
  const offsetMs = zoneOffset(timezone);
  const changes: Date[] = [];
  const strideMs = 96 * quarterMs;
  for (let low = from.getTime(); low < to.getTime(); low += strideMs) {
    let [before, after] = [low, Math.min(low + strideMs, to.getTime())];
    if (offsetMs(before) === offsetMs(after)) continue;
    const offset = offsetMs(before);
    while (after - before > 1_000) {
      const middle = before + Math.floor((after - before) / 2_000) * 1_000;
      if (offsetMs(middle) === offset) before = middle;
      else after = middle;
    }
    changes.push(new Date(after));
  }
  return changes;
}

/** The clock of a zone at an instant, written as the milliseconds that it would be in UTC. */
export function wallTime(timezone: string, time: Date): Date {
  return new Date(time.getTime() + zoneOffset(timezone)(time.getTime()));
}
