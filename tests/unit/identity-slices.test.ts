import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Pairs, Texts } from '../../activities/identity/columns.js';
import { GraphStore } from '../../activities/identity/graph-store.js';
import {
  addObservations,
  resolveGraph,
  type IdentifierRow,
  type IdentityState,
  type LinkRow,
} from '../../core/identity/resolve.js';

const limits = [1, 2, 3];
const ids = ['u1', 'u2', 'u3', 'u4', 'e1', 'e2', 'e3', 'e4', 'e5', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6'];
const typeOf = (id: string) => 'ued'.indexOf(id[0] ?? '');
type Row = readonly [left: string, right: string, at: number];
const seenAt = (time: number) => {
  const at = `2026-01-01 00:00:${String(time).padStart(2, '0')}`;
  return { firstSeen: at, lastSeen: at, source: 't' };
};
const identifier = (id: string) => ({ id, type: typeOf(id), value: id });

/** Rows seen, values that leave the graph for good, and which merge an operator takes back. */
const step = fc.record({
  rows: fc.array(
    fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...ids), fc.integer({ min: 0, max: 59 })),
    {
      maxLength: 12,
    },
  ),
  gone: fc.option(fc.constantFrom(...ids), { freq: 6, nil: undefined }),
  split: fc.option(fc.nat(20), { freq: 4, nil: undefined }),
});

/** The obvious way: the whole graph at once. */
function whole(state: IdentityState, rows: readonly Row[], rules: Parameters<typeof resolveGraph>[1]) {
  const identifiers = rows.flatMap(([left, right, at]) =>
    [left, right].map((id): IdentifierRow => ({ ...identifier(id), ...seenAt(at) })),
  );
  const links = rows.map(([left, right, at]): LinkRow => ({ left, right, ...seenAt(at) }));
  return resolveGraph(addObservations(state, { identifiers, links }), rules);
}

/** The same, a part at a time. */
function inParts(state: IdentityState, rows: readonly Row[], rules: Parameters<typeof resolveGraph>[1]) {
  const graph = new GraphStore('test');
  for (const [left, right, at] of [...rows].reverse())
    graph.observe([identifier(left), identifier(right)], seenAt(at));
  for (const row of state.identifiers) graph.addStored(row, '');
  for (const row of state.links) graph.addStoredLink(row, '');
  for (const row of state.merges) graph.addMerge(row, '');
  const parts = [...graph.slices(1)].map((slice) =>
    resolveGraph(slice.state, { ...rules, isTaken: (key) => graph.has(key) }),
  );
  return {
    identifiers: parts.flatMap((part) => part.identifiers),
    links: parts.flatMap((part) => part.links),
    merges: parts.flatMap((part) => part.merges),
  };
}

function withoutId({ identifiers, links, merges }: IdentityState, gone: string | undefined): IdentityState {
  return {
    identifiers: identifiers.filter(({ id }) => id !== gone),
    links: links.filter(({ left, right }) => left !== gone && right !== gone),
    merges,
  };
}

const sorted = ({ identifiers, links, merges }: IdentityState) => ({
  identifiers: [...identifiers].sort((a, b) => (a.id < b.id ? -1 : 1)),
  links: [...links].sort((a, b) => (`${a.left} ${a.right}` < `${b.left} ${b.right}` ? -1 : 1)),
  merges: [...merges].sort((a, b) => (a.mergeId < b.mergeId ? -1 : 1)),
});

describe('a graph in parts', () => {
  test('gives what the whole gives, after any links, splits and values that left', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
        let state: IdentityState = { identifiers: [], links: [], merges: [] };
        const splits = new Set<string>();
        for (const [index, { rows, gone, split }] of steps.entries()) {
          state = withoutId(state, gone);
          const taken = state.merges[split ?? -1];
          if (taken !== undefined) splits.add(taken.mergeId);
          const rules = { limits, splits, revision: index + 1, hash: (text: string) => text };
          const next = sorted(whole(state, rows, rules));
          expect(sorted(inParts(state, rows, rules))).toEqual(next);
          state = next;
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('columns', () => {
  test('give every text back, also at the ends of blocks', () => {
    const texts = new Texts();
    const given = Array.from({ length: 300 }, (_, index) => 'é'.repeat((index * 977) % 30_000));
    const places = given.map((text) => texts.add(text));
    expect(places.map((place) => texts.at(place))).toEqual(given);
    expect(texts.addCommon('t')).toBe(texts.addCommon('t'));
    expect(() => texts.add('x'.repeat(70_000))).toThrow('70000');
  });

  test('number every pair once', () => {
    const pairs = new Pairs();
    const wanted = new Map<string, number>();
    for (let index = 0; index < 5_000; index += 1) {
      const [left, right] = [(index * 31) % 97, (index * 17) % 89];
      const known = wanted.get(`${String(left)} ${String(right)}`) ?? wanted.size;
      wanted.set(`${String(left)} ${String(right)}`, known);
      expect(pairs.add(left, right)).toBe(known);
    }
    expect(pairs.size).toBe(wanted.size);
  });
});
