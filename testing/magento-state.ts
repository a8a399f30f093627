import { LosslessNumber } from 'lossless-json';
import { seededRandom, type SeededRandom } from './seeded-random.js';

/** What the fixture shop holds. */
export type MagentoFixtureStream = 'orders' | 'customers' | 'products' | 'creditmemos';

/** A value of a record; money to the digit. */
export type MagentoValue =
  | string
  | number
  | boolean
  | null
  | LosslessNumber
  | readonly MagentoValue[]
  | { readonly [name: string]: MagentoValue };

/** One record as the fixture shop holds it. Times are whole seconds. */
export interface MagentoFixtureRecord {
  readonly id: number;
  readonly members: Readonly<Record<string, MagentoValue>>;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  /** The transaction that made the change is committed at this step. */
  readonly committedAtStep: number;
}

/** How a fixture shop lives. */
export interface MagentoScript {
  readonly seed: number;
  /** Orders at the start; customers are half of that, products a quarter, credit memos a tenth. */
  readonly orders: number;
  /** Orders of one import at each step, all changed in the very same second. */
  readonly imported: number;
  readonly steps: number;
  readonly stepMs: number;
  /** Time of the first step in the shop, ISO 8601. */
  readonly startAt: string;
}

/** A shop whose records change step by step, the same way for the same seed. */
export interface MagentoState {
  /** Records whose change is committed, by id. */
  records(stream: MagentoFixtureStream): readonly MagentoFixtureRecord[];
  advance(): void;
  isDone(): boolean;
}

const shares: Readonly<Record<MagentoFixtureStream, number>> = {
  customers: 2,
  products: 4,
  orders: 1,
  creditmemos: 10,
};
const names = Object.keys(shares) as MagentoFixtureStream[];

/** Every step adds, changes and imports; a quarter of the changes are committed one step late. */
export function createMagentoState(script: MagentoScript): MagentoState {
  const random = seededRandom(script.seed);
  const startMs = Date.parse(script.startAt);
  const tables = new Map(names.map((name) => [name, new Map<number, MagentoFixtureRecord>()]));
  /** Changes that are not committed yet hide behind the record as it was. */
  const before = new Map<string, MagentoFixtureRecord>();
  let step = 0;

  const tableOf = (stream: MagentoFixtureStream) => tables.get(stream) as Map<number, MagentoFixtureRecord>;
  const add = (stream: MagentoFixtureStream, atMs: number): void => {
    const table = tableOf(stream);
    const id = table.size + 1;
    const members = membersOf(random, stream, id);
    table.set(id, { id, members, createdAtMs: atMs, changedAtMs: atMs, committedAtStep: step });
  };
  const change = (stream: MagentoFixtureStream, atMs: number, isLate: boolean): void => {
    const record = random.pick([...tableOf(stream).values()]);
    const [name = ''] = Object.keys(record.members);
    const members = {
      ...record.members,
      [name]: random.pick(['canceled', 'complete', 'Łódź', 'closed "x"']),
    };
    const key = `${stream}/${String(record.id)}`;
    if (isLate) before.set(key, record);
    else before.delete(key);
    const committedAtStep = isLate ? step + 1 : step;
    tableOf(stream).set(record.id, { ...record, members, changedAtMs: atMs, committedAtStep });
  };

  const early = (): number => startMs - random.integer(1, 86_400) * 1_000;
  for (const stream of names)
    for (let count = 0; count < Math.ceil(script.orders / shares[stream]); count += 1) add(stream, early());

  return {
    records: (stream) =>
      [...tableOf(stream).values()].map((record) =>
        record.committedAtStep <= step ? record : (before.get(`${stream}/${String(record.id)}`) ?? record),
      ),
    isDone: () => step >= script.steps,
    advance() {
      if (step >= script.steps) return;
      step += 1;
      const nowMs = startMs + step * script.stepMs;
      for (let count = 0; count < script.imported; count += 1) add('orders', nowMs);
      for (const stream of names) {
        add(stream, nowMs + random.integer(1, 9) * 1_000);
        for (let count = random.integer(1, 4); count > 0; count -= 1)
          change(stream, nowMs + random.integer(1, 9) * 1_000, random.chance(0.25) && step < script.steps);
      }
    },
  };
}

function membersOf(
  random: SeededRandom,
  stream: MagentoFixtureStream,
  id: number,
): Record<string, MagentoValue> {
  const money = (): LosslessNumber =>
    new LosslessNumber(`${String(random.integer(1, 99_999))}.${String(random.integer(1000, 9999))}`);
  if (stream === 'customers')
    return {
      firstname: 'Ada',
      lastname: 'Example',
      email: `customer${String(id)}@example.com`,
      group_id: 1,
      store_id: 1,
      website_id: 1,
    };
  if (stream === 'products')
    return {
      name: `Product ${String(id)}`,
      sku: `S-${String(id)}`,
      price: money(),
      status: 1,
      type_id: 'simple',
    };
  const customer = random.integer(1, 20);
  const common = {
    grand_total: money(),
    base_currency_code: 'EUR',
    order_currency_code: 'EUR',
    store_id: random.integer(1, 2),
  };
  if (stream === 'creditmemos')
    return { state: 'refunded', increment_id: String(id).padStart(9, '0'), order_id: id, ...common };
  return {
    status: random.pick(['pending', 'processing', 'complete']),
    increment_id: String(id).padStart(9, '0'),
    customer_id: random.chance(0.9) ? customer : null,
    customer_email: `customer${String(customer)}@example.com`,
    ...common,
    items: [{ item_id: id, sku: `S-${String(random.integer(1, 9))}`, qty_ordered: 1, price: money() }],
  };
}
