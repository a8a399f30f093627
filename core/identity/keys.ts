import { limits } from '../limits.js';
import { Groups, type GraphLink, type Partition } from './graph.js';

/** An identifier with the person key that it has had so far. */
export interface KeyedNode {
  readonly id: string;
  readonly type: number;
  readonly firstSeen: string;
  readonly key?: string;
  /** Revision in which the key was first given out: the lower, the older the key. */
  readonly keyedIn?: number;
}

/** One person became part of another. */
export interface Merge {
  readonly mergeId: string;
  readonly keptKey: string;
  readonly mergedKey: string;
  /** Revision in which the merged key was first given out. */
  readonly mergedKeyedIn: number;
  /** The links between the two, first the one that joined them. */
  readonly links: readonly (readonly [left: string, right: string])[];
  /** The identifier that each key stood for best: where it is, the person is. */
  readonly keptAnchor: string;
  readonly mergedAnchor: string;
  readonly revision: number;
}

export interface KeyInput {
  readonly nodes: readonly KeyedNode[];
  readonly links: readonly GraphLink[];
  readonly partition: Partition;
  /** Merges so far, and the ids of those that an operator split. */
  readonly merges: readonly Merge[];
  readonly splits: ReadonlySet<string>;
  /** Greater than every revision so far. */
  readonly revision: number;
  hash(text: string): string;
  /** Whether somebody beyond these nodes and merges has, or had, a key. */
  isTaken?(key: string): boolean;
}

export interface KeyOutput {
  /** By the index of a node. */
  readonly keys: readonly { readonly key: string; readonly keyedIn: number }[];
  readonly merges: readonly Merge[];
}

interface Owned {
  readonly key: string;
  readonly keyedIn: number;
  /** Index of the node that the key stands for best. */
  readonly anchor: number;
}

/**
 * Gives each person its key. A person keeps the key that it has; where several keys come together, the oldest stays and the
 * others are recorded as merged; where a person comes apart, its key stays with the identifier of the highest priority, and
 * the other part takes a former key of its own back before it gets a new one.
 */
export function assignKeys(input: KeyInput): KeyOutput {
  const { nodes } = input;
  const owned = ownedKeys(input);
  const groups = new Groups(nodes.length);
  const carried = new Map<number, Owned>();
  const merges = new Map<string, Merge>();
  const join = (a: number, b: number, through: Through) => {
    if (a === b) return;
    const [elder, younger] = [carried.get(a), carried.get(b)].filter(isGiven).sort(older(nodes));
    const root = groups.join(a, b);
    if (elder === undefined) return;
    carried.set(root, elder);
    if (younger !== undefined)
      merges.set(`${younger.key} ${elder.key}`, mergeOf(input, elder, younger, through));
  };
  for (const one of [...owned.values()].flat()) {
    const other = carried.get(one.anchor);
    const [elder = one, younger] = [other, one].filter(isGiven).sort(older(nodes));
    carried.set(one.anchor, elder);
    // Two keys of one identifier: it is itself what joins them.
    const { id } = nodes[one.anchor] ?? { id: '' };
    if (younger !== undefined)
      merges.set(`${younger.key} ${elder.key}`, mergeOf(input, elder, younger, { left: id, right: id }));
  }
  const kept = keptBy(input, owned);
  for (const [index, anchor] of kept.entries())
    if (anchor !== undefined) {
      const { id } = nodes[index] ?? { id: '' };
      join(groups.find(anchor), groups.find(index), { left: id, right: id });
    }
  const indexOf = new Map(nodes.map(({ id }, index) => [id, index]));
  const inOrder = input.partition.order.flatMap((at) => {
    const [link, verdict] = [input.links[at], input.partition.verdicts[at]];
    const [left, right] = [indexOf.get(link?.left ?? ''), indexOf.get(link?.right ?? '')];
    const joins = verdict === 'joined' || verdict === 'inside';
    return joins && link !== undefined && left !== undefined && right !== undefined
      ? [{ link, left, right }]
      : [];
  });
  for (const { link, left, right } of inOrder) join(groups.find(left), groups.find(right), link);
  const keyAt = (index: number) => (kept[index] === undefined ? undefined : nodes[index]?.key);
  for (const { link, left, right } of merges.size === 0 ? [] : inOrder) {
    const [a, b] = [keyAt(left), keyAt(right)];
    const name = merges.has(`${String(a)} ${String(b)}`)
      ? `${String(a)} ${String(b)}`
      : `${String(b)} ${String(a)}`;
    const merge = merges.get(name);
    if (merge === undefined || merge.links.length >= limits.identityLinksPerMerge) continue;
    if (merge.links.some(([x, y]) => x === link.left && y === link.right)) continue;
    merges.set(name, { ...merge, links: [...merge.links, [link.left, link.right]] });
  }
  return {
    merges: [...merges.values()],
    keys: nodes.map((_, index) => {
      const { key, keyedIn } = carried.get(groups.find(index)) ?? { key: '', keyedIn: input.revision };
      return { key, keyedIn };
    }),
  };
}

type Through = Pick<GraphLink, 'left' | 'right'>;

/** By the index of a node: the anchor of the key that it had and that its person still has. */
function keptBy({ nodes, partition }: KeyInput, owned: ReadonlyMap<number, Owned[]>): (number | undefined)[] {
  return nodes.map(({ key }, index) => {
    if (key === undefined) return undefined;
    return owned.get(partition.personOf[index] ?? index)?.find((one) => one.key === key)?.anchor;
  });
}

function isGiven(one: Owned | undefined): one is Owned {
  return one !== undefined;
}

