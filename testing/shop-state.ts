import { seededRandom } from './seeded-random.js';
import { correctOrder, offsetInstant, placeOrder, type ShopOrder } from './shop-orders.js';

/** A deletion as the events resource tells it. */
export interface ShopDeletion {
  readonly id: bigint;
  readonly subject_id: bigint;
  readonly created_at: string;
}

/** A shop whose orders change step by step, the same way for the same seed. */
export interface ShopState {
  readonly orders: ReadonlyMap<bigint, ShopOrder>;
  readonly deletions: readonly ShopDeletion[];
  /** One step of the script; nothing once it is done. */
  advance(): void;
  isDone(): boolean;
}

/** How a fixture shop lives. */
export interface ShopScript {
  readonly seed: number;
  /** Orders ever placed. Half of them are there before the first step. */
  readonly orders: number;
  readonly steps: number;
  /** Shop time that one step takes, in milliseconds. */
  readonly stepMs: number;
  /** How far back in shop time a late order may lie, in milliseconds. */
  readonly lateByMaxMs: number;
  /** Shop time of the first step, ISO 8601. */
  readonly startAt: string;
}

/** Every step places orders, some of them late; corrects some; and deletes some. */
export function createShopState(script: ShopScript): ShopState {
  const random = seededRandom(script.seed);
  const orders = new Map<bigint, ShopOrder>();
  const deletions: ShopDeletion[] = [];
  const startMs = Date.parse(script.startAt);
  let step = 0;
  let placed = 0;

  const place = (atMs: number): void => {
    const order = placeOrder(random, placed, atMs);
    orders.set(order.id, order);
    placed += 1;
  };
  const anyOrder = (): ShopOrder | undefined =>
    [...orders.values()][random.integer(0, Math.max(0, orders.size - 1))];

  const early = Math.ceil(script.orders / 2);
  for (let count = 0; count < early; count += 1) place(startMs - random.integer(1, 30 * 86_400) * 1000);

  return {
    orders,
    deletions,
    isDone: () => step >= script.steps,
    advance() {
      if (step >= script.steps) return;
      step += 1;
      const nowMs = startMs + step * script.stepMs;
      const target = early + Math.floor(((script.orders - early) * step) / script.steps);
      while (placed < target) {
        const isLate = random.chance(0.25);
        place(nowMs - (isLate ? random.integer(0, Math.floor(script.lateByMaxMs / 1000)) * 1000 : 0));
      }
      for (let count = random.integer(1, 4); count > 0; count -= 1) {
        const order = anyOrder();
        if (order !== undefined) orders.set(order.id, correctOrder(random, order, nowMs));
      }
      const gone = random.chance(0.6) ? anyOrder() : undefined;
      if (gone === undefined) return;
      orders.delete(gone.id);
      deletions.push({
        id: 164_748_010_000_000_000n + BigInt(deletions.length),
        subject_id: gone.id,
        created_at: offsetInstant(nowMs, -300),
      });
    },
  };
}
