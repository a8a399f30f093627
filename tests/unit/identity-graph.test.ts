import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addObservations,
  resolveGraph,
  type IdentifierRow,
  type IdentityState,
  type LinkRow,
} from '../../core/identity/resolve.js';

/** Three users (one a person), four e-mails (two a person), five devices (three a person). */
const limits = [1, 2, 3];
const ids = ['u1', 'u2', 'u3', 'e1', 'e2', 'e3', 'e4', 'd1', 'd2', 'd3', 'd4', 'd5'];
const typeOf = (id: string) => 'ued'.indexOf(id[0] ?? '');
const empty: IdentityState = { identifiers: [], links: [], merges: [] };

/** One row of a table that holds two identifiers. */
type Seen = readonly [left: string, right: string, at: number];

const at = (time: number) => `2026-01-01 00:00:${String(time).padStart(2, '0')}`;
const identifier = (id: string, time: number): IdentifierRow => ({
  id,
  type: typeOf(id),
  value: id,
  firstSeen: at(time),
  lastSeen: at(time),
  source: 't',
});
const link = ([left, right, time]: Seen): LinkRow => ({
  left,
  right,
  firstSeen: at(time),
  lastSeen: at(time),
  source: 't',
});
const observed = (rows: readonly Seen[]) => ({
  identifiers: rows.flatMap(([left, right, time]) => [identifier(left, time), identifier(right, time)]),
  links: rows.map(link),
});

let revision = 0;
function resolve(state: IdentityState, rows: readonly Seen[], splits: readonly string[] = []) {
  revision += 1;
  const rules = { limits, splits: new Set(splits), revision, hash: (text: string) => text };
  return resolveGraph(addObservations(state, observed(rows)), rules);
}

/** Persons as sorted lists of ids. */
function persons(state: IdentityState): string[] {
  const byKey = new Map<string, string[]>();
  for (const { id, key = '' } of state.identifiers) byKey.set(key, [...(byKey.get(key) ?? []), id]);
  return [...byKey.values()].map((list) => list.sort().join(' ')).sort();
}
const keyOf = (state: IdentityState, id: string) => state.identifiers.find((row) => row.id === id)?.key;

/** The obvious way: sets that are united one link at a time, the latest link first. */
function model(rows: readonly Seen[]): string[] {
  const latest = new Map<string, Seen>();
  for (const [a, b, time] of rows) {
    const [left, right] = a < b ? [a, b] : [b, a];
    const before = latest.get(`${left} ${right}`);
    if (left !== right && (before === undefined || before[2] < time))
      latest.set(`${left} ${right}`, [left, right, time]);
  }
  const rank = ([left, right, time]: Seen) => {
    const types = [typeOf(left), typeOf(right)].sort((a, b) => a - b);
    return `${String(99 - time).padStart(2, '0')} ${types.join(' ')} ${left} ${right}`;
  };
  let sets = [...new Set(rows.flatMap(([a, b]) => [a, b]))].map((id) => new Set([id]));
  for (const [left, right] of [...latest.values()].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))) {
    const [one, other] = [left, right].map((id) => sets.find((set) => set.has(id)));
    const both = new Set([...(one ?? []), ...(other ?? [])]);
    if (limits.some((limit, type) => [...both].filter((id) => typeOf(id) === type).length > limit)) continue;
    sets = [...sets.filter((set) => set !== one && set !== other), both];
  }
  return sets.map((set) => [...set].sort().join(' ')).sort();
}

const seen = fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...ids), fc.integer({ min: 0, max: 30 }));
const history = fc.array(seen, { maxLength: 40 });

