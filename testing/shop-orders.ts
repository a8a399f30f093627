import type { SeededRandom } from './seeded-random.js';

/** One order as the fixture shop holds it. Ids are `bigint`: like real ones they exceed 2^53. */
export interface ShopOrder {
  readonly id: bigint;
  readonly admin_graphql_api_id: string;
  readonly name: string;
  readonly email: string | null;
  /** Instants with a UTC offset that differs from order to order. */
  readonly created_at: string;
  readonly updated_at: string;
  readonly cancelled_at: string | null;
  readonly currency: string;
  /** Decimal text with two digits. */
  readonly total_price: string;
  readonly total_tax: string;
  readonly financial_status: 'pending' | 'paid' | 'refunded';
  readonly fulfillment_status: 'fulfilled' | null;
  readonly note: string | null;
  readonly test: boolean;
  readonly customer: ShopCustomer | null;
  readonly line_items: readonly ShopLineItem[];
}

/** The buyer; `null` on orders without an account. */
export interface ShopCustomer {
  readonly id: bigint;
  readonly email: string;
  readonly first_name: string;
  readonly last_name: string | null;
}

/** One position of an order. */
export interface ShopLineItem {
  readonly id: bigint;
  readonly product_id: bigint;
  readonly variant_id: bigint | null;
  readonly sku: string;
  readonly title: string;
  readonly quantity: number;
  readonly price: string;
}

/** A buyer's account, and how it came to be. */
export interface ShopBuyer extends ShopCustomer {
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Orders ever placed. */
  readonly orders: number;
}

/** Money given back for all of an order. */
export interface ShopRefund {
  readonly id: bigint;
  readonly atMs: number;
  readonly amount: string;
  readonly lines: readonly ShopLineItem[];
}

const firstOrderId = 820_982_911_946_154_508n;
const firstCustomerId = 115_310_627_314_723_954n;
const firstLineItemId = 866_550_311_766_439_020n;
const firstProductId = 788_032_119_674_292_922n;
const offsetsMinutes = [-300, 0, 60, 330] as const;
const firstNames = ['Ada', 'Björn', 'Chidi', '道子', "D'Arcy", 'Émile'] as const;

/** The order with this number as it is first placed at an instant. */
export function placeOrder(random: SeededRandom, number: number, placedAtMs: number): ShopOrder {
  const customerNumber = random.integer(1, 400);
  const hasAccount = random.chance(0.9);
  const email = `buyer${customerNumber}@example.com`;
  const offset = random.pick(offsetsMinutes);
  const lineItems = Array.from({ length: random.integer(1, 4) }, (_, index) =>
    lineItem(random, BigInt(number * 8 + index)),
  );
  const totalCents = lineItems.reduce((sum, item) => sum + item.quantity * cents(item.price), 0);
  const placedAt = offsetInstant(placedAtMs, offset);
  return {
    id: firstOrderId + BigInt(number) * 3n,
    admin_graphql_api_id: `gid://shopify/Order/${firstOrderId + BigInt(number) * 3n}`,
    name: `#${1000 + number}`,
    email: hasAccount ? email : null,
    created_at: placedAt,
    updated_at: placedAt,
    cancelled_at: null,
    currency: random.pick(['EUR', 'USD', 'GBP']),
    total_price: money(totalCents),
    total_tax: money(Math.round(totalCents / 6)),
    financial_status: random.pick(['pending', 'paid']),
    fulfillment_status: null,
    note: random.chance(0.1) ? 'ring twice\n"blue door" \\ 2nd floor' : null,
    test: false,
    customer: hasAccount
      ? {
          id: firstCustomerId + BigInt(customerNumber),
          email,
          first_name: random.pick(firstNames),
          last_name: random.chance(0.8) ? 'Example' : null,
        }
      : null,
    line_items: lineItems,
  };
}

/** A later version of an order: shipped, refunded, cancelled or re-priced. */
export function correctOrder(random: SeededRandom, order: ShopOrder, correctedAtMs: number): ShopOrder {
  const updated_at = offsetInstant(correctedAtMs, random.pick(offsetsMinutes));
  const change = random.integer(0, 3);
  if (change === 0)
    return { ...order, updated_at, fulfillment_status: 'fulfilled', financial_status: 'paid' };
  if (change === 1)
    return { ...order, updated_at, financial_status: 'refunded', total_price: '0.00', total_tax: '0.00' };
  if (change === 2) return { ...order, updated_at, cancelled_at: updated_at };
  const totalCents = cents(order.total_price) + random.integer(1, 5_000);
  return { ...order, updated_at, total_price: money(totalCents) };
}

/** ISO 8601 with whole seconds and this UTC offset. */
export function offsetInstant(instantMs: number, offsetMinutes: number): string {
  const local = new Date(instantMs + offsetMinutes * 60_000).toISOString().slice(0, 19);
  if (offsetMinutes === 0) return `${local}Z`;
  const size = Math.abs(offsetMinutes);
  const part = (value: number): string => String(value).padStart(2, '0');
  return `${local}${offsetMinutes < 0 ? '-' : '+'}${part(Math.floor(size / 60))}:${part(size % 60)}`;
}

function lineItem(random: SeededRandom, number: bigint): ShopLineItem {
  const product = random.integer(1, 60);
  return {
    id: firstLineItemId + number,
    product_id: firstProductId + BigInt(product),
    variant_id: random.chance(0.9) ? firstProductId + BigInt(product * 1000) : null,
    sku: `S-${product}`,
    title: `Record no. ${product}`,
    quantity: random.integer(1, 3),
    price: money(random.integer(99, 9_999)),
  };
}

function money(amountCents: number): string {
  const text = String(amountCents).padStart(3, '0');
  return `${text.slice(0, -2)}.${text.slice(-2)}`;
}

function cents(amount: string): number {
  return Number(amount.replace('.', ''));
}
