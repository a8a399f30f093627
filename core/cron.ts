import { Cron } from 'croner';

/** Fire times of a cron expression in a time zone. */
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
 * croner walks the wall clock (as if it were UTC), where nothing is skipped or repeated; the zone then says at which
 * instants, none, one or two, the clock shows that time.
 *
 * @throws Error with croner's reason when the expression cannot be read, RangeError for an unknown zone.
 */
export function cronTimes(expression: string, timezone: string): CronTimes {
  const walls = new Cron(expression, { timezone: 'UTC', domAndDow: true, paused: true });
  const offsetMs = zoneOffset(timezone);

  const instantsOf = (wallMs: number): number[] => {
    const offsets = new Set([offsetMs(wallMs - widestStepMs * 8), offsetMs(wallMs + widestStepMs * 8)]);
    return [...offsets]
      .map((offset) => wallMs - offset)
      .filter((instant) => instant + offsetMs(instant) === wallMs);
  };

  return {
    after(time) {
      const from = time.getTime();
      let best: number | undefined;
      let wall = walls.nextRun(new Date(from + offsetMs(from) - widestStepMs));
      while (wall !== null && (best === undefined || wall.getTime() < best + offsetMs(best) + widestStepMs)) {
        for (const instant of instantsOf(wall.getTime())) {
          if (instant > from && (best === undefined || instant < best)) best = instant;
        }
        if (best !== undefined && isSteady(offsetMs, from, best)) break;
        wall = walls.nextRun(wall);
      }
      return best === undefined ? undefined : new Date(best);
    },
    before(time) {
      const from = time.getTime();
      let best: number | undefined;
      let wall = walls.previousRuns(1, new Date(from + offsetMs(from) + widestStepMs))[0];
      while (
        wall !== undefined &&
        (best === undefined || wall.getTime() > best + offsetMs(best) - widestStepMs)
      ) {
        for (const instant of instantsOf(wall.getTime())) {
          if (instant < from && (best === undefined || instant > best)) best = instant;
        }
        if (best !== undefined && isSteady(offsetMs, best, from)) break;
        wall = walls.previousRuns(1, wall)[0];
      }
      return best === undefined ? undefined : new Date(best);
    },
  };
}

/** No change of the clocks near the span, so that the first hit is the nearest. */
function isSteady(offsetMs: (time: number) => number, from: number, to: number): boolean {
  const offset = offsetMs(from - widestStepMs);
  return (
    [from, to, to + widestStepMs].every((time) => offsetMs(time) === offset) || to - from > 4 * widestStepMs
  );
}

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
  return (time) => {
    const parts = Object.fromEntries(
      format.formatToParts(time).map((part) => [part.type, Number(part.value)]),
    );
    const wall = Date.UTC(
      parts['year'] ?? 0,
      (parts['month'] ?? 1) - 1,
      parts['day'] ?? 1,
      parts['hour'] ?? 0,
      parts['minute'] ?? 0,
      parts['second'] ?? 0,
    );
    return wall - Math.floor(time / 1_000) * 1_000;
  };
}