function mergeOf(
  { nodes, hash, revision }: KeyInput,
  kept: Owned,
  merged: Owned,
  { left, right }: Through,
): Merge {
  return {
    mergeId: hash(`merge ${merged.key} ${kept.key} ${left} ${right}`),
    keptKey: kept.key,
    mergedKey: merged.key,
    mergedKeyedIn: merged.keyedIn,
    links: [[left, right]],
    keptAnchor: nodes[kept.anchor]?.id ?? '',
    mergedAnchor: nodes[merged.anchor]?.id ?? '',
    revision,
  };
}

/** By person: the keys that are its own now, one at least. */
function ownedKeys(input: KeyInput): ReadonlyMap<number, Owned[]> {
  const { nodes, partition, merges, splits, revision } = input;
  const owned = new Map<number, Owned[]>();
  const give = (person: number, one: Owned) => owned.set(person, [...(owned.get(person) ?? []), one]);
  const parts = partsOf(input);
  const dead = latestMerges(merges, new Set(parts.keys()));
  const indexOf = new Map(nodes.map(({ id }, index) => [id, index]));
  const former = dead.flatMap((merge) => {
    const anchor = indexOf.get(merge.mergedAnchor);
    return anchor === undefined ? [] : [{ merge, anchor, person: partition.personOf[anchor] ?? anchor }];
  });
  const revived = new Set<number>();
  for (const { merge, anchor, person } of former) {
    if (!splits.has(merge.mergeId)) continue;
    give(person, { key: merge.mergedKey, keyedIn: merge.mergedKeyedIn, anchor });
    revived.add(person);
  }
  for (const [key, { keyedIn, persons }] of parts) {
    const all = [...persons];
    const others = all.filter(([person]) => !revived.has(person));
    const [first] = (others.length === 0 ? all : others).sort(([, a], [, b]) => better(nodes)(a, b));
    if (first !== undefined) give(first[0], { key, keyedIn, anchor: first[1] });
  }
  for (const { merge, anchor, person } of former.sort(
    (a, b) => a.merge.mergedKeyedIn - b.merge.mergedKeyedIn,
  ))
    if (!owned.has(person)) give(person, { key: merge.mergedKey, keyedIn: merge.mergedKeyedIn, anchor });
  const taken = new Set([...parts.keys(), ...merges.flatMap((merge) => [merge.keptKey, merge.mergedKey])]);
  for (const [person, anchor] of bestNodes(input))
    if (!owned.has(person)) give(person, { key: newKey(input, anchor, taken), keyedIn: revision, anchor });
  return owned;
}

/** By key: when it was first given out, and by person the best of the nodes that had it. */
function partsOf({ nodes, partition }: KeyInput) {
  const isBetter = better(nodes);
  const parts = new Map<string, { keyedIn: number; readonly persons: Map<number, number> }>();
  for (const [index, { key, keyedIn = 0 }] of nodes.entries()) {
    if (key === undefined) continue;
    const part = parts.get(key) ?? { keyedIn, persons: new Map<number, number>() };
    parts.set(key, part);
    part.keyedIn = Math.min(part.keyedIn, keyedIn);
    const person = partition.personOf[index] ?? index;
    const best = part.persons.get(person);
    if (best === undefined || isBetter(index, best) < 0) part.persons.set(person, index);
  }
  return parts;
}

function bestNodes({ nodes, partition }: KeyInput): ReadonlyMap<number, number> {
  const isBetter = better(nodes);
  const best = new Map<number, number>();
  for (const index of nodes.keys()) {
    const person = partition.personOf[index] ?? index;
    const other = best.get(person);
    if (other === undefined || isBetter(index, other) < 0) best.set(person, index);
  }
  return best;
}

/** The last merge of each key that no identifier has any more. */
export function latestMerges(merges: readonly Merge[], alive: ReadonlySet<string>): Merge[] {
  const latest = new Map<string, Merge>();
  for (const merge of merges) {
    const other = latest.get(merge.mergedKey);
    const isLater =
      other === undefined ||
      merge.revision > other.revision ||
      (merge.revision === other.revision && merge.mergeId > other.mergeId);
    if (!alive.has(merge.mergedKey) && isLater) latest.set(merge.mergedKey, merge);
  }
  return [...latest.values()];
}

/** A key that nobody has had, from the person's best identifier. */
function newKey(input: KeyInput, anchor: number, taken: ReadonlySet<string>): string {
  const { nodes, hash } = input;
  for (let turn = 0; ; turn += 1) {
    const key = hash(`person ${nodes[anchor]?.id ?? ''} ${String(turn)}`);
    if (!taken.has(key) && input.isTaken?.(key) !== true) return key;
  }
}

/** The higher priority of type, then the earlier, then the id. */
function better(nodes: readonly KeyedNode[]): (a: number, b: number) => number {
  return (a, b) => {
    const [x, y] = [nodes[a], nodes[b]];
    if (x === undefined || y === undefined) return 0;
    if (x.type !== y.type) return x.type - y.type;
    const [left, right] = [`${x.firstSeen} ${x.id}`, `${y.firstSeen} ${y.id}`];
    return left < right ? -1 : left > right ? 1 : 0;
  };
}

function older(nodes: readonly KeyedNode[]): (a: Owned, b: Owned) => number {
  const isBetter = better(nodes);
  return (a, b) => {
    if (a.keyedIn !== b.keyedIn) return a.keyedIn - b.keyedIn;
    const byAnchor = isBetter(a.anchor, b.anchor);
    return byAnchor !== 0 ? byAnchor : a.key < b.key ? -1 : 1;
  };
}
