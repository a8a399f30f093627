import { setTimeout as sleep } from 'node:timers/promises';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type {
  RateAnswer,
  RateBudgetKey,
  RateBudgets,
  RateReport,
  RateRule,
  RateTelling,
} from '../../core/rates/rate-state.js';

/** Who takes from a budget. */
export interface BudgetReaderOptions {
  readonly budgets: RateBudgets;
  readonly key: RateBudgetKey;
  /** A name that no other reader has. */
  readonly holder: string;
  readonly dag: string;
  readonly rules?: readonly RateRule[];
  readonly sliceMs?: number;
}

/** What one request took from its budget. Exactly one of both is called, when its answer has come or will not come. */
export interface BudgetTicket {
  answered(told: { readonly telling?: RateTelling; readonly units?: number }): Promise<void>;
  /** @param heldMs - how long the provider asked to wait */
  failed(heldMs?: number): Promise<void>;
}

/** How a request waits for its turn. */
export interface TakeOptions {
  readonly units: number;
  /** The connector's name, for messages. */
  readonly source: string;
  readonly signal: AbortSignal;
  /** A longer wait is left to the task's scheduler. */
  readonly maxWaitMs: number;
}

/**
 * One reader of one budget. It is granted a slice at a time, so that the store is not asked for each request, and accounts
 * for it with its next question. A slice is used for `sliceMs` from before it was asked for, which ends before the store
 * counts it as spent.
 */
export class BudgetReader {
  /** Time that requests have waited for their turn, in all. */
  waitedMs = 0;
  readonly #options: BudgetReaderOptions;
  readonly #sliceMs: number;
  #free = 0;
  #validUntilMs = 0;
  #isProbe = false;
  #wants = 1;
  #used: { readonly reserved: number; readonly units: number; readonly answeredAtMs: number }[] = [];
  #telling: { readonly telling: RateTelling; readonly atMs: number } | undefined;
  #line: Promise<unknown> = Promise.resolve();
  #isUsed = false;

  constructor(options: BudgetReaderOptions) {
    this.#options = options;
    this.#sliceMs = options.sliceMs ?? limits.rateSliceMs;
  }

  /**
   * Waits for the units of one request.
   *
   * @throws PipelineError SOURCE_RATE_LIMITED where that takes longer than `maxWaitMs`, OPS_UNAVAILABLE; or the reason of
   * `signal` when it was aborted
   */
  async take(options: TakeOptions): Promise<BudgetTicket> {
    const before = this.#line;
    const taken = (async () => {
      await before.catch(() => undefined);
      return this.#wait(options);
    })();
    this.#line = taken.catch(() => undefined);
    const reserved = await taken;
    const isProbe = this.#isProbe;
    return {
      answered: async ({ telling, units = reserved }) => {
        this.#used.push({ reserved, units, answeredAtMs: performance.now() });
        if (telling !== undefined) this.#telling = { telling, atMs: performance.now() };
        if (isProbe) await this.#tell();
      },
      failed: async (heldMs) => {
        this.#used.push({ reserved, units: reserved, answeredAtMs: performance.now() });
        if (isProbe || heldMs !== undefined) await this.#tell(heldMs);
      },
    };
  }

  /** Gives back what was not used. */
  async close(): Promise<void> {
    if (this.#isUsed) await this.#tell();
  }

  /** A report alone. What the store does not hear of lapses there by itself; the answer to a request is not lost for it. */
  async #tell(heldMs?: number): Promise<void> {
    await this.#turn(undefined, heldMs).catch(() => undefined);
  }

  async #wait({ units, source, signal, maxWaitMs }: TakeOptions): Promise<number> {
    const beganAtMs = performance.now();
    let isQueued = false;
    try {
      for (;;) {
        signal.throwIfAborted();
        if (this.#free >= units && performance.now() < this.#validUntilMs) return this.#spend(units);
        const answer = await this.#ask(units);
        isQueued = answer.granted === 0;
        if (!isQueued) return this.#spend(Math.min(units, answer.granted));
        const waitedMs = performance.now() - beganAtMs;
        if (answer.freeInMs > maxWaitMs || waitedMs > limits.rateLimitPauseMaxMs)
          throw rateLimited(source, answer.freeInMs);
        await sleep(answer.askAgainMs, undefined, { signal });
      }
    } catch (error) {
      if (isQueued) await this.#tell();
      throw signal.aborted ? signal.reason : error;
    } finally {
      this.waitedMs += performance.now() - beganAtMs;
    }
  }

  #spend(units: number): number {
    this.#free -= units;
    return units;
  }

  async #ask(units: number): Promise<RateAnswer> {
    const askedAtMs = performance.now();
    // What is asked for grows while slices are used up in their time.
    const isUsedUp = this.#free < units && askedAtMs < this.#validUntilMs;
    this.#wants = isUsedUp ? Math.min(this.#wants * 2, limits.rateSliceMaxUnits) : 1;
    const answer = await this.#turn(units);
    if (answer.granted > 0) {
      this.#free = answer.granted;
      this.#isProbe = answer.isProbe;
      this.#validUntilMs = askedAtMs + this.#sliceMs;
    }
    return answer;
  }

  #turn(units: number | undefined, heldMs?: number): Promise<RateAnswer> {
    const { budgets, key, holder, dag, rules } = this.#options;
    this.#isUsed = true;
    const report = this.#report(heldMs);
    return budgets.turn(key, {
      holder,
      dag,
      ...(rules !== undefined && { rules }),
      report,
      ...(units !== undefined && { ask: { units, want: units * this.#wants, sliceMs: this.#sliceMs } }),
    });
  }

  #report(heldMs: number | undefined): RateReport {
    const nowMs = performance.now();
    const used = this.#used.map(({ answeredAtMs, ...units }) => ({ ...units, ageMs: nowMs - answeredAtMs }));
    const unused = this.#free;
    const told = this.#telling;
    [this.#used, this.#free, this.#telling] = [[], 0, undefined];
    return {
      used,
      unused,
      ...(told !== undefined && { telling: { ...told.telling, ageMs: nowMs - told.atMs } }),
      ...(heldMs !== undefined && { heldMs }),
    };
  }
}

function rateLimited(source: string, freeInMs: number): PipelineError {
  const askedMs = freeInMs > 0 ? freeInMs : limits.rateLimitDefaultWaitMs;
  const retryAfterMs = Math.min(Math.ceil(askedMs), limits.retryAfterMaxMs);
  return new PipelineError('SOURCE_RATE_LIMITED', { source, retryAfterMs }, { retryAfterMs });
}
