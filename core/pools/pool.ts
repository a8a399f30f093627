import { limits } from '../limits.js';
import type {
  Lease,
  LeaseReference,
  LeaseRequest,
  PoolAnswer,
  PoolState,
  PoolView,
  RunChain,
} from './pool-state.js';

/**
 * The decisions of a pool of slots. Waiters are served by `priorityWeight`, the greatest first, then whoever asked first,
 * and nobody passes a waiter that the pool can hold: a request of many slots waits until they are free and cannot
 * starve behind small ones. A waiter larger than the pool as it is now (someone made it smaller) is passed over until it
 * fits again. Every request may be repeated.
 */
export class Pool {
  #slots: number;
  #configuredSlots: number | undefined;
  #usedSlots = 0;
  readonly #holders = new Map<string, Lease>();
  readonly #waiters = new Map<string, Lease>();
  /** Keys of the waiters, in the order in which they are served. */
  #queue: string[];

  constructor(state: PoolState) {
    this.#slots = state.slots;
    this.#configuredSlots = state.configuredSlots;
    for (const lease of state.holders) this.#take(keyOf(lease), lease);
    for (const lease of state.waiters) this.#waiters.set(keyOf(lease), lease);
    this.#queue = [...this.#waiters.keys()];
  }

  get state(): PoolState {
    return {
      slots: this.#slots,
      ...(this.#configuredSlots === undefined ? {} : { configuredSlots: this.#configuredSlots }),
      holders: [...this.#holders.values()],
      waiters: this.#inOrder(),
    };
  }

  get view(): PoolView {
    const { holders, waiters, ...sizes } = this.state;
    return {
      ...sizes,
      usedSlots: this.#usedSlots,
      holding: holders.length,
      waiting: waiters.length,
      holders: holders.slice(0, limits.poolShownLeases),
      waiters: waiters.slice(0, limits.poolShownLeases),
    };
  }

  get usedSlots(): number {
    return this.#usedSlots;
  }

  get slots(): number {
    return this.#slots;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  get isEmpty(): boolean {
    return this.#holders.size === 0 && this.#waiters.size === 0;
  }

  /** Every run that holds or waits, holders first. */
  get chains(): RunChain[] {
    const chains = [...this.#holders.values(), ...this.#inOrder()].map(
      ({ workflowId, firstRunId }): [string, RunChain] => [
        `${workflowId} ${firstRunId}`,
        { workflowId, firstRunId },
      ],
    );
    return [...new Map(chains).values()];
  }

  /**
   * Takes a request. A repeated one keeps its place, and is told again if it was granted before. Where the pool keeps as
   * many leases as it can, the request is left without an answer: the run asks again.
   */
  acquire(request: LeaseRequest, now: string): PoolAnswer[] {
    const key = keyOf(request);
    const { requestId } = request;
    const held = this.#holders.get(key);
    if (held !== undefined) {
      this.#holders.set(key, { ...held, requestId });
      return [{ ...referenceOf(request), kind: 'granted' }];
    }
    const waiting = this.#waiters.get(key);
    if (waiting !== undefined) {
      this.#waiters.set(key, { ...waiting, requestId });
      return [];
    }
    const poolSlots = Math.max(this.#slots, this.#configuredSlots ?? 0);
    // A pool of no slots is paused, not too small.
    if (this.#slots > 0 && request.slots > poolSlots)
      return [{ ...referenceOf(request), kind: 'refused', slots: request.slots, poolSlots }];
    if (this.#holders.size + this.#waiters.size >= limits.poolMaxLeases) return [];
    const lease = { ...request, since: now };
    this.#waiters.set(key, lease);
    const before = this.#queue.findIndex((other) => {
      const waiter = this.#waiters.get(other);
      return waiter !== undefined && isServedBefore(lease, waiter);
    });
    this.#queue.splice(before < 0 ? this.#queue.length : before, 0, key);
    return this.#grant(now);
  }

  /** Gives a lease back, or withdraws a request that waits. Unknown ones are no error. */
  release(reference: LeaseReference, now: string): PoolAnswer[] {
    const key = keyOf(reference);
    const lease = this.#holders.get(key) ?? this.#waiters.get(key);
    if (lease?.requestId === reference.requestId) this.#drop([key]);
    return this.#grant(now);
  }

  /** Gives back and withdraws everything of a run that has ended. */
  forget(chain: RunChain, now: string): PoolAnswer[] {
    const leases = [...this.#holders, ...this.#waiters].filter(
      ([, lease]) => lease.workflowId === chain.workflowId && lease.firstRunId === chain.firstRunId,
    );
    this.#drop(leases.map(([key]) => key));
    return this.#grant(now);
  }

  /** A person's word. A pool that shrinks below what is held grants nothing until enough is given back. */
  resize(slots: number, now: string): PoolAnswer[] {
    this.#slots = slots;
    return this.#grant(now);
  }

  /** The word of settings or a deploy: counts where it differs from the last one, so that a person's word outlives restarts. */
  configure(slots: number, now: string): PoolAnswer[] {
    if (this.#configuredSlots === slots) return [];
    this.#configuredSlots = slots;
    return this.resize(slots, now);
  }

  #inOrder(): Lease[] {
    return this.#queue.flatMap((key) => this.#waiters.get(key) ?? []);
  }

  #grant(now: string): PoolAnswer[] {
    const answers: PoolAnswer[] = [];
    for (;;) {
      const key = this.#queue.find((waiting) => (this.#waiters.get(waiting)?.slots ?? 0) <= this.#slots);
      const next = key === undefined ? undefined : this.#waiters.get(key);
      if (key === undefined || next === undefined) return answers;
      if (next.slots > this.#slots - this.#usedSlots) return answers;
      this.#drop([key]);
      this.#take(key, { ...next, since: now });
      answers.push({ ...referenceOf(next), kind: 'granted' });
    }
  }

  #take(key: string, lease: Lease): void {
    this.#holders.set(key, lease);
    this.#usedSlots += lease.slots;
  }

  #drop(keys: readonly string[]): void {
    for (const key of keys) {
      this.#usedSlots -= this.#holders.get(key)?.slots ?? 0;
      this.#holders.delete(key);
      if (this.#waiters.delete(key)) this.#queue = this.#queue.filter((waiting) => waiting !== key);
    }
  }
}

function isServedBefore(lease: Lease, other: Lease): boolean {
  if (lease.priorityWeight !== other.priorityWeight) return lease.priorityWeight > other.priorityWeight;
  const askedAt = lease.askedAt ?? lease.since;
  const otherAskedAt = other.askedAt ?? other.since;
  if (askedAt !== otherAskedAt) return askedAt < otherAskedAt;
  return lease.firstRunId === other.firstRunId && (lease.turn ?? 0) < (other.turn ?? 0);
}

function keyOf({ workflowId, firstRunId, leaseId }: LeaseReference): string {
  return `${workflowId} ${firstRunId} ${leaseId}`;
}

function referenceOf({ workflowId, firstRunId, leaseId, requestId }: LeaseReference): LeaseReference {
  return { workflowId, firstRunId, leaseId, requestId };
}
