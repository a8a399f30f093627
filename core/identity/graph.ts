/** An identifier, as far as the partition depends on it. */
export interface GraphNode {
  readonly id: string;
  /** Place of its type in the order of priority, 0 first. */
  readonly type: number;
}

/** Two identifiers that were seen together; `left` comes before `right` (see `orderedPair`). */
export interface GraphLink {
  readonly left: string;
  readonly right: string;
  /** Sortable text of the instant at which they were last seen together. */
  readonly lastSeen: string;
}

export interface GraphRules {
  /** By type: how many a person has at most. */
  readonly limits: readonly number[];
  /** Pairs that were split: neither this link nor any other brings them together. */
  readonly apart: readonly (readonly [string, string])[];
  /** Links that were split; they never join. */
  readonly cut: readonly (readonly [string, string])[];
}

/** `joined`: it made one person of two. `inside`: both were one person already. `limit`, `split`: it was refused. */
export type LinkVerdict = 'joined' | 'inside' | 'limit' | 'split';

export interface Partition {
  /** By the index of a node: a node that stands for its person, the same for all nodes of the person. */
  readonly personOf: readonly number[];
  /** By the index of a link. */
  readonly verdicts: readonly LinkVerdict[];
  /** Indices of links in the order in which they were judged. */
  readonly order: readonly number[];
}

/** The two ids of a link in their one order. */
export function orderedPair(a: string, b: string): readonly [string, string] {
  return a < b ? [a, b] : [b, a];
}

export function pairKey(a: string, b: string): string {
  return orderedPair(a, b).join(' ');
}

/** Which node stands for its group, with path halving. */
export class Groups {
  readonly #parent: Int32Array;
  readonly #size: Int32Array;

  constructor(count: number) {
    this.#parent = Int32Array.from({ length: count }, (_, index) => index);
    this.#size = new Int32Array(count).fill(1);
  }

  find(node: number): number {
    let at = node;
    for (;;) {
      const up = this.#parent[at] ?? at;
      if (up === at) return at;
      const above = this.#parent[up] ?? up;
      this.#parent[at] = above;
      at = above;
    }
  }

  /** Joins the groups of two roots and returns the root of both. */
  join(a: number, b: number): number {
    const [root, other] = (this.#size[a] ?? 0) >= (this.#size[b] ?? 0) ? [a, b] : [b, a];
    this.#parent[other] = root;
    this.#size[root] = (this.#size[root] ?? 0) + (this.#size[other] ?? 0);
    return root;
  }
}

/**
 * Which identifiers are one person. Links are judged one after another, the latest first, so that of two that contradict
 * each other the later wins; among equals the types of higher priority, then the ids decide. A link joins two persons
 * unless the person that would come out has more identifiers of a type than its limit, or holds a pair that was split.
 *
 * The answer depends on the sets of nodes, links and rules alone, not on their order.
 */
export function partition(
  nodes: readonly GraphNode[],
  links: readonly GraphLink[],
  rules: GraphRules,
): Partition {
  const indexOf = new Map(nodes.map(({ id }, index) => [id, index]));
  const typeOf = (id: string): number => nodes[indexOf.get(id) ?? -1]?.type ?? rules.limits.length;
  const order = links.map((_, index) => index).sort((a, b) => compareLinks(links[a], links[b], typeOf));
  const groups = new Groups(nodes.length);
  const types = rules.limits.length;
  const counts = new Int32Array(nodes.length * types);
  for (const [index, { type }] of nodes.entries()) counts[index * types + type] = 1;
  const barred = new Bars(indexOf, rules.apart);
  const cut = new Set(rules.cut.map(([a, b]) => pairKey(a, b)));
  const verdicts: LinkVerdict[] = links.map(() => 'inside');

  const judge = (link: GraphLink): LinkVerdict => {
    const [left, right] = [indexOf.get(link.left), indexOf.get(link.right)];
    if (left === undefined || right === undefined) return 'inside';
    if (cut.has(pairKey(link.left, link.right))) return 'split';
    const [a, b] = [groups.find(left), groups.find(right)];
    if (a === b) return 'inside';
    if (barred.between(a, b, groups)) return 'split';
    for (let type = 0; type < types; type += 1)
      if ((counts[a * types + type] ?? 0) + (counts[b * types + type] ?? 0) > (rules.limits[type] ?? 0))
        return 'limit';
    const root = groups.join(a, b);
    const other = root === a ? b : a;
    for (let type = 0; type < types; type += 1)
      counts[root * types + type] = (counts[a * types + type] ?? 0) + (counts[b * types + type] ?? 0);
    barred.join(root, other);
    return 'joined';
  };
  for (const index of order) {
    const link = links[index];
    if (link !== undefined) verdicts[index] = judge(link);
  }
  return { personOf: nodes.map((_, index) => groups.find(index)), verdicts, order };
}

/** The pairs that must stay apart, kept at the roots of their groups. */
class Bars {
  readonly #partners = new Map<number, number[]>();

  constructor(indexOf: ReadonlyMap<string, number>, apart: GraphRules['apart']) {
    for (const pair of apart) {
      const [a, b] = pair.map((id) => indexOf.get(id));
      if (a === undefined || b === undefined) continue;
      this.#partners.set(a, [...(this.#partners.get(a) ?? []), b]);
      this.#partners.set(b, [...(this.#partners.get(b) ?? []), a]);
    }
  }

  between(a: number, b: number, groups: Groups): boolean {
    return this.#partners.get(a)?.some((partner) => groups.find(partner) === b) ?? false;
  }

  join(root: number, other: number): void {
    const further = this.#partners.get(other);
    if (further === undefined) return;
    this.#partners.set(root, [...(this.#partners.get(root) ?? []), ...further]);
    this.#partners.delete(other);
  }
}

function compareLinks(
  a: GraphLink | undefined,
  b: GraphLink | undefined,
  typeOf: (id: string) => number,
): number {
  if (a === undefined || b === undefined) return 0;
  if (a.lastSeen !== b.lastSeen) return a.lastSeen > b.lastSeen ? -1 : 1;
  const [aTypes, bTypes] = [a, b].map(({ left, right }) =>
    [typeOf(left), typeOf(right)].sort((x, y) => x - y),
  );
  for (const place of [0, 1]) {
    const difference = (aTypes?.[place] ?? 0) - (bTypes?.[place] ?? 0);
    if (difference !== 0) return difference;
  }
  const [aIds, bIds] = [`${a.left} ${a.right}`, `${b.left} ${b.right}`];
  return aIds < bIds ? -1 : aIds > bIds ? 1 : 0;
}
