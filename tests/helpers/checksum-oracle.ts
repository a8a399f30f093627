import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { ComparedColumn } from '../../core/reconcile/reconcile.js';
import { column } from './warehouse.js';

/** A row by its canonical texts, as `connectors/checksum.ts` says, without the lengths of texts. */
export type TextRow = Readonly<Record<string, string | null>>;

/** Columns of every type that checksums cover, and values of them that are hard to render alike. */
export const checksumColumns: readonly ComparedColumn[] = [
  column('id', 'int64'),
  column('version', 'timestamp'),
  column('note', 'string'),
  column('amount', 'decimal', 18, 4),
  column('is_open', 'boolean'),
  column('seen_at', 'timestamp'),
  column('day', 'date'),
  column('ratio', 'double'),
].map((type) => ({ name: type.name, source: type.name, type }));

const instant = fc.bigInt({ min: -11_676_096_000_000_000n, max: 253_402_300_799_999_999n }).map((micros) => {
  const millis = micros / 1_000n - (micros % 1_000n < 0n ? 1n : 0n);
  const rest = String(micros - millis * 1_000n).padStart(3, '0');
  const text = `${new Date(Number(millis)).toISOString().replace('T', ' ').replace('Z', '')}${rest}`;
  return text.replace(/\.?0+$/, '');
});

const amount = fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n }).map((units) => {
  const digits = String(units < 0n ? -units : units).padStart(5, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
});

const note = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('', ' ', 'n', '1:a,', 'n,n,', `it's "so"\t\\ \n`, 'Zoë 🤦🏼‍♂️ ﷽'),
);

/** The text of a double, as `connectors/double-text.ts` says. */
export function doubleText(value: number): string {
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return String(value);
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  return `${value < 0 ? '-' : ''}${String(view.getBigInt64(0))}`;
}

/** The double of such a text, as a loader takes it. */
export function doubleOf(text: string | null | undefined): string | null {
  if (text === null || text === undefined || !/^-?\d+$/.test(text) || text === '-0') return text ?? null;
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, BigInt(text.replace('-', '')));
  return `${text.startsWith('-') ? '-' : ''}${String(view.getFloat64(0))}`;
}

/** Beside random ones, doubles at the borders of their exponents, where logarithms miss. */
const ratio = fc
  .oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -1074, max: 1023 }).chain((exponent) => {
      const power = 2 ** exponent;
      const below = power * (1 - 2 ** -53);
      return fc.constantFrom(power, -power, exponent > -1022 ? below : power, power * (1 + 2 ** -52));
    }),
    fc.constantFrom(0.1, -1.5, 1e15, 1e16, 1e-7, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** -1022),
  )
  .map(doubleText);

/** Random rows, each with a key of its own. */
export const textRows: fc.Arbitrary<readonly TextRow[]> = fc.uniqueArray(
  fc.record({
    id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    version: instant,
    note: fc.option(note),
    amount: fc.option(amount),
    is_open: fc.option(fc.constantFrom('t', 'f')),
    seen_at: fc.option(instant),
    day: fc.option(instant.map((text) => text.slice(0, 10))),
    ratio: fc.option(ratio),
  }),
  { minLength: 1, maxLength: 40, selector: ({ id }) => id },
);

/** Hash of a row by some columns. */
export function hashOf(row: TextRow, columns: readonly ComparedColumn[], digits = 15): bigint {
  const text = columns
    .map(({ name, type }) => {
      const value = row[name] ?? null;
      if (value === null) return 'n,';
      return type.type === 'string' ? `${String(Buffer.byteLength(value))}:${value},` : `${value},`;
    })
    .join('');
  return BigInt(`0x${createHash('md5').update(text).digest('hex').slice(0, digits)}`);
}

/** Bucket of a row by its key. */
export function bucketIn(row: TextRow, key: readonly ComparedColumn[], modulus: number): string {
  const [first] = key;
  const isInteger = key.length === 1 && first?.type.type === 'int64';
  const number = isInteger ? BigInt(row[first.name] ?? '0') : hashOf(row, key, 12);
  const rest = number % BigInt(modulus);
  return String(rest < 0n ? -rest : rest);
}

/** Rows and sums by bucket. */
export function bucketsOf(
  rows: readonly TextRow[],
  key: readonly ComparedColumn[],
  columns: readonly ComparedColumn[],
  modulus: number,
): { b: string; n: string; s: string }[] {
  const buckets = new Map<string, { n: number; s: bigint }>();
  for (const row of rows) {
    const b = bucketIn(row, key, modulus);
    const { n, s } = buckets.get(b) ?? { n: 0, s: 0n };
    buckets.set(b, { n: n + 1, s: s + hashOf(row, columns) });
  }
  return [...buckets].map(([b, { n, s }]) => ({ b, n: String(n), s: String(s) }));
}
