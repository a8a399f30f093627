import { createHash } from 'node:crypto';
import {
  addObservations,
  resolveGraph,
  type IdentifierRow,
  type IdentityState,
  type LinkRow,
} from '../core/identity/resolve.js';
import { seededRandom } from '../testing/seeded-random.js';

/**
 * Identity: 1 M identifiers and as many links resolved in memory, the first time and once more with nothing new, against a
 * plain union-find over the same links, in one run. Both must have the same persons. `npx tsx bench/identity.ts [identifiers]`
 */
const count = Number(process.argv[2] ?? '1000000');
const random = seededRandom(7);
const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
const ids = Array.from({ length: count }, (_, index) => shortHash(String(index)));

/** Neighbours belong together in groups of some five; the seconds differ, as they do in events. */
const pairs: (readonly [number, number, string])[] = [];
for (let index = 1; index < count; index += 1) {
  const at = new Date(Date.UTC(2026, 0, 1) + Math.floor(random.next() * 86_400_000)).toISOString();
  if (random.chance(0.8)) pairs.push([index - 1, index, at]);
  if (random.chance(0.2)) pairs.push([index - 1, index, at]);
}
const idOf = (index: number): string => ids[index] ?? '';
const identifiers = ids.map((id, index): IdentifierRow => ({
  id,
  type: index % 3,
  value: id,
  firstSeen: '2026-01-01',
  lastSeen: '2026-01-01',
  source: 't',
}));
const links = pairs.map(([a, b, at]): LinkRow => ({
  left: idOf(a),
  right: idOf(b),
  firstSeen: at,
  lastSeen: at,
  source: 't',
}));

function measured<Result>(name: string, work: () => Result): { result: Result; ms: number } {
  global.gc?.();
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1000;
  const memory = Math.round(process.memoryUsage().rss / 1e6);
  console.log(`${name}: ${ms.toFixed(0)} ms of CPU, ${String(memory)} MB resident`);
  return { result, ms };
}

/** By the index of an identifier: the least index of its person. */
function plain(): Int32Array {
  const parent = Int32Array.from({ length: count }, (_, index) => index);
  const find = (node: number): number => {
    let at = node;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at] ?? at] ?? at;
      at = parent[at] ?? at;
    }
    return at;
  };
  const indexOf = new Map(ids.map((id, index) => [id, index]));
  for (const { left, right } of links) {
    const [a, b] = [find(indexOf.get(left) ?? 0), find(indexOf.get(right) ?? 0)];
    parent[Math.max(a, b)] = Math.min(a, b);
  }
  return parent.map((_, index) => find(index));
}

function refuseDifference(state: IdentityState, expected: Int32Array): void {
  const indexOf = new Map(ids.map((id, index) => [id, index]));
  const keyOf = new Map<number, string>();
  const keys = new Set<string>();
  for (const { id, key = '' } of state.identifiers) {
    const person = expected[indexOf.get(id) ?? 0] ?? 0;
    const known = keyOf.get(person);
    if (known === undefined ? keys.has(key) : known !== key) throw new Error('the persons differ');
    keyOf.set(person, key);
    keys.add(key);
  }
}

const rules = { limits: [count, count, count], splits: new Set<string>(), hash: shortHash };
const empty: IdentityState = { identifiers: [], links: [], merges: [] };
console.log(`${String(count)} identifiers, ${String(links.length)} observed links`);
const base = measured('plain union-find', plain);
const first = measured('first resolve', () =>
  resolveGraph(addObservations(empty, { identifiers, links }), { ...rules, revision: 1 }),
);
refuseDifference(first.result, base.result);
const again = measured('the same once more', () =>
  resolveGraph(addObservations(first.result, { identifiers, links }), { ...rules, revision: 2 }),
);
refuseDifference(again.result, base.result);
console.log(`ratio ${(first.ms / base.ms).toFixed(1)}, once more ${(again.ms / base.ms).toFixed(1)}`);
