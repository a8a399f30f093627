/** Lets a number of pieces of work run at a time; the rest waits in order. */
export function createGate(places: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = [];
  let free = places;
  return async (work) => {
    if (free > 0) free -= 1;
    else
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/** Aborts a transfer during which nothing moves for a time. */
export interface StallLimit {
  readonly signal: AbortSignal;
  /** Passes chunks on and takes each as a sign of life. */
  watch(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
  stop(): void;
}

export function createStallLimit(stallMs: number): StallLimit {
  const abort = new AbortController();
  const timer = setTimeout(() => {
    abort.abort(new Error(`nothing moved for ${String(stallMs)} ms`));
  }, stallMs);
  return {
    signal: abort.signal,
    async *watch(chunks) {
      for await (const chunk of chunks) {
        timer.refresh();
        yield chunk;
      }
      timer.refresh();
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
