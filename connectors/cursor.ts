import { limits } from '../core/limits.js';
import { parseInstant } from '../core/interval.js';
import type { JsonValue } from '../core/json.js';
import { cursorOfTask, owedOf } from '../core/loading/manifest.js';

/**
 * The greater of two cursor values. Instants are compared as instants, because their texts may carry different UTC
 * offsets; integers of any length as integers; other text by code units. An instant far in the future (see
 * `limits.cursorMaxAheadMs`) never becomes the cursor: one wrong clock must not hide all rows that follow.
 */
export function laterCursor(
  current: JsonValue | undefined,
  candidate: JsonValue | undefined,
): JsonValue | undefined {
  if (candidate === undefined || candidate === null || isFarAhead(candidate)) return current;
  if (current === undefined || current === null) return candidate;
  return compareCursors(candidate, current) > 0 ? candidate : current;
}

/** The last marker of a load task, as far as it tells of cursors. */
export interface CursorMarker {
  readonly loadTaskId: string;
  /** An `ExtractCursor` as JSON text. */
  readonly cursor: string;
}

/**
 * How far the loads of an extract task have committed it: the earliest of their last markers (see `Warehouse.latestCursor`).
 *
 * A load task without a marker is owed the rows since the read that was first meant for it, as the markers of the others say.
 *
 * @param loads load tasks that take its rows now. Once each of them has committed, markers of load tasks that are no more,
 * removed or renamed, hold nothing back; until then they count, so that a renamed load goes on where it was.
 * @returns an `ExtractCursor` whose `owed` names every one of `loads` without a marker; without `value` where a load lacks
 * everything; `undefined` without any marker
 */
export function committedCursor(
  markers: readonly CursorMarker[],
  extractTaskId: string,
  loads: readonly string[] = [],
): JsonValue | undefined {
  const committed = markers.flatMap(({ loadTaskId, cursor }) => {
    const last = JSON.parse(cursor) as JsonValue;
    const value = cursorOfTask(last, extractTaskId);
    return value === undefined ? [] : [{ loadTaskId, value, owed: owedOf(last) }];
  });
  if (committed.length === 0) return undefined;
  const without = loads.filter((id) => !committed.some(({ loadTaskId }) => loadTaskId === id));
  const isComplete = loads.length > 0 && without.length === 0;
  const counted = isComplete ? committed.filter(({ loadTaskId }) => loads.includes(loadTaskId)) : committed;
  const values = counted.map(({ value }) => value);
  const earliest = earliestCursor(values) ?? null;
  const owed = without.map((id) => {
    const starts = committed.flatMap(({ owed: starting }) => starting[id] ?? (id in starting ? [null] : []));
    return [id, starts.length === 0 ? earliest : earliestStart(starts)] as const;
  });
  const start = earliestStart([...values, ...owed.map(([, value]) => value)]);
  return {
    taskId: extractTaskId,
    ...(start === null ? {} : { value: start }),
    ...(owed.length === 0 ? {} : { owed: Object.fromEntries(owed) }),
  };
}

/**
 * What a read that goes on from `committed` says of the loads that it is for: those without a marker lack everything from where
 * it begins, or from where an earlier read began.
 */
export function owedTo(
  loads: readonly string[],
  committed: JsonValue | undefined,
): Readonly<Record<string, JsonValue>> | undefined {
  const known = owedOf(committed);
  const owed = loads.flatMap((id) => {
    const from = committed === undefined ? null : known[id];
    return from === undefined ? [] : [[id, from] as const];
  });
  return owed.length === 0 ? undefined : Object.fromEntries(owed);
}

/** The earliest of several cursors, null for the beginning. */
function earliestStart(starts: readonly JsonValue[]): JsonValue {
  return starts.includes(null) ? null : (earliestCursor(starts) ?? null);
}

/**
 * The earliest of several cursors; `undefined` for none. Objects compare by their `value` (see `ExtractCursor`). Of cursors
 * that have one position for each of several streams, it is the earliest position of each stream that all of them have.
 */
export function earliestCursor(cursors: readonly JsonValue[]): JsonValue | undefined {
  if (cursors.every(isPositions)) return earliestPositions(cursors);
  const valueOf = (cursor: JsonValue): JsonValue =>
    typeof cursor === 'object' && cursor !== null && !Array.isArray(cursor)
      ? (cursor['value'] ?? null)
      : cursor;
  // Where a read got more streams, a single position is older than those by stream.
  const single = cursors.filter((cursor) => !isPositions(cursor));
  return [...single].sort((a, b) => compareCursors(valueOf(a), valueOf(b)))[0];
}

type Positions = Readonly<Record<string, string>>;

function isPositions(cursor: JsonValue): cursor is Positions {
  return (
    typeof cursor === 'object' &&
    cursor !== null &&
    !Array.isArray(cursor) &&
    !('value' in cursor) &&
    Object.values(cursor).every((position) => typeof position === 'string')
  );
}

function earliestPositions(cursors: readonly Positions[]): Positions | undefined {
  const [first, ...others] = cursors;
  if (first === undefined) return undefined;
  const shared = Object.entries(first).filter(([stream]) => others.every((other) => stream in other));
  return Object.fromEntries(
    shared.map(([stream, position]) => [
      stream,
      others.reduce((earliest, other) => {
        const candidate = other[stream] ?? earliest;
        return compareCursors(candidate, earliest) < 0 ? candidate : earliest;
      }, position),
    ]),
  );
}

/** Negative, zero or positive, as `a` lies before, at or after `b`. */
export function compareCursors(a: JsonValue, b: JsonValue): number {
  const [left, right] = [String(a), String(b)];
  const [leftInstant, rightInstant] = [instantOf(left), instantOf(right)];
  if (leftInstant !== undefined && rightInstant !== undefined) return compare(leftInstant, rightInstant);
  if (/^-?\d+$/.test(left) && /^-?\d+$/.test(right)) return compare(BigInt(left), BigInt(right));
  if (typeof a === 'number' && typeof b === 'number') return compare(a, b);
  return compare(left, right);
}

/**
 * An instant less a lag, as ISO 8601 UTC text with the fraction cut, so that the result is never later than asked;
 * `undefined` where the cursor is no instant.
 */
export function cursorLessLag(cursor: JsonValue | undefined, lagMs: number): string | undefined {
  const instant = typeof cursor === 'string' ? parseInstant(cursor) : undefined;
  return instant === undefined ? undefined : new Date(Date.parse(instant) - lagMs).toISOString();
}

/** The earlier of a cursor and an instant; `undefined` where the cursor is no instant. */
export function cursorNotAfter(cursor: string | undefined, instantMs: number): string | undefined {
  const instant = cursor === undefined ? undefined : parseInstant(cursor);
  if (instant === undefined) return undefined;
  return Date.parse(instant) > instantMs ? new Date(instantMs).toISOString() : cursor;
}

/** Microseconds since 1970, so that a fraction finer than a millisecond still orders. */
function instantOf(text: string): bigint | undefined {
  const instant = parseInstant(text);
  if (instant === undefined) return undefined;
  const wholeSecondMs = Math.floor(Date.parse(instant) / 1000) * 1000;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  return BigInt(wholeSecondMs) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
}

function isFarAhead(candidate: JsonValue): boolean {
  if (typeof candidate !== 'string') return false;
  const instant = parseInstant(candidate);
  return instant !== undefined && Date.parse(instant) > Date.now() + limits.cursorMaxAheadMs;
}

function compare<Value extends bigint | number | string>(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
