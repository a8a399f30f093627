import { seededRandom } from './seeded-random.js';
import { createShopCatalogue, type ShopProduct } from './shop-catalogue.js';
import {
  correctOrder,
  offsetInstant,
  placeOrder,
  type ShopBuyer,
  type ShopOrder,
  type ShopRefund,
} from './shop-orders.js';

/** A deletion as the events resource tells it. */
export interface ShopDeletion {
  readonly subject_type: 'Order' | 'Product';
  readonly id: bigint;
  readonly subject_id: bigint;
  readonly created_at: string;
}

/** A shop whose orders change step by step, the same way for the same seed. */
export interface ShopState {
  readonly orders: ReadonlyMap<bigint, ShopOrder>;
  readonly deletions: readonly ShopDeletion[];
  readonly products: ReadonlyMap<bigint, ShopProduct>;
  /** Buyers with an account. */
  readonly customers: ReadonlyMap<bigint, ShopBuyer>;
  /** Refunds by the order that they belong to. */
  readonly refunds: ReadonlyMap<bigint, readonly ShopRefund[]>;
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

  const customers = new Map<bigint, ShopBuyer>();
  const refunds = new Map<bigint, ShopRefund[]>();
  const catalogue = createShopCatalogue(script.seed, startMs);

  const place = (atMs: number, nowMs = atMs): void => {
    const order = placeOrder(random, placed, atMs);
    orders.set(order.id, order);
    placed += 1;
    if (order.customer === null) return;
    const { id } = order.customer;
    const known = customers.get(id);
    customers.set(id, {
      ...order.customer,
      createdAtMs: Math.min(known?.createdAtMs ?? nowMs, atMs),
      updatedAtMs: Math.max(known?.updatedAtMs ?? nowMs, nowMs),
      orders: (known?.orders ?? 0) + 1,
    });
  };
  const refund = (order: ShopOrder, nowMs: number): void => {
    const list = refunds.get(order.id) ?? [];
    const id = 509_562_969_000_000_000n + (order.id % 1_000_000_000n) * 10n + BigInt(list.length);
    refunds.set(order.id, [...list, { id, atMs: nowMs, amount: order.total_price, lines: order.line_items }]);
  };
  const tell = (subject_type: ShopDeletion['subject_type'], subject_id: bigint, nowMs: number): void => {
    const id = 164_748_010_000_000_000n + BigInt(deletions.length);
    deletions.push({ id, subject_type, subject_id, created_at: offsetInstant(nowMs, -300) });
  };
  const anyOrder = (): ShopOrder | undefined =>
    [...orders.values()][random.integer(0, Math.max(0, orders.size - 1))];

  const early = Math.ceil(script.orders / 2);
  for (let count = 0; count < early; count += 1) place(startMs - random.integer(1, 30 * 86_400) * 1000);

  return {
    orders,
    deletions,
    products: catalogue.products,
    customers,
    refunds,
    isDone: () => step >= script.steps,
    advance() {
      if (step >= script.steps) return;
      step += 1;
      const nowMs = startMs + step * script.stepMs;
      const target = early + Math.floor(((script.orders - early) * step) / script.steps);
      while (placed < target) {
        const isLate = random.chance(0.25);
        const lateMs = isLate ? random.integer(0, Math.floor(script.lateByMaxMs / 1000)) * 1000 : 0;
        place(nowMs - lateMs, nowMs);
      }
      for (let count = random.integer(1, 4); count > 0; count -= 1) {
        const order = anyOrder();
        if (order === undefined) continue;
        const corrected = correctOrder(random, order, nowMs);
        orders.set(order.id, corrected);
        const isRefunded = corrected.financial_status === 'refunded';
        if (isRefunded && order.financial_status !== 'refunded') refund(order, nowMs);
      }
      const withdrawn = catalogue.advance(nowMs);
      if (withdrawn !== undefined) tell('Product', withdrawn, nowMs);
      const gone = random.chance(0.6) ? anyOrder() : undefined;
      if (gone === undefined) return;
      orders.delete(gone.id);
      tell('Order', gone.id, nowMs);
    },
  };
}
