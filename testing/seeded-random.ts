/** A deterministic source of numbers: the same seed gives the same sequence on every machine. Not for secrets. */
export interface SeededRandom {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  /** One element. @throws RangeError for an empty list */
  pick<Item>(items: readonly Item[]): Item;
  /** The elements in another order. */
  shuffle<Item>(items: readonly Item[]): Item[];
  /** True with this probability (0 to 1). */
  chance(probability: number): boolean;
}

/** Weyl sequence with a 32-bit mixer; 2^32 numbers before it repeats. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    integer: (min, max) => min + Math.floor(next() * (max - min + 1)),
    pick(items) {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new RangeError('pick: the list is empty');
      return item;
    },
    shuffle(items) {
      const keyed = items.map((item) => ({ item, key: next() }));
      return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
    },
    chance: (probability) => next() < probability,
  };
}
