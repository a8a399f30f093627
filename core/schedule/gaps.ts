import type { DataInterval } from '../interval.js';
import { limits } from '../limits.js';

/** Why intervals have no run. */
export type GapReason =
  /** The DAG was paused. */
  | 'paused'
  /** The server did not start the run in time. */
  | 'missed'
  /** Another run was going, and the overlap policy left this one out. */
  | 'skipped'
  /** Missed, and older than the newest `catchupMaxRuns`, or than the catch-up window. */
  | 'dropped';

/** Adjoining intervals of a schedule that have no run. */
export interface Gap {
  /** Start of the first interval in short form, such as `20260131T000000Z`; unique within a DAG. */
  readonly id: string;
  /** Bounds of the logical date, `[from, to)`, ISO 8601 UTC: what a backfill takes. */
  readonly from: string;
  readonly to: string;
  /** Intervals without a run. */
  readonly count: number;
  readonly reason: GapReason;
  /** Reason of the pause. */
  readonly note?: string;
  /** The backfill that was started for it. */
  readonly backfillId?: string;
}

/** A time without runs by somebody's wish. */
export interface Pause {
  readonly from: string;
  /** Absent while it goes on. */
  readonly to?: string;
  readonly reason: string;
}

export function gapId(start: string): string {
  return start.replace(/[-:]|\.\d+/g, '');
}

/** The start that an id stands for; undefined where it is none. */
export function gapStart(id: string): string | undefined {
  const [, date, time] = /^(\d{8})T(\d{6})Z$/.exec(id) ?? [];
  if (date === undefined || time === undefined) return undefined;
  return `${date.replace(/^(....)(..)(..)$/, '$1-$2-$3')}T${time.replace(/^(..)(..)(..)$/, '$1:$2:$3')}.000Z`;
}

/**
 * Adds intervals without a run, in order of time; one that adjoins the newest gap and has the same reason makes it longer.
 * Beyond `limits.gapsPerDag` the two oldest become one, which still covers every interval.
 */
export function addToGaps(
  gaps: readonly Gap[],
  intervals: readonly DataInterval[],
  reason: GapReason,
  details: { readonly note?: string; readonly backfillId?: string } = {},
): Gap[] {
  const result = [...gaps];
  for (const { start, end } of intervals) {
    const last = result.at(-1);
    const isNext =
      last?.to === start &&
      last.reason === reason &&
      last.note === details.note &&
      last.backfillId === details.backfillId;
    if (isNext) result[result.length - 1] = { ...last, to: end, count: last.count + 1 };
    else if (!result.some((gap) => gap.from <= start && end <= gap.to))
      result.push({ id: gapId(start), from: start, to: end, count: 1, reason, ...details });
  }
  result.sort((a, b) => (a.from < b.from ? -1 : 1));
  while (result.length > limits.gapsPerDag) {
    const [first, second, ...rest] = result;
    if (first === undefined || second === undefined) break;
    const { backfillId: _first, ...merged } = first;
    result.splice(0, result.length, { ...merged, to: second.to, count: first.count + second.count }, ...rest);
  }
  return result;
}

/** The pause in which a fire time lies. */
export function pauseAt(pauses: readonly Pause[], time: string): Pause | undefined {
  return pauses.find(({ from, to }) => from <= time && (to === undefined || time < to));
}

/** A schedule's note: why, and since when it is paused or goes on. */
export interface ScheduleNote {
  readonly reason: string;
  readonly verb?: 'paused' | 'resumed';
  readonly at?: string;
}

export function writeNote(reason: string, verb: 'paused' | 'resumed', at: string): string {
  return `${reason} (${verb} ${at})`;
}

/** Reads a note back; one that somebody wrote elsewhere has no time. */
export function readNote(note: string): ScheduleNote {
  const match = /^(.*) \((paused|resumed) (\d{4}-\d{2}-\d{2}T[\d:.]+Z)\)$/s.exec(note);
  const [, reason = '', verb, at] = match ?? [];
  return at === undefined ? { reason: note } : { reason, verb: verb === 'paused' ? 'paused' : 'resumed', at };
}
