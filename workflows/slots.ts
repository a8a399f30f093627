import {
  ApplicationFailure,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  proxyActivities,
  setHandler,
  uuid4,
  workflowInfo,
  type SignalDefinition,
} from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import { PipelineError } from '../core/errors/index.js';
import { poolWorkflowId } from '../core/ids.js';
import { limits } from '../core/limits.js';
import type { LeaseReference, LeaseRequest, PoolAnswer } from '../core/pools/pool-state.js';
import type { CarriedSlot, SlotRequest } from '../core/pools/slot-requests.js';
import { acquireSlotSignal, releaseSlotSignal, slotAnswerSignal } from './messages.js';

const { ensurePool } = proxyActivities<Pick<Activities, 'ensurePool'>>({
  startToCloseTimeout: '1m',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
  summary: 'start the coordinator of a pool',
});

interface OwnLease {
  readonly request: SlotRequest;
  readonly requestId: string;
  /** When it was asked for, ISO 8601 UTC, and its place among all that was asked for. */
  readonly askedAt: string;
  readonly turn: number;
  state: 'waiting' | 'granted' | 'refused';
  /** The pool's size, where it refused. */
  poolSlots?: number;
  /** The last word to the coordinator; the next one waits for it, because signals may overtake one another. */
  lastWord: Promise<void>;
}

/**
 * A run's side of the pools: asks coordinators for slots and gives them back. One for each execution of a workflow,
 * because it installs the handler of their answers. Before the workflow ends or continues as new, `settle` must have
 * returned: a closed workflow sends nothing any more.
 */
export class SlotClient {
  readonly #leases = new Map<string, OwnLease>();
  readonly #words = new Set<Promise<void>>();
  #isAskingAgain = false;
  #turns = 0;

  /** @param carried what `carried` returned in the execution before this one. */
  constructor(carried: readonly CarriedSlot[] = []) {
    for (const slot of carried)
      this.#leases.set(slot.request.leaseId, this.#newLease(slot.request, slot.requestId, 'granted'));
    setHandler(slotAnswerSignal, (answer) => {
      this.#hear(answer);
    });
  }

  /** The slots that are held now. */
  get carried(): readonly CarriedSlot[] {
    return [...this.#leases.values()]
      .filter(({ state }) => state === 'granted')
      .map(({ request, requestId }) => ({ request, requestId }));
  }

  /**
   * Waits until the pool gives the slots. When the scope is cancelled meanwhile, the request is withdrawn.
   *
   * @throws ApplicationFailure POOL_UNKNOWN, POOL_TOO_SMALL
   */
  async acquire(request: SlotRequest): Promise<void> {
    const { leaseId } = request;
    if (this.#leases.has(leaseId)) throw new Error(`lease "${leaseId}" is asked for twice`);
    const lease = this.#newLease(request, uuid4().slice(0, 8), 'waiting');
    this.#leases.set(leaseId, lease);
    try {
      await this.#ask(lease);
    } catch (error) {
      this.#leases.delete(leaseId);
      throw error;
    }
    try {
      void this.#askAgain();
      await condition(() => lease.state !== 'waiting');
    } catch (error) {
      void this.release(leaseId);
      throw error;
    }
    if (lease.state !== 'refused') return;
    this.#leases.delete(leaseId);
    throw tooSmall(request, lease.poolSlots ?? 0);
  }

  /** Gives a lease back, also in a cancelled scope; one that is not held is no error. */
  release(leaseId: string): Promise<void> {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) return Promise.resolve();
    this.#leases.delete(leaseId);
    return this.#giveBack(lease.request, referenceOf(lease), lease.lastWord);
  }

  /** Runs a task's work while it holds its slots: none of them, or all in the order given. */
  async hold<Result>(requests: readonly SlotRequest[], work: () => Promise<Result>): Promise<Result> {
    const held: string[] = [];
    try {
      for (const request of requests) {
        await this.acquire(request);
        held.push(request.leaseId);
      }
      return await work();
    } finally {
      for (const leaseId of held) void this.release(leaseId);
    }
  }

  /** Whether no release is on its way. */
  get isSettled(): boolean {
    return this.#words.size === 0;
  }

  /** Returns once every release has reached its coordinator. */
  async settle(): Promise<void> {
    while (this.#words.size > 0) await Promise.all(this.#words);
  }

  #newLease(request: SlotRequest, requestId: string, state: OwnLease['state']): OwnLease {
    this.#turns += 1;
    const askedAt = new Date().toISOString();
    return { request, requestId, askedAt, turn: this.#turns, state, lastWord: Promise.resolve() };
  }

  #hear(answer: PoolAnswer & { readonly pool: string }): void {
    const lease = this.#leases.get(answer.leaseId);
    const { firstExecutionRunId } = workflowInfo();
    if (lease?.requestId === answer.requestId && answer.firstRunId === firstExecutionRunId) {
      if (lease.state !== 'waiting') return;
      lease.state = answer.kind;
      if (answer.kind === 'refused') lease.poolSlots = answer.poolSlots;
    } else if (answer.kind === 'granted') {
      // Withdrawn meanwhile, or asked for by an earlier run with this workflow id.
      void this.#giveBack({ pool: answer.pool }, answer, Promise.resolve());
    }
  }

  /** Asks once. Where the pool has no coordinator, one is started. */
  #ask(lease: OwnLease): Promise<void> {
    const { request, askedAt, turn } = lease;
    const { slots, priorityWeight, label } = request;
    const message: LeaseRequest = { ...referenceOf(lease), slots, priorityWeight, label, askedAt, turn };
    const word = CancellationScope.nonCancellable(async () => {
      await lease.lastWord;
      await say(request, acquireSlotSignal, message);
    });
    lease.lastWord = word.catch(() => undefined);
    return word;
  }

