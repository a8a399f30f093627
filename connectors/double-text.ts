/**
 * The one text of a double that all sides of a checksum render: the 64 bits of its absolute value (IEEE 754, binary64) as an
 * integer in decimal digits, with `-` before it where the double is negative; `0` for both zeros, and `NaN`, `Infinity`,
 * `-Infinity`. So 1.5 is `4609434218613702656`. Digits of the number itself would not do: systems round them, each in its own way.
 */
export const oddDoubles = {
  notANumber: `'NaN'`,
  infinity: `'Infinity'`,
  negativeInfinity: `'-Infinity'`,
} as const;

/** What a system that shows no bits has instead. */
export interface DoubleArithmetic {
  /** A double without a fraction, as an integer of 64 bits. */
  integer(value: string): string;
  /** An integer as text. */
  text(integer: string): string;
  /** Conditions of doubles that are no finite numbers, with their texts; none where there are no such doubles. */
  odd(value: string): readonly (readonly [condition: string, text: string])[];
}

/** Steps between two powers of two: 2^52. */
const steps = '4503599627370496';

/**
 * The text by arithmetic: the exponent by a logarithm, which may miss by one and is put right by two comparisons; then exact
 * divisions and products by powers of two. Doubles below 2^-1022 have one exponent, and are counted in steps of 2^-1074.
 */
export function doubleText(value: string, { integer, text, odd }: DoubleArithmetic): string {
  const size = `ABS(${value})`;
  const near = `GREATEST(LEAST(FLOOR(LN(NULLIF(${size}, 0)) / 0.6931471805599453), 1022), -1022)`;
  const exponent = `${near} + CASE WHEN ${size} >= POWER(2, ${near} + 1) THEN 1 WHEN ${size} < POWER(2, ${near}) THEN -1 ELSE 0 END`;
  const fraction = `(${size} / POWER(2, ${exponent}) - 1) * ${steps}`;
  const bits = `${integer(`${exponent} + 1023`)} * ${steps} + ${integer(fraction)}`;
  const tiny = integer(`${size} * POWER(2, 537) * POWER(2, 537)`);
  const sign = `CASE WHEN ${value} < 0 THEN -1 ELSE 1 END`;
  const finite = text(`${sign} * CASE WHEN ${size} < POWER(2, -1022) THEN ${tiny} ELSE ${bits} END`);
  const odds = odd(value).map(([condition, word]) => `WHEN ${condition} THEN ${word} `);
  return `CASE WHEN ${value} = 0 THEN '0' ${odds.join('')}ELSE ${finite} END`;
}
