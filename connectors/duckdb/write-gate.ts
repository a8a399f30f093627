/**
 * Lets writers of one database work together, and a change of its tables alone: DuckDB refuses a checkpoint while others
 * write. First come, first served, so that neither kind waits for ever.
 */
export class WriteGate {
  #active = 0;
  #isAlone = false;
  readonly #waiting: { readonly isAlone: boolean; readonly enter: () => void }[] = [];

  /** Work beside other such work. */
  together<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#through(false, work);
  }

  /** Work while nothing else works. Never call it from within other work of the gate. */
  alone<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#through(true, work);
  }

  async #through<Result>(isAlone: boolean, work: () => Promise<Result>): Promise<Result> {
    await new Promise<void>((enter) => {
      this.#waiting.push({ isAlone, enter });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#active -= 1;
      this.#isAlone = false;
      this.#admit();
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#isAlone || (next.isAlone && this.#active > 0)) return;
      this.#waiting.shift();
      this.#active += 1;
      this.#isAlone = next.isAlone;
      next.enter();
    }
  }
}
