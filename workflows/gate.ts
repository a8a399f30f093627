interface Waiting {
  readonly places: number;
  readonly priority: number;
  readonly enter: () => void;
}

/**
 * Bounds how many tasks of a run are under way, also across the instances of a mapped group. The most important goes
 * first, then who came first; one that needs several places is not overtaken while it waits for them.
 */
export class Gate {
  readonly #max: number;
  readonly #waiting: Waiting[] = [];
  #inside = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Takes places where they are free and nobody waits. */
  tryEnter(places = 1): boolean {
    if (this.#waiting.length > 0 || this.#inside + places > this.#max) return false;
    this.#inside += places;
    return true;
  }

  /** Waits for places, at most as many as there are. */
  async enter(places = 1, priority = 1): Promise<void> {
    if (this.tryEnter(places)) return;
    await new Promise<void>((resolve) => {
      const behind = this.#waiting.findIndex((other) => other.priority < priority);
      const at = behind < 0 ? this.#waiting.length : behind;
      this.#waiting.splice(at, 0, { places, priority, enter: resolve });
    });
  }

  /** Gives places back; the next in line get them. */
  leave(places = 1): void {
    this.#inside -= places;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#inside + next.places > this.#max) return;
      this.#waiting.shift();
      this.#inside += next.places;
      next.enter();
    }
  }
}
