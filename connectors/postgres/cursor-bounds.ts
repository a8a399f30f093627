import { parseInstant } from '../../core/interval.js';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { cursorLessLag } from '../cursor.js';
import { sliceMembers } from '../json-slices.js';
import type { Bounds } from '../relational/dialect.js';
import type { ReadRequest } from '../source.js';
import type { CursorKind } from './type-forms.js';

const lineFeed = 0x0a;

/** Bounds of a read, or why there are none. */
export function boundsOf(
  request: Pick<ReadRequest, 'interval' | 'cursor' | 'lagMs'>,
  kind: CursorKind,
  overlap: bigint,
): Bounds | { readonly problem: string } {
  const { interval, cursor, lagMs } = request;
  if (interval !== undefined) {
    if (kind === 'integer') return { problem: 'is an integer: it can be a cursor, but no data interval' };
    return { lower: interval.start, upper: interval.end };
  }
  if (kind === 'integer' && lagMs > 0)
    return { problem: 'is an integer, which has no lag in time; use the option "overlap"' };
  if (kind !== 'integer' && overlap > 0n)
    return { problem: 'holds instants; use the lag of the cursor, not "overlap"' };
  if (cursor === undefined) return {};
  if (kind === 'integer') {
    const text = String(cursor);
    if (!/^-?\d{1,19}$/.test(text)) return { problem: 'is an integer, and the cursor is none' };
    const lower = BigInt(text) - overlap;
    return { lower: String(lower < minBigint ? minBigint : lower) };
  }
  const lower = cursorLessLag(cursor, lagMs);
  return lower === undefined ? { problem: 'holds instants, and the cursor is none' } : { lower };
}

const minBigint = -(2n ** 63n);

/**
 * The cursor of a batch: the value of the last line whose value can be one. Rows come in its order; infinite instants,
 * and those too far in the future, never move a cursor.
 */
export function batchCursor(lines: Uint8Array, name: string, kind: CursorKind): JsonValue | undefined {
  let end = lines.length;
  while (end > 0) {
    const start = end < 2 ? 0 : lines.lastIndexOf(lineFeed, end - 2) + 1;
    const value = sliceMembers(lines.subarray(start, end)).get(name);
    const cursor = value === undefined ? undefined : cursorValue(Buffer.from(value).toString('utf8'), kind);
    if (cursor !== undefined) return cursor;
    end = start;
  }
  return undefined;
}

/** From the JSON text of a column's value; integers as text, so that none passes through a double. */
function cursorValue(json: string, kind: CursorKind): string | undefined {
  if (kind === 'integer') return /^-?\d+$/.test(json) ? json : undefined;
  const instant = json.replaceAll('"', '');
  const normal = parseInstant(instant);
  const latest = Date.now() + limits.cursorMaxAheadMs;
  return normal === undefined || Date.parse(normal) > latest ? undefined : instant;
}
