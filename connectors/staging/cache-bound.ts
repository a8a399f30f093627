import { limits } from '../../core/limits.js';
import type { StagedEntry, StagingStore } from '../staging.js';

/**
 * Keeps the local copies of a remote store within a bound: those that were not asked for longest go first. One that was
 * asked for within `limits.stagingCacheKeepMs` stays, because a stage may still read it, so that the bound is a soft one.
 */
export class CacheBound {
  readonly #cache: Pick<StagingStore, 'entries' | 'remove'>;
  readonly #maxBytes: number;
  readonly #keepMs: number;
  #bytes: number | undefined;
  #round: Promise<void> | undefined;

  constructor(
    cache: Pick<StagingStore, 'entries' | 'remove'>,
    maxBytes: number,
    keepMs = limits.stagingCacheKeepMs,
  ) {
    this.#cache = cache;
    this.#maxBytes = maxBytes;
    this.#keepMs = keepMs;
  }

  /** Tells of a new copy, and makes room where there is none. One round at a time; the others wait for it. */
  async added(bytes: number): Promise<void> {
    if (this.#bytes !== undefined) this.#bytes += bytes;
    if (this.#bytes !== undefined && this.#bytes <= this.#maxBytes) return;
    this.#round ??= this.#makeRoom().finally(() => {
      this.#round = undefined;
    });
    await this.#round;
  }

  async #makeRoom(): Promise<void> {
    const entries: StagedEntry[] = [];
    for await (const entry of this.#cache.entries()) entries.push(entry);
    let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
    const oldest = entries
      .filter(({ usedAtMs }) => usedAtMs < Date.now() - this.#keepMs)
      .sort((a, b) => a.usedAtMs - b.usedAtMs);
    for (const entry of oldest) {
      if (total <= this.#maxBytes) break;
      if (await this.#cache.remove(entry)) total -= entry.bytes;
    }
    this.#bytes = total;
  }
}
