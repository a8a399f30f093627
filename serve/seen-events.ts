/**
 * Remembers which events are durable, so that a repeat is acknowledged without being written again. Bounded: the oldest
 * id is forgotten first. That the table stays free of duplicates rests on its key, not on this.
 */
export class SeenEvents {
  readonly #maxIds: number;
  /** Insertion order is age; a promise stands for an event whose write is under way. */
  readonly #ids = new Map<string, Promise<void> | true>();

  constructor(maxIds: number) {
    this.#maxIds = maxIds;
  }

  /**
   * Writes once for all of these ids. Where each of them is durable, or on its way there, it waits for that instead.
   *
   * @returns true when nothing was written because the events were known. Rejects as `write` does, and then none of the
   * ids counts as seen.
   */
  async writeOnce(ids: readonly string[], write: () => Promise<void>): Promise<boolean> {
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
      for (const id of mine) this.#ids.delete(id);
      throw error;
    }
    for (const id of mine) this.#ids.set(id, true);
    this.#forgetOldest();
    return false;
  }

  #forgetOldest(): void {
    for (const [id, state] of this.#ids) {
      if (this.#ids.size <= this.#maxIds) return;
      if (state === true) this.#ids.delete(id);
    }
  }
}
