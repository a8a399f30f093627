const blockBytes = 1 << 20;
const lengthBytes = 2;

/** Whole numbers by index, 0 where none was set. They take four bytes each. */
export class Column {
  #numbers = new Int32Array(1_024);

  at(index: number): number {
    return this.#numbers[index] ?? 0;
  }

  set(index: number, value: number): void {
    if (index >= this.#numbers.length) {
      const longer = new Int32Array(Math.max(index + 1, Math.ceil(this.#numbers.length * 1.5)));
      longer.set(this.#numbers);
      this.#numbers = longer;
    }
    this.#numbers[index] = value;
  }
}

/**
 * Texts of up to 65,535 bytes, kept as bytes and named by where they are: an object each would take many times the memory.
 * Place 0 is the empty text.
 */
export class Texts {
  readonly #blocks: Buffer[] = [Buffer.allocUnsafe(blockBytes)];
  readonly #known = new Map<string, number>();
  #end = 1;

  add(text: string): number {
    if (text === '') return 0;
    const bytes = Buffer.byteLength(text);
    if (bytes >= 1 << 16) throw new RangeError(`a text of ${String(bytes)} bytes`);
    if ((this.#end % blockBytes) + bytes + lengthBytes > blockBytes || this.#end % blockBytes === 0) {
      this.#end = this.#blocks.length * blockBytes;
      this.#blocks.push(Buffer.allocUnsafe(blockBytes));
    }
    const place = this.#end;
    const block = this.#blockOf(place);
    block.writeUInt16LE(bytes, place % blockBytes);
    block.write(text, (place % blockBytes) + lengthBytes);
    this.#end += bytes + lengthBytes;
    return place;
  }

  /** A text of which there are few different ones: the same place each time. */
  addCommon(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const place = this.add(text);
    this.#known.set(text, place);
    return place;
  }

  at(place: number): string {
    if (place === 0) return '';
    const block = this.#blockOf(place);
    const from = (place % blockBytes) + lengthBytes;
    return block.toString('utf8', from, from + block.readUInt16LE(place % blockBytes));
  }

  #blockOf(place: number): Buffer {
    const block = this.#blocks[Math.floor(place / blockBytes)];
    if (block === undefined) throw new RangeError(`no text at ${String(place)}`);
    return block;
  }
}

/** Numbers pairs of whole numbers in the order in which they come; eight bytes and a little more for each. */
export class Pairs {
  readonly left = new Column();
  readonly right = new Column();
  #size = 0;
  /** Open addressing: index of a pair and 1, 0 where a place is free. */
  #places = new Int32Array(1_024);

  get size(): number {
    return this.#size;
  }

  /** The index of a pair, which is new where it equals the former size. */
  add(left: number, right: number): number {
    let place = this.#placeOf(left, right);
    const known = this.#places[place] ?? 0;
    if (known !== 0) return known - 1;
    if (this.#size * 2 >= this.#places.length) {
      this.#widen();
      place = this.#placeOf(left, right);
    }
    const index = this.#size;
    this.left.set(index, left);
    this.right.set(index, right);
    this.#places[place] = index + 1;
    this.#size += 1;
    return index;
  }

  #placeOf(left: number, right: number): number {
    const mask = this.#places.length - 1;
    let place = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 1, 0x85ebca6b)) >>> 7;
    for (;;) {
      place &= mask;
      const index = (this.#places[place] ?? 0) - 1;
      if (index < 0 || (this.left.at(index) === left && this.right.at(index) === right)) return place;
      place += 1;
    }
  }

  #widen(): void {
    this.#places = new Int32Array(this.#places.length * 2);
    for (let index = 0; index < this.#size; index += 1)
      this.#places[this.#placeOf(this.left.at(index), this.right.at(index))] = index + 1;
  }
}

/** The indices below `count` that have a group, not -1, those of one group beside each other. */
export function sortedBy(count: number, groupOf: (index: number) => number): Int32Array {
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
