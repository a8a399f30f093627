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
import { Column, Pairs, sortedBy, Texts } from './columns.js';

/** A part of a graph that the rest of it has nothing to do with, with what its tables hold of it now. */
export interface GraphSlice {
  readonly state: IdentityState;
  readonly wasIdentifier: ReadonlyMap<string, Omit<IdentifierRow, 'value'> & InComponent>;
  /** By the index of a link of `state`. */
  readonly wasLink: readonly ((Required<Seen & Pick<LinkRow, 'status'>> & InComponent) | undefined)[];
  /** Components of the merges of `state`, by id, as they are stored and as they are now. */
  readonly wasMerge: ReadonlyMap<string, string>;
  readonly componentOfMerge: ReadonlyMap<string, string>;
  /** The component of each identifier of `state`: its least id. */
  readonly componentOf: ReadonlyMap<string, string>;
}

/** Name of what depends on each other. */
export interface InComponent {
  readonly component: string;
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
  /** By the id of a merge. */
  readonly #mergeComponents = new Map<string, string>();
  /** Number of the stored component and 1, by number and by link. */
  readonly #component = new Column();
  readonly #linkComponent = new Column();
  readonly #blocked = new Set<string>();
  readonly #leftOut = new Set<string>();
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

  /** The identifiers that it holds, blocked or not. */
  *ids(): Generator<string> {
    for (const [number, name] of this.#names.entries()) if (this.#type.at(number) !== 0) yield name;
  }

  /** An identifier of a type that is declared no longer. */
  leaveOut(id: string): void {
    this.#leftOut.add(id);
  }

  /** Ids that merges or links name, that are no identifiers of the graph, and that could become one under the same rules. */
  absent(): ReadonlySet<string> {
    const found = new Set<string>();
    const note = (id: string) => {
      const isKnown = this.#blocked.has(id) || this.#leftOut.has(id) || this.#isHeld(this.#number(id));
      if (!isKnown) found.add(id);
    };
    for (const { mergedAnchor, keptAnchor, links } of this.#merges)
      for (const id of [mergedAnchor, keptAnchor, ...links.flat()]) note(id);
    for (let index = 0; index < this.#links.size; index += 1) {
      note(this.#names[this.#links.left.at(index)] ?? '');
      note(this.#names[this.#links.right.at(index)] ?? '');
    }
    return found;
  }

  /** Whether an id or a key has this name. */
  has(name: string): boolean {
    return this.#numbers.has(name);
  }

  /** A row of the table of identifiers. @throws PipelineError IDENTITY_TOO_LARGE */
  addStored({ id, type, value, key = '', keyedIn = 0, ...seen }: IdentifierRow, component: string): void {
    const number = this.#identifier(id, type, value);
    this.#component.set(number, this.#number(component) + 1);
    this.#key.set(number, this.#number(key) + 1);
    this.#keyedIn.set(number, keyedIn);
    this.#keep(this.#seen, this.#was, number, seen);
  }

  /** A row of the table of links. @throws PipelineError IDENTITY_TOO_LARGE */
  addStoredLink({ left, right, status = 'linked', ...seen }: LinkRow, component: string): void {
    const index = this.#link(this.#number(left), this.#number(right));
    this.#linkComponent.set(index, this.#number(component) + 1);
    this.#linkStatus.set(index, statuses.indexOf(status) + 1);
    this.#keep(this.#linkSeen, this.#linkWas, index, seen);
  }

  addMerge(merge: MergeRow, component: string): void {
    this.#merges.push(merge);
    this.#mergeComponents.set(merge.mergeId, component);
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
    const held = (number: number) => this.#isHeld(number);
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
      const componentOf = new Map<string, string>();
      const componentOfMerge = new Map<string, string>();
      do {
        const group = groups.find(nodes[node] ?? 0);
        const end = this.#endOf(nodes, node, group, groups);
        const members = Array.from(nodes.subarray(node, end), (number) => this.#names[number] ?? '');
        const least = members.reduce((a, b) => (b < a ? b : a));
        for (const id of members) componentOf.set(id, least);
        node = end;
        while (link < links.length && groups.find(this.#links.left.at(links[link] ?? 0)) === group) link += 1;
        for (const merge of merges.get(group) ?? []) {
          mine.push(merge);
          componentOfMerge.set(merge.mergeId, least);
        }
        merges.delete(group);
      } while (node < nodes.length && node - fromNode < maxIdentifiers);
      const rows = this.#slice(nodes.subarray(fromNode, node), links.subarray(fromLink, link), mine);
      yield { ...rows, componentOf, componentOfMerge };
    }
    // Merges of which no identifier is left.
    for (const mine of merges.values()) {
      const least = mine.map(({ mergedKey }) => mergedKey).reduce((a, b) => (b < a ? b : a));
      const componentOfMerge = new Map(mine.map(({ mergeId }) => [mergeId, least]));
      yield {
        ...this.#slice(nodes.subarray(node), links.subarray(link), mine),
        componentOf: new Map(),
        componentOfMerge,
      };
    }
  }

  /** Where the members of a group end that begins at `from`. */
  #endOf(nodes: Int32Array, from: number, group: number, groups: Groups): number {
    let end = from;
    while (end < nodes.length && groups.find(nodes[end] ?? 0) === group) end += 1;
    return end;
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

  #isHeld(number: number): boolean {
    return this.#type.at(number) !== 0 && !this.#blocked.has(this.#names[number] ?? '');
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
    for (let index = 0; index < this.#links.size; index += 1) {
      const [left, right] = [this.#links.left.at(index), this.#links.right.at(index)];
      if (this.#isHeld(left) && this.#isHeld(right)) join(left, right);
    }
    for (let number = 0; number < this.#names.length; number += 1) {
      const key = this.#key.at(number);
      if (key !== 0 && this.#isHeld(number)) join(number, key - 1);
    }
    for (const { mergedKey, keptKey, mergedAnchor, keptAnchor, links } of this.#merges)
      for (const name of [keptKey, mergedAnchor, keptAnchor, ...links.flat()])
        join(this.#number(mergedKey), this.#number(name));
    return groups;
  }

  #slice(
    nodes: Int32Array,
    links: Int32Array,
    merges: readonly MergeRow[],
  ): Omit<GraphSlice, 'componentOf' | 'componentOfMerge'> {
    const wasIdentifier = new Map<string, Omit<IdentifierRow, 'value'> & InComponent>();
    const identifiers = Array.from(nodes, (number): IdentifierRow => {
      const id = this.#names[number] ?? '';
      const type = this.#type.at(number) - 1;
      const seen = this.#seenAt(this.#seen, number);
      const value = this.#texts.at(this.#value.at(number));
      const keyNumber = this.#key.at(number) - 1;
      if (keyNumber < 0) return { id, type, value, ...seen };
      const key = this.#names[keyNumber] ?? '';
      const keyedIn = this.#keyedIn.at(number);
      const component = this.#names[this.#component.at(number) - 1] ?? '';
      wasIdentifier.set(id, { id, type, key, keyedIn, component, ...this.#seenAt(this.#was, number) });
      return { id, type, value, key, keyedIn, ...seen };
    });
    const wasLink = Array.from(links, (index) => {
      const status = statuses[this.#linkStatus.at(index) - 1];
      if (status === undefined) return undefined;
      const component = this.#names[this.#linkComponent.at(index) - 1] ?? '';
      return { ...this.#seenAt(this.#linkWas, index), status, component };
    });
    const rows = Array.from(links, (index): LinkRow => {
      const [left, right] = [this.#links.left.at(index), this.#links.right.at(index)];
      return {
        left: this.#names[left] ?? '',
        right: this.#names[right] ?? '',
        ...this.#seenAt(this.#linkSeen, index),
      };
    });
    return {
      state: { identifiers, links: rows, merges },
      wasIdentifier,
      wasLink,
      wasMerge: this.#mergeComponents,
    };
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
