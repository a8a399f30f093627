import { PipelineError } from '../../core/errors/index.js';
import { Groups } from '../../core/identity/graph.js';
import type {
  IdentifierRow,
  IdentityState,
  LinkRow,
  LinkStatus,
  MergeRow,
  Seen,
} from '../../core/identity/resolve.js';
import { limits } from '../../core/limits.js';
import { Column, Pairs, Texts } from './columns.js';

/** A part of a graph that the rest of it has nothing to do with, with what its tables hold of it now. */
export interface GraphSlice {
  readonly state: IdentityState;
  readonly wasIdentifier: ReadonlyMap<string, Omit<IdentifierRow, 'value'>>;
  /** By the index of a link of `state`. */
  readonly wasLink: readonly (Required<Seen & Pick<LinkRow, 'status'>> | undefined)[];
}

const statuses: readonly LinkStatus[] = ['linked', 'refused-limit', 'refused-split'];

/** First seen, last seen and source, by index. */
class SeenColumns {
  readonly first = new Column();
  readonly last = new Column();
  readonly source = new Column();
}

/**
 * What is known of a graph and what was observed of it, in numbers and bytes: some 250 bytes for an identifier, 100 for a
 * link. `slices` gives it back as rows, a part at a time. In which order things are added makes no difference.
 */
export class GraphStore {
  readonly #texts = new Texts();
  /** Numbers of ids and keys. */
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #seen = new SeenColumns();
  readonly #was = new SeenColumns();
  /** Type and 1; 0 for a name that is no identifier of the graph. */
  readonly #type = new Column();
  readonly #value = new Column();
  /** Number of the key and 1. */
  readonly #key = new Column();
  readonly #keyedIn = new Column();
  readonly #links = new Pairs();
  readonly #linkSeen = new SeenColumns();
  readonly #linkWas = new SeenColumns();
  /** Place of the status and 1; 0 for a link that is not stored. */
  readonly #linkStatus = new Column();
  readonly #merges: MergeRow[] = [];
  readonly #blocked = new Set<string>();
  readonly #task: string;
  #identifiers = 0;

  /** `task`: whose graph it is, for errors. */
  constructor(task: string) {
    this.#task = task;
  }

  /** Values that identify nobody. */
  get blocked(): ReadonlySet<string> {
    return this.#blocked;
  }

  get merges(): readonly MergeRow[] {
    return this.#merges;
  }

  /** Whether an id or a key has this name. */
  has(name: string): boolean {
    return this.#numbers.has(name);
  }

  /** A row of the table of identifiers. @throws PipelineError IDENTITY_TOO_LARGE */
  addStored({ id, type, value, key = '', keyedIn = 0, ...seen }: IdentifierRow): void {
    const number = this.#identifier(id, type, value);
    this.#key.set(number, this.#number(key) + 1);
    this.#keyedIn.set(number, keyedIn);
    this.#keep(this.#seen, this.#was, number, seen);
  }

  /** A row of the table of links. @throws PipelineError IDENTITY_TOO_LARGE */
  addStoredLink({ left, right, status = 'linked', ...seen }: LinkRow): void {
    const index = this.#link(this.#number(left), this.#number(right));
    this.#linkStatus.set(index, statuses.indexOf(status) + 1);
    this.#keep(this.#linkSeen, this.#linkWas, index, seen);
  }

  addMerge(merge: MergeRow): void {
    this.#merges.push(merge);
    const { mergedKey, keptKey, mergedAnchor, keptAnchor, links } = merge;
    for (const name of [mergedKey, keptKey, mergedAnchor, keptAnchor, ...links.flat()]) this.#number(name);
  }

