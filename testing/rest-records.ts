import { LosslessNumber } from 'lossless-json';
import { seededRandom } from './seeded-random.js';
import { offsetInstant } from './shop-orders.js';

/** One record of the fixture API. Ids exceed 2^53 and amounts have more digits than a double. */
export interface RestRecord {
  readonly id: bigint;
  readonly amount: LosslessNumber;
  readonly label: string;
  /** ISO 8601 with an offset that differs from record to record. */
  readonly updated_at: string;
  /** The same instant in seconds since 1970. */
  readonly updated_s: number;
}

const startMs = Date.parse('2026-01-05T08:00:00Z');

/** Records that change step by step, the same way for the same seed; always in the order of their ids. */
export function createRestRecords(seed: number, count: number) {
  const random = seededRandom(seed);
  const records = new Map<bigint, RestRecord>();
  let nowMs = startMs;
  const make = (id: bigint): void => {
    nowMs += random.integer(1, 90) * 1000;
    const fraction = String(random.integer(1, 999_999)).padStart(6, '0');
    records.set(id, {
      id,
      amount: new LosslessNumber(`${String(random.integer(1, 99))}.00000000000000${fraction}`),
      label: random.pick(['plain', 'quoted "x"', 'back\\slash', 'line\nbreak', '道']),
      updated_at: offsetInstant(nowMs, random.pick([-300, 0, 330])),
      updated_s: nowMs / 1000,
    });
  };
  const firstId = 9_007_199_254_740_993n;
  for (const number of random.shuffle(Array.from({ length: count }, (_, index) => index)))
    make(firstId + BigInt(number));
  return {
    all: (): readonly RestRecord[] => [...records.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    advance(): void {
      for (let change = 0; change < 5; change += 1) make(random.pick([...records.keys()]));
      for (let addition = 0; addition < 3; addition += 1) make(firstId + BigInt(records.size));
    },
  };
}
