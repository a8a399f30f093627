import { seededRandom } from './seeded-random.js';

/** A product as the fixture shop holds it. */
export interface ShopProduct {
  readonly id: bigint;
  readonly title: string;
  readonly status: 'ACTIVE' | 'DRAFT';
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly variants: readonly ShopVariant[];
}

/** One way in which a product is sold. */
export interface ShopVariant {
  readonly id: bigint;
  readonly sku: string;
  readonly title: string;
  /** Decimal text with two digits. */
  readonly price: string;
  readonly stock: number;
}

const firstProductId = 788_032_119_674_292_922n;

/** A catalogue that changes step by step, the same way for the same seed: products are re-priced, added, withdrawn. */
export function createShopCatalogue(seed: number, startMs: number) {
  const random = seededRandom(seed ^ 0xca7a);
  const products = new Map<bigint, ShopProduct>();
  let made = 0;
  const price = (): string => `${String(random.integer(1, 99))}.${random.pick(['00', '50', '95'])}`;
  const add = (atMs: number): void => {
    made += 1;
    const id = firstProductId + BigInt(made);
    const title = `Record no. ${String(made)}`;
    const variants = Array.from({ length: random.integer(1, 3) }, (_, index) => ({
      id: firstProductId + BigInt(made * 1000 + index),
      sku: `S-${String(made)}-${String(index)}`,
      title: random.pick(['LP', 'CD', '12"']),
      price: price(),
      stock: random.integer(0, 50),
    }));
    products.set(id, { id, title, status: 'ACTIVE', createdAtMs: atMs, updatedAtMs: atMs, variants });
  };
  for (let count = 0; count < 60; count += 1) add(startMs - random.integer(1, 86_400) * 1000);
  return {
    products,
    /** Returns the id of the product that was withdrawn. */
    advance(nowMs: number): bigint | undefined {
      add(nowMs);
      const changed = random.pick([...products.values()]);
      const variants = changed.variants.map((variant) => ({ ...variant, price: price() }));
      products.set(changed.id, {
        ...changed,
        variants,
        status: random.pick(['ACTIVE', 'DRAFT']),
        updatedAtMs: nowMs,
      });
      if (!random.chance(0.5)) return undefined;
      const { id } = random.pick([...products.values()]);
      products.delete(id);
      return id;
    },
  };
}
