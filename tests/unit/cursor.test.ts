import { describe, expect, test } from '@jest/globals';
import {
  committedCursor,
  compareCursors,
  cursorLessLag,
  earliestCursor,
  laterCursor,
  owedTo,
} from '../../connectors/cursor.js';
import type { JsonValue } from '../../core/json.js';
import { cursorOfTask } from '../../core/loading/manifest.js';

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

describe('a read for several loads', () => {
  /** Runs over a source that gets a row each run; what each load has, and the markers of the last ones. */
  class Runs {
    readonly #markers = new Map<string, string>();
    readonly has = new Map<string, Set<number>>();
    #rows = 0;

    /** One run, of which these loads end well. */
    run(loads: readonly string[], good: readonly string[]): void {
      this.#rows += 1;
      const committed = this.committed(loads);
      const from = cursorOfTask(committed, 'pull') ?? 0;
      const rows = Array.from({ length: this.#rows }, (_none, at) => at + 1).filter(
        (row) => row > Number(from),
      );
      const owed = owedTo(loads, committed);
      const cursor = { taskId: 'pull', value: this.#rows, ...(owed === undefined ? {} : { owed }) };
      for (const id of good) {
        this.#markers.set(id, JSON.stringify(cursor));
        this.has.set(id, new Set([...(this.has.get(id) ?? []), ...rows]));
      }
    }

    committed(loads: readonly string[]): JsonValue | undefined {
      const markers = [...this.#markers].map(([loadTaskId, cursor]) => ({ loadTaskId, cursor }));
      return committedCursor(markers, 'pull', loads);
    }
  }

  test('a load that fails in the first run gets its rows in the next one', () => {
    const runs = new Runs();
    runs.run(['a', 'b'], ['a']);
    expect(runs.committed(['a', 'b'])).toEqual({ taskId: 'pull', owed: { b: null } });
    runs.run(['a', 'b'], ['a']);
    runs.run(['a', 'b'], ['a', 'b']);
    expect([...(runs.has.get('b') ?? [])].sort()).toEqual([1, 2, 3]);
    expect(runs.committed(['a', 'b'])).toEqual({ taskId: 'pull', value: 3 });
  });

  test('a load that is added later begins where the others are, and loses nothing of what follows', () => {
    const runs = new Runs();
    runs.run(['a'], ['a']);
    runs.run(['a', 'late'], ['a']);
    runs.run(['a', 'late'], ['a']);
    expect(runs.committed(['a', 'late'])).toEqual({ taskId: 'pull', value: 1, owed: { late: 1 } });
    runs.run(['a', 'late'], ['late']);
    expect([...(runs.has.get('late') ?? [])].sort()).toEqual([2, 3, 4]);
  });

  test('whatever fails, each load has every row in the end', () => {
    const loads = ['a', 'b', 'c'];
    for (let seed = 1; seed <= 500; seed += 1) {
      let state = seed;
      const random = (): number => {
        state = (state * 48_271) % 2_147_483_647;
        return state / 2_147_483_647;
      };
      const runs = new Runs();
      const count = 2 + Math.floor(random() * 8);
      for (let at = 1; at < count; at += 1)
        runs.run(
          loads,
          loads.filter(() => random() < 0.5),
        );
      runs.run(loads, loads);
      for (const id of loads) expect(runs.has.get(id)?.size).toBe(count);
    }
  });
});
