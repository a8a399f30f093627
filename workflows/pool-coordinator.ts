import {
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import { limits } from '../core/limits.js';
import { Pool } from '../core/pools/pool.js';
import type { PoolAnswer, PoolCoordinatorInput } from '../core/pools/pool-state.js';
import {
  acquireSlotSignal,
  closePoolUpdate,
  configurePoolSignal,
  poolInputQuery,
  poolQuery,
  releaseSlotSignal,
  resizePoolSignal,
  slotAnswerSignal,
} from './messages.js';

const { findClosedRuns } = proxyLocalActivities<Pick<Activities, 'findClosedRuns'>>({
  startToCloseTimeout: '30s',
});

/**
 * Gives the slots of one pool to runs. It decides by `core/pools/pool.ts`, one signal after the other, so no two runs ever get
 * the same slot. What a run that ended without a word had is found by asking Temporal, and is free again. The workflow
 * lives as long as the pool; it continues as new before its history grows long, and hands on the state and the answers
 * that are not delivered yet. A request to cancel it is not heard, because runs rely on it.
 */
export async function poolCoordinator(input: PoolCoordinatorInput): Promise<void> {
  const pool = new Pool(input.state);
  const deliveries = new Deliveries(input, (answer) => {
    // A run that cannot be told does not know that it has the slots: whoever comes next may have them.
    tell(pool.release(answer, now()));
  });
  const tell = (answers: readonly PoolAnswer[]) => {
    deliveries.add(answers);
    const { slots, usedSlots, waiting } = pool;
    setCurrentDetails(
      `**pool ${input.pool}** · ${String(slots)} slots · ${String(usedSlots)} used · ${String(waiting)} waiting`,
    );
  };
  let isClosed = false;
  setHandler(acquireSlotSignal, (request) => {
    tell(pool.acquire(request, now()));
  });
  setHandler(releaseSlotSignal, (reference) => {
    tell(pool.release(reference, now()));
  });
  setHandler(resizePoolSignal, ({ slots }) => {
    tell(pool.resize(slots, now()));
  });
  setHandler(configurePoolSignal, ({ slots }) => {
    tell(pool.configure(slots, now()));
  });
  setHandler(closePoolUpdate, () => {
    isClosed = pool.isEmpty;
    return isClosed;
  });
  setHandler(poolQuery, () => pool.view);
  setHandler(poolInputQuery, () => ({ ...input, state: pool.state, answers: deliveries.undelivered }));

  const isHistoryLong = () =>
    workflowInfo().continueAsNewSuggested ||
    workflowInfo().historyLength > (input.historyMaxEvents ?? limits.poolHistoryMaxEvents);
  await CancellationScope.nonCancellable(async () => {
    tell([]);
    void forgetClosedRuns(pool, tell);
    await condition(() => isHistoryLong() || (isClosed && pool.isEmpty));
    await deliveries.drain();
  });
  if (isClosed && pool.isEmpty) return;
  await continueAsNew<typeof poolCoordinator>({
    ...input,
    state: pool.state,
    answers: deliveries.undelivered,
  });
}

/** Looks for runs that ended without giving back, often while others wait and rarely otherwise; never for an empty pool. */
async function forgetClosedRuns(pool: Pool, tell: (answers: readonly PoolAnswer[]) => void): Promise<never> {
  let position = 0;
  let waitMs: number = limits.poolCheckFirstMs;
  for (;;) {
    await condition(() => !pool.isEmpty);
    if (pool.waiting === 0) {
      waitMs = limits.poolCheckFirstMs;
      await condition(() => pool.waiting > 0, limits.poolCheckIdleMs);
    }
    if (pool.waiting > 0) await sleep(waitMs);
    const asked = pool.chains.slice(position, position + limits.poolCheckMaxRuns);
    const isLast = asked.length < limits.poolCheckMaxRuns;
    position = isLast ? 0 : position + asked.length;
    const closed = asked.length === 0 ? [] : await findClosedRuns({ chains: asked });
    for (const chain of closed) tell(pool.forget(chain, now()));
    if (closed.length > 0) waitMs = limits.poolCheckFirstMs;
    else if (isLast) waitMs = Math.min(2 * waitMs, limits.poolCheckMaxMs);
  }
}

/** Carries answers to runs, a bounded number at once; a granted one that cannot be delivered comes back. */
class Deliveries {
  readonly #pool: string;
  readonly #onLost: (answer: PoolAnswer) => void;
  readonly #queue: PoolAnswer[];
  readonly #underWay = new Set<PoolAnswer>();
  #isDraining = false;

  constructor({ pool, answers = [] }: PoolCoordinatorInput, onLost: (answer: PoolAnswer) => void) {
    this.#pool = pool;
    this.#queue = [...answers];
    this.#onLost = onLost;
  }

  /** Answers whose arrival is not certain yet. */
  get undelivered(): readonly PoolAnswer[] {
    return [...this.#underWay, ...this.#queue];
  }

  add(answers: readonly PoolAnswer[]): void {
    this.#queue.push(...answers);
    while (!this.#isDraining && this.#underWay.size < limits.poolMaxDeliveries) {
      const answer = this.#queue.shift();
      if (answer === undefined) return;
      this.#underWay.add(answer);
      void this.#deliver(answer);
    }
  }

  /** Starts no delivery any more, and waits for those under way: a closed workflow delivers nothing. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await condition(() => this.#underWay.size === 0);
  }

  async #deliver(answer: PoolAnswer): Promise<void> {
    let isDelivered = true;
    try {
      await getExternalWorkflowHandle(answer.workflowId).signal(slotAnswerSignal, {
        ...answer,
        pool: this.#pool,
      });
    } catch {
      isDelivered = false;
    }
    this.#underWay.delete(answer);
    if (!isDelivered && answer.kind === 'granted') this.#onLost(answer);
    this.add([]);
  }
}

function now(): string {
  return new Date().toISOString();
}