describe('persons', () => {
  test('are those of the obvious way', () => {
    fc.assert(
      fc.property(history, (rows) => {
        expect(persons(resolve(empty, rows))).toEqual(model(rows));
      }),
    );
  });

  test('are the same in any order, in any batches, with repeats', () => {
    const shuffled = history.chain((rows) =>
      fc.tuple(
        fc.constant(rows),
        fc.shuffledSubarray([...rows, ...rows], { minLength: rows.length * 2 }),
        fc.array(fc.integer({ min: 0, max: rows.length * 2 }), { maxLength: 6 }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([rows, again, cuts]) => {
        const marks = [0, ...cuts.sort((a, b) => a - b), again.length];
        let state: IdentityState = empty;
        for (const [index, mark] of marks.slice(1).entries())
          state = resolve(state, again.slice(marks[index], mark));
        expect(persons(state)).toEqual(model(rows));
      }),
    );
  });
});

describe('keys', () => {
  test('stay when nothing is new', () => {
    fc.assert(
      fc.property(history, history, (rows, more) => {
        const first = resolve(resolve(empty, rows), more);
        const second = resolve(first, [...more, ...rows].reverse());
        expect(second).toEqual(first);
      }),
    );
  });

  test('stay with their persons, and every key that was ever given out resolves to a living one', () => {
    fc.assert(
      fc.property(fc.array(history, { minLength: 2, maxLength: 5 }), (batches) => {
        let state: IdentityState = empty;
        const everGiven = new Set<string>();
        for (const batch of batches) {
          const before = state;
          state = resolve(state, batch);
          const alive = new Set(state.identifiers.map(({ key }) => key));
          for (const { key = '' } of state.identifiers) everGiven.add(key);
          for (const key of everGiven) {
            const alias = state.merges.find(
              ({ mergedKey, status }) => mergedKey === key && status === 'merged',
            );
            expect(alive).toContain(alive.has(key) ? key : alias?.resolvesTo);
          }
          for (const person of persons(before)) {
            const members = person.split(' ');
            const same = persons(state).includes(person);
            if (same) expect(keyOf(state, members[0]!)).toBe(keyOf(before, members[0]!));
          }
        }
      }),
    );
  });

  test('the older key survives a merge, the other one is an alias that says which link it was', () => {
    const before = resolve(resolve(empty, [['u1', 'd1', 9]]), [['e1', 'd2', 1]]);
    const after = resolve(before, [['d1', 'e1', 12]]);
    expect(persons(after)).toEqual(['d1 d2 e1 u1']);
    expect(keyOf(after, 'e1')).toBe(keyOf(before, 'u1'));
    expect(after.merges).toMatchObject([
      {
        keptKey: keyOf(before, 'u1'),
        mergedKey: keyOf(before, 'e1'),
        ...{ links: [['d1', 'e1']], status: 'merged', resolvesTo: keyOf(before, 'u1') },
      },
    ]);
  });

  test('a device that another user takes over moves, and both users keep their keys', () => {
    const before = resolve(empty, [
      ['u1', 'd1', 1],
      ['u2', 'd2', 1],
    ]);
    const after = resolve(before, [['u2', 'd1', 5]]);
    expect(persons(after)).toEqual(['d1 d2 u2', 'u1']);
    for (const id of ['u1', 'u2']) expect(keyOf(after, id)).toBe(keyOf(before, id));
    expect(after.merges).toEqual([]);
    expect(after.links.find(({ right }) => right === 'u1')?.status).toBe('refused-limit');
    expect(persons(resolve(after, [['u1', 'd1', 3]]))).toEqual(persons(after));
  });
});

describe('a split', () => {
  const before = resolve(resolve(empty, [['e1', 'd1', 2]]), [['e2', 'd2', 1]]);
  const merged = resolve(before, [['d1', 'd2', 3]]);
  const [merge] = merged.merges;
  const parted = resolve(merged, [], [merge!.mergeId]);

  test('brings the former key back, to the person that had it', () => {
    expect(persons(merged)).toEqual(['d1 d2 e1 e2']);
    expect(persons(parted)).toEqual(['d1 e1', 'd2 e2']);
    for (const id of ['e1', 'd1', 'e2', 'd2']) expect(keyOf(parted, id)).toBe(keyOf(before, id));
    expect(parted.merges).toMatchObject([{ status: 'split', resolvesTo: keyOf(before, 'e2') }]);
    expect(parted.links.find(({ right }) => right === 'd2')?.status).toBe('refused-split');
  });

  test('holds against the same link seen again, and against every other way between the two', () => {
    const again = resolve(parted, [['d1', 'd2', 9]], [merge!.mergeId]);
    expect(persons(again)).toEqual(persons(parted));
    fc.assert(
      fc.property(history, (rows) => {
        const later = resolve(parted, rows, [merge!.mergeId]);
        const [kept, taken] = [keyOf(later, merge!.keptAnchor), keyOf(later, merge!.mergedAnchor)];
        expect(kept).not.toBe(taken);
      }),
    );
  });
});
