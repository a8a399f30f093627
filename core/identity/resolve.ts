import { orderedPair, pairKey, partition, type GraphLink, type LinkVerdict } from './graph.js';
import { assignKeys, latestMerges, type KeyedNode, type Merge } from './keys.js';

/** An identifier as it is stored. Instants are sortable texts of one form. */
export interface IdentifierRow extends KeyedNode {
  readonly value: string;
  readonly lastSeen: string;
  /** The first table, by name, that has it. */
  readonly source: string;
}

export interface LinkRow extends GraphLink {
  readonly firstSeen: string;
  readonly source: string;
  readonly status?: LinkStatus;
}

/** Whether a link joins; where it does not, why. */
export type LinkStatus = 'linked' | 'refused-limit' | 'refused-split';

/** `merged`: the key is an alias. `split`: an operator took the merge back. `parted`: later data did. */
export type MergeStatus = 'merged' | 'split' | 'parted';

export interface MergeRow extends Merge {
  readonly status?: MergeStatus;
  /** The living key of the person that the merged key stands for. */
  readonly resolvesTo?: string;
}

/** What is known of the graph: the content of its tables. */
export interface IdentityState {
  readonly identifiers: readonly IdentifierRow[];
  readonly links: readonly LinkRow[];
  readonly merges: readonly MergeRow[];
}

/** What the sources say; the same identifier or link may come several times. */
export type Observations = Pick<IdentityState, 'identifiers' | 'links'>;

/** What was known with what was observed: first and last instants widen, keys stay. Order and repeats do not matter. */
export function addObservations(known: IdentityState, observed: Observations): IdentityState {
  const identifiers = new Map(known.identifiers.map((row) => [row.id, row]));
  for (const row of observed.identifiers) {
    const before = identifiers.get(row.id);
    identifiers.set(row.id, before === undefined ? row : { ...before, ...widest(before, row) });
  }
  const links = new Map(known.links.map((row) => [pairKey(row.left, row.right), row]));
  for (const row of observed.links) {
    if (row.left === row.right) continue;
    const [left, right] = orderedPair(row.left, row.right);
    const key = pairKey(left, right);
    const before = links.get(key);
    links.set(key, before === undefined ? { ...row, left, right } : { ...before, ...widest(before, row) });
  }
  return { identifiers: [...identifiers.values()], links: [...links.values()], merges: known.merges };
}

export interface Seen {
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly source: string;
}

export function widest(a: Seen, b: Seen): Seen {
  return {
    firstSeen: a.firstSeen < b.firstSeen ? a.firstSeen : b.firstSeen,
    lastSeen: a.lastSeen > b.lastSeen ? a.lastSeen : b.lastSeen,
    source: a.source < b.source ? a.source : b.source,
  };
}

export interface ResolveRules {
  /** By type: how many a person has at most. */
  readonly limits: readonly number[];
  /** Ids of merges that an operator took back. */
  readonly splits: ReadonlySet<string>;
  /** Greater than every revision so far. */
  readonly revision: number;
  /** Text → a name of it; equal texts, equal names. */
  hash(text: string): string;
  /** Whether a key is, or was, given out beyond this state, where the state is a part of a graph. */
  isTaken?(key: string): boolean;
}

/**
 * Resolves a graph: who is one person, under which key. The persons depend on the observations, the limits and the splits
 * alone; the keys also on those given out before, which stay. Resolving what came out changes nothing.
 */
export function resolveGraph(state: IdentityState, rules: ResolveRules): Required<IdentityState> {
  const identifiers = [...state.identifiers].sort((a, b) => (a.id < b.id ? -1 : 1));
  const { links } = state;
  const taken = state.merges.filter(({ mergeId }) => rules.splits.has(mergeId));
  const parts = partition(identifiers, links, {
    limits: rules.limits,
    apart: taken.map(({ keptAnchor, mergedAnchor }) => [keptAnchor, mergedAnchor]),
    cut: taken.flatMap((merge) => merge.links),
  });
  const { keys, merges } = assignKeys({
    nodes: identifiers,
    links,
    partition: parts,
    merges: state.merges,
    ...rules,
  });
  const resolved = identifiers.map((row, index) => ({ ...row, ...keys[index] }));
  return {
    identifiers: resolved,
    links: links.map((row, index) => ({ ...row, status: statusOf(parts.verdicts[index]) })),
    merges: settleMerges([...state.merges, ...merges], resolved, rules.splits),
  };
}

function statusOf(verdict: LinkVerdict | undefined): LinkStatus {
  return verdict === 'limit' ? 'refused-limit' : verdict === 'split' ? 'refused-split' : 'linked';
}

/** Every merge once, the first time that it was written, with what has become of it. */
function settleMerges(
  merges: readonly MergeRow[],
  identifiers: readonly IdentifierRow[],
  splits: ReadonlySet<string>,
): MergeRow[] {
  const once = new Map<string, MergeRow>();
  for (const merge of merges) if (!once.has(merge.mergeId)) once.set(merge.mergeId, merge);
  const keyOf = new Map(identifiers.map(({ id, key }) => [id, key]));
  const alive = new Set(identifiers.flatMap(({ key }) => (key === undefined ? [] : [key])));
  const latest = new Set(latestMerges([...once.values()], alive).map(({ mergeId }) => mergeId));
  return [...once.values()].map((merge) => ({
    ...merge,
    status: splits.has(merge.mergeId) ? 'split' : latest.has(merge.mergeId) ? 'merged' : 'parted',
    resolvesTo: alive.has(merge.mergedKey)
      ? merge.mergedKey
      : (keyOf.get(merge.mergedAnchor) ?? merge.keptKey),
  }));
}
