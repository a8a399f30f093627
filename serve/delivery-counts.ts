import type { Logger } from 'pino';
import { limits } from '../core/limits.js';

/** What became of the deliveries to one source since the start. */
export interface DeliveryCounts {
  readonly accepted: number;
  /** Known already; acknowledged and not written again. */
  readonly repeated: number;
  /** Signature, key or replay. */
  readonly refused: number;
}

/** Counts deliveries by source, and tells the log of refusals, at most once in a while. */
export class DeliveryCounter {
  readonly #counts = new Map<string, { accepted: number; repeated: number; refused: number }>();
  readonly #toldAtMs = new Map<string, number>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  kept(source: string, isRepeat: boolean): void {
    this.#of(source)[isRepeat ? 'repeated' : 'accepted'] += 1;
  }

  refused(source: string, reason: string, nowMs: number): void {
    const counts = this.#of(source);
    counts.refused += 1;
    const toldAtMs = this.#toldAtMs.get(source) ?? Number.NEGATIVE_INFINITY;
    if (Math.abs(nowMs - toldAtMs) < limits.gatewayRefusalLogEveryMs) return;
    this.#toldAtMs.set(source, nowMs);
    this.#logger.warn({ source, reason, refused: counts.refused }, 'gateway: deliveries are refused');
  }

  all(): Readonly<Record<string, DeliveryCounts>> {
    return Object.fromEntries([...this.#counts].map(([source, counts]) => [source, { ...counts }]));
  }

  #of(source: string) {
    let counts = this.#counts.get(source);
    if (counts === undefined) this.#counts.set(source, (counts = { accepted: 0, repeated: 0, refused: 0 }));
    return counts;
  }
}