  /** One timer for all that wait: what a coordinator did not keep, or lost, is asked for again. */
  async #askAgain(): Promise<void> {
    if (this.#isAskingAgain) return;
    this.#isAskingAgain = true;
    const waiting = () => [...this.#leases.values()].filter(({ state }) => state === 'waiting');
    let waitMs: number = limits.poolAskAgainFirstMs;
    await CancellationScope.nonCancellable(async () => {
      while (waiting().length > 0) {
        if (await condition(() => waiting().length === 0, waitMs)) {
          waitMs = limits.poolAskAgainFirstMs;
          continue;
        }
        // The next round tries what fails now.
        await Promise.allSettled(waiting().map((lease) => this.#ask(lease)));
        waitMs = Math.min(2 * waitMs, limits.poolAskAgainMaxMs);
      }
      this.#isAskingAgain = false;
    });
  }

  #giveBack(
    request: Pick<SlotRequest, 'pool' | 'limit'>,
    { workflowId, firstRunId, leaseId, requestId }: LeaseReference,
    lastWord: Promise<void>,
  ): Promise<void> {
    const word = CancellationScope.nonCancellable(async () => {
      await lastWord;
      await say(request, releaseSlotSignal, { workflowId, firstRunId, leaseId, requestId });
    })
      .catch(() => undefined)
      .finally(() => this.#words.delete(word));
    this.#words.add(word);
    return word;
  }
}

/**
 * Signals a coordinator; one that does not run is started first. A word that does not arrive even then is no error: a
 * request is repeated, and a pool that is gone holds nothing.
 *
 * @throws ActivityFailure POOL_UNKNOWN
 */
async function say<Message>(
  { pool, limit }: Pick<SlotRequest, 'pool' | 'limit'>,
  signal: SignalDefinition<[Message]>,
  message: Message,
): Promise<void> {
  const coordinator = getExternalWorkflowHandle(poolWorkflowId(pool));
  try {
    await coordinator.signal(signal, message);
  } catch {
    await ensurePool({ pool, ...(limit === undefined ? {} : { limit }) });
    await coordinator.signal(signal, message).catch(() => undefined);
  }
}

function referenceOf({ request, requestId }: Pick<OwnLease, 'request' | 'requestId'>): LeaseReference {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return { workflowId, firstRunId: firstExecutionRunId, leaseId: request.leaseId, requestId };
}

function tooSmall({ pool, label, slots }: SlotRequest, poolSlots: number): ApplicationFailure {
  const { code, message } = new PipelineError('POOL_TOO_SMALL', { pool, what: label, slots, poolSlots });
  const failure = ApplicationFailure.create({ type: code, nonRetryable: true, message });
  failure.stack = `PoolTooSmall: ${message}`;
  return failure;
}