  /** Identifiers that stood in one row of a source, which links them. @throws PipelineError IDENTITY_TOO_LARGE */
  observe(
    found: readonly { readonly id: string; readonly type: number; readonly value: string }[],
    seen: Seen,
  ): void {
    const numbers: number[] = [];
    for (const { id, type, value } of found) {
      const number = this.#identifier(id, type, value);
      this.#widen(this.#seen, number, seen);
      numbers.push(number);
    }
    for (let one = 0; one < numbers.length; one += 1)
      for (let other = one + 1; other < numbers.length; other += 1) {
        const [a = 0, b = 0] = [numbers[one], numbers[other]];
        if (a === b) continue;
        const isOrdered = (this.#names[a] ?? '') < (this.#names[b] ?? '');
        this.#widen(this.#linkSeen, isOrdered ? this.#link(a, b) : this.#link(b, a), seen);
      }
  }

  /** An identifier that the graph must not hold. */
  block(id: string): void {
    this.#blocked.add(id);
  }

  /**
   * The graph in parts of about `maxIdentifiers`, or more where one component has more. A part holds whatever depends on
   * each other: identifiers that links, a common key or a merge connect, and those merges. So each part is resolved by
   * itself, and all of them give what the whole would. Blocked identifiers and their links are left out.
   */
  *slices(maxIdentifiers: number): Generator<GraphSlice> {
    const groups = this.#groups();
    const held = (number: number) =>
      this.#type.at(number) !== 0 && !this.#blocked.has(this.#names[number] ?? '');
    const nodes = sortedBy(this.#names.length, (number) => (held(number) ? groups.find(number) : -1));
    const links = sortedBy(this.#links.size, (index) => {
      const left = this.#links.left.at(index);
      return held(left) && held(this.#links.right.at(index)) ? groups.find(left) : -1;
    });
    const merges = new Map<number, MergeRow[]>();
    for (const merge of this.#merges) {
      const group = groups.find(this.#number(merge.mergedKey));
      const others = merges.get(group);
      if (others === undefined) merges.set(group, [merge]);
      else others.push(merge);
    }
    let [node, link] = [0, 0];
    while (node < nodes.length) {
      const [fromNode, fromLink] = [node, link];
      const mine: MergeRow[] = [];
      do {
        const group = groups.find(nodes[node] ?? 0);
        while (node < nodes.length && groups.find(nodes[node] ?? 0) === group) node += 1;
        while (link < links.length && groups.find(this.#links.left.at(links[link] ?? 0)) === group) link += 1;
        mine.push(...(merges.get(group) ?? []));
        merges.delete(group);
      } while (node < nodes.length && node - fromNode < maxIdentifiers);
      yield this.#slice(nodes.subarray(fromNode, node), links.subarray(fromLink, link), mine);
    }
    if (merges.size > 0)
      yield this.#slice(nodes.subarray(node), links.subarray(link), [...merges.values()].flat());
  }

  /** Rows of the tables that blocked values take with them. */
  gone(): {
    readonly identifiers: readonly string[];
    readonly links: readonly (readonly [string, string])[];
  } {
    const isGone = (number: number) => this.#blocked.has(this.#names[number] ?? '');
    const links: [string, string][] = [];
    for (let index = 0; index < this.#links.size; index += 1) {
      const [left, right] = [this.#links.left.at(index), this.#links.right.at(index)];
      if (this.#linkStatus.at(index) !== 0 && (isGone(left) || isGone(right)))
        links.push([this.#names[left] ?? '', this.#names[right] ?? '']);
    }
    return { identifiers: [...this.#blocked].filter((id) => this.#isStored(id)), links };
  }

  #isStored(id: string): boolean {
    const number = this.#numbers.get(id);
    return number !== undefined && this.#key.at(number) !== 0;
  }

  #groups(): Groups {
    const groups = new Groups(this.#names.length);
    const join = (a: number, b: number) => {
      const [x, y] = [groups.find(a), groups.find(b)];
      if (x !== y) groups.join(x, y);
    };
    for (let index = 0; index < this.#links.size; index += 1)
      join(this.#links.left.at(index), this.#links.right.at(index));
    for (let number = 0; number < this.#names.length; number += 1) {
      const key = this.#key.at(number);
      if (key !== 0) join(number, key - 1);
    }
    for (const { mergedKey, keptKey, mergedAnchor, keptAnchor, links } of this.#merges)
      for (const name of [keptKey, mergedAnchor, keptAnchor, ...links.flat()])
        join(this.#number(mergedKey), this.#number(name));
    return groups;
  }

  #slice(nodes: Int32Array, links: Int32Array, merges: readonly MergeRow[]): GraphSlice {
    const wasIdentifier = new Map<string, Omit<IdentifierRow, 'value'>>();
    const identifiers = Array.from(nodes, (number): IdentifierRow => {
      const id = this.#names[number] ?? '';
      const type = this.#type.at(number) - 1;
      const seen = this.#seenAt(this.#seen, number);
      const value = this.#texts.at(this.#value.at(number));
      const keyNumber = this.#key.at(number) - 1;
      if (keyNumber < 0) return { id, type, value, ...seen };
      const key = this.#names[keyNumber] ?? '';
      const keyedIn = this.#keyedIn.at(number);
      wasIdentifier.set(id, { id, type, key, keyedIn, ...this.#seenAt(this.#was, number) });
      return { id, type, value, key, keyedIn, ...seen };
    });
    const wasLink = Array.from(links, (index) => {
      const status = statuses[this.#linkStatus.at(index) - 1];
      return status === undefined ? undefined : { ...this.#seenAt(this.#linkWas, index), status };
    });
    const rows = Array.from(links, (index): LinkRow => {
      const [left, right] = [this.#links.left.at(index), this.#links.right.at(index)];
      return {
        left: this.#names[left] ?? '',
        right: this.#names[right] ?? '',
        ...this.#seenAt(this.#linkSeen, index),
      };
    });
    return { state: { identifiers, links: rows, merges }, wasIdentifier, wasLink };
  }

  #seenAt(columns: SeenColumns, index: number): Seen {
    return {
      firstSeen: this.#texts.at(columns.first.at(index)),
      lastSeen: this.#texts.at(columns.last.at(index)),
      source: this.#texts.at(columns.source.at(index)),
    };
  }

  /** Sets what is stored, and widens what is known by it. */
  #keep(columns: SeenColumns, was: SeenColumns, index: number, seen: Seen): void {
    this.#widen(columns, index, seen);
    // The same place where the text is the same: nothing is kept twice.
    const place = (column: Column, text: string) =>
      this.#texts.at(column.at(index)) === text ? column.at(index) : this.#texts.add(text);
    was.first.set(index, place(columns.first, seen.firstSeen));
    was.last.set(index, place(columns.last, seen.lastSeen));
    was.source.set(index, this.#texts.addCommon(seen.source));
  }

  #widen(columns: SeenColumns, index: number, { firstSeen, lastSeen, source }: Seen): void {
    const texts = this.#texts;
    if (columns.last.at(index) === 0) {
      const first = texts.add(firstSeen);
      columns.first.set(index, first);
      columns.last.set(index, firstSeen === lastSeen ? first : texts.add(lastSeen));
      columns.source.set(index, texts.addCommon(source));
      return;
    }
    if (firstSeen < texts.at(columns.first.at(index))) columns.first.set(index, texts.add(firstSeen));
    if (lastSeen > texts.at(columns.last.at(index))) columns.last.set(index, texts.add(lastSeen));
    if (source < texts.at(columns.source.at(index))) columns.source.set(index, texts.addCommon(source));
  }

  #identifier(id: string, type: number, value: string): number {
    const number = this.#number(id);
    if (this.#type.at(number) !== 0) return number;
    this.#identifiers += 1;
    if (this.#identifiers > limits.identityMaxIdentifiers)
      throw this.#tooLarge('identifiers', 'identityMaxIdentifiers');
    this.#type.set(number, type + 1);
    this.#value.set(number, this.#texts.add(value));
    return number;
  }

  #link(left: number, right: number): number {
    const index = this.#links.add(left, right);
    if (index < limits.identityMaxLinks) return index;
    throw this.#tooLarge('links', 'identityMaxLinks');
  }

  #number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#names.length;
    this.#names.push(name);
    this.#numbers.set(name, number);
    return number;
  }

  #tooLarge(what: string, limit: 'identityMaxIdentifiers' | 'identityMaxLinks'): PipelineError {
    return new PipelineError('IDENTITY_TOO_LARGE', {
      ...{ task: this.#task, what, limit, allowed: limits[limit] },
    });
  }
}

/** The indices below `count` that have a group, not -1, those of one group beside each other. */
function sortedBy(count: number, groupOf: (index: number) => number): Int32Array {
  const group = new Int32Array(count);
  let kept = 0;
  let greatest = 0;
  for (let index = 0; index < count; index += 1) {
    const own = groupOf(index);
    group[index] = own;
    if (own >= 0) kept += 1;
    greatest = Math.max(greatest, own);
  }
  const from = new Int32Array(greatest + 2);
  for (const own of group) if (own >= 0) from[own + 1] = (from[own + 1] ?? 0) + 1;
  for (let at = 1; at < from.length; at += 1) from[at] = (from[at] ?? 0) + (from[at - 1] ?? 0);
  const sorted = new Int32Array(kept);
  for (const [index, own] of group.entries())
    if (own >= 0) {
      const place = from[own] ?? 0;
      sorted[place] = index;
      from[own] = place + 1;
    }
  return sorted;
}
