import { describe, expect, test } from '@jest/globals';
import { compareCursors, cursorLessLag, earliestCursor, laterCursor } from '../../connectors/cursor.js';

describe('cursors', () => {
  test.each([
    ['2026-01-05T09:00:00+05:30', '2026-01-05T08:00:00Z', '2026-01-05T08:00:00Z'],
    ['2026-01-05T01:00:00-05:00', '2026-01-05T05:59:59Z', '2026-01-05T01:00:00-05:00'],
    ['2026-01-05T08:00:00.000001Z', '2026-01-05T08:00:00.000002Z', '2026-01-05T08:00:00.000002Z'],
    ['2026-01-05T08:00:00.1Z', '2026-01-05T08:00:00.09Z', '2026-01-05T08:00:00.1Z'],
    ['9007199254740993', '9007199254740992', '9007199254740993'],
    ['99', '100', '100'],
    [2, 10, 10],
    ['b', 'a', 'b'],
  ])('of %s and %s the later one is %s', (a, b, later) => {
    expect(laterCursor(a, b)).toBe(later);
    expect(laterCursor(b, a)).toBe(later);
    expect(Math.sign(compareCursors(a, b))).toBe(-Math.sign(compareCursors(b, a)));
  });

  test('an equal value leaves the cursor as it is', () => {
    expect(laterCursor('2026-01-05T08:00:00Z', '2026-01-05T09:00:00+01:00')).toBe('2026-01-05T08:00:00Z');
  });

  test('a wrong clock far ahead does not move it', () => {
    expect(laterCursor('2026-01-05T08:00:00Z', '2999-01-01T00:00:00Z')).toBe('2026-01-05T08:00:00Z');
    expect(laterCursor(undefined, '2999-01-01T00:00:00Z')).toBeUndefined();
    expect(laterCursor('a', undefined)).toBe('a');
  });

  test('of several the earliest, bare or with their task', () => {
    const late = { taskId: 'a', value: '2026-01-05T08:00:00Z' };
    const early = { taskId: 'a', value: '2026-01-05T09:00:00+05:30' };
    expect(earliestCursor([late, early])).toBe(early);
    expect(earliestCursor(['10', '9'])).toBe('9');
    expect(earliestCursor([])).toBeUndefined();
  });

  test('of cursors with a position for each stream, the earliest of each that all have', () => {
    const ahead = { segment: '0000000000000009', 'webhooks/a': '0000000000000001', 'webhooks/b': '2' };
    const behind = { segment: '0000000000000010', 'webhooks/a': '0000000000000000' };
    const earliest = { segment: '0000000000000009', 'webhooks/a': '0000000000000000' };
    expect(earliestCursor([ahead, behind])).toEqual(earliest);
    expect(earliestCursor([behind, ahead])).toEqual(earliest);
    expect(earliestCursor([behind])).toEqual(behind);
    expect(earliestCursor([ahead, '0000000000000003', behind])).toBe('0000000000000003');
  });

  test('less the lag, in UTC and never later than asked', () => {
    expect(cursorLessLag('2026-01-05T09:00:00.000999+01:00', 120_000)).toBe('2026-01-05T07:58:00.000Z');
    expect(cursorLessLag(undefined, 1)).toBeUndefined();
    expect(cursorLessLag('17', 1)).toBeUndefined();
  });
});
