/** An id that is known came with something else than before. */
export class BindingConflict extends Error {}

/**
 * Remembers which events are durable, so that a repeat is acknowledged without being written again. Bounded: the oldest
 * id is forgotten first. That the table stays free of duplicates rests on its key, not on this.
 */
export class SeenEvents {
  readonly #maxIds: number;
  /** Insertion order is age; a promise stands for an event whose write is under way. */
  readonly #ids = new Map<string, Promise<void> | true>();
  readonly #bindings = new Map<string, string>();

  constructor(maxIds: number) {
    this.#maxIds = maxIds;
  }

  /**
   * Writes once for all of these ids. Where each of them is durable, or on its way there, it waits for that instead.
   *
   * @param binding must be the same whenever the first id comes again
   * @returns true when nothing was written because the events were known. Rejects as `write` does, and then none of the
   * ids counts as seen.
   * @throws BindingConflict
   */
  async writeOnce(ids: readonly string[], write: () => Promise<void>, binding?: string): Promise<boolean> {
    if (binding !== undefined) this.#assertBound(ids[0] ?? '', binding);
    const known = ids.map((id) => this.#ids.get(id));
    if (ids.length > 0 && known.every((state) => state !== undefined)) {
      await Promise.all(known.map(async (state) => state));
      return true;
    }
    const writing = write();
    const mine = ids.filter((_id, index) => known[index] === undefined);
    for (const id of mine) this.#ids.set(id, writing);
    try {
      await writing;
    } catch (error) {
      for (const id of mine) this.#forget(id);
      throw error;
    }
    for (const id of mine) this.#ids.set(id, true);
    this.#forgetOldest();
    return false;
  }

  #assertBound(id: string, binding: string): void {
    const known = this.#bindings.get(id);
    if (known === undefined) this.#bindings.set(id, binding);
    else if (known !== binding) throw new BindingConflict();
  }

  #forgetOldest(): void {
    for (const [id, state] of this.#ids) {
      if (this.#ids.size <= this.#maxIds) return;
      if (state === true) this.#forget(id);
    }
  }

  #forget(id: string): void {
    this.#ids.delete(id);
    this.#bindings.delete(id);
  }
}
