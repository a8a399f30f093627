import { parseInstant } from '../../core/interval.js';
import { limits } from '../../core/limits.js';
import { cursorLessLag } from '../cursor.js';
import type { Bounds } from '../relational/dialect.js';
import type { ReadRequest } from '../source.js';
import { instantText } from './json-lines.js';
import type { ByteRow } from './row-reader.js';
import type { CursorKind } from './type-forms.js';

/** Bounds of a read, or why there are none. */
export function boundsOf(
  request: Pick<ReadRequest, 'interval' | 'cursor' | 'lagMs'>,
  kind: CursorKind,
  overlap: bigint,
): Bounds | { readonly problem: string } {
  const { interval, cursor, lagMs } = request;
  if (interval !== undefined) {
    if (kind === 'integer') return { problem: 'is an integer: it can be a cursor, but no data interval' };
    return { lower: serverText(interval.start), upper: serverText(interval.end) };
  }
  if (kind === 'integer' && lagMs > 0)
    return { problem: 'is an integer, which has no lag in time; use the option "overlap"' };
  if (kind !== 'integer' && overlap > 0n)
    return { problem: 'holds instants; use the lag of the cursor, not "overlap"' };
  if (cursor === undefined) return {};
  if (kind === 'integer') {
    const text = String(cursor);
    if (!/^-?\d{1,20}$/.test(text)) return { problem: 'is an integer, and the cursor is none' };
    return { lower: String(BigInt(text) - overlap) };
  }
  const lower = cursorLessLag(cursor, lagMs);
  return lower === undefined
    ? { problem: 'holds instants, and the cursor is none' }
    : { lower: serverText(lower) };
}

/** `2026-01-01T00:00:00.500Z` as `2026-01-01 00:00:00.500`; the session's zone is UTC. */
export function serverText(instant: string): string {
  return instant.replace('T', ' ').replace('Z', '');
}

/**
 * The cursor after rows in its order: the value of the last one whose value can be one. Zero dates, and instants too far
 * in the future, never move a cursor.
 */
export function lastCursor(
  values: readonly (ByteRow[number] | undefined)[],
  kind: CursorKind,
): string | undefined {
  for (const value of [...values].reverse()) {
    const cursor =
      value === null || value === undefined ? undefined : cursorValue(value.toString('latin1'), kind);
    if (cursor !== undefined) return cursor;
  }
  return undefined;
}

/** Integers as text, so that none passes through a double. */
function cursorValue(text: string, kind: CursorKind): string | undefined {
  if (kind === 'integer') return text;
  const instant = kind === 'date' ? text : instantText(text);
  const normal = parseInstant(instant);
  const latest = Date.now() + limits.cursorMaxAheadMs;
  return normal === undefined || Date.parse(normal) > latest ? undefined : instant;
}
