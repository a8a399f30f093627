import type { ColumnType } from '../core/loading/columns.js';
import type { ComparedColumn } from '../core/reconcile/reconcile.js';

/**
 * The one text of a row that all sides of a checksum render, and what they take from its MD5.
 *
 * A column is `n` where it is null. Texts are preceded by their length in bytes and a colon, so that no content can pass
 * for the border between two columns; every other type has a text that holds no `,`. Columns end with `,`.
 *
 * | type      | text                                                                    |
 * | --------- | ----------------------------------------------------------------------- |
 * | string    | as it is                                                                |
 * | int64     | decimal digits                                                          |
 * | decimal   | with all digits of the column's scale, a zero before the point          |
 * | boolean   | `t`, `f`                                                                |
 * | timestamp | `2026-01-31 23:59:59.123456` in UTC, without zeros at the fraction's end |
 * | date      | `2026-01-31`                                                            |
 * | double    | see `connectors/double-text.ts`                                          |
 * | bytes     | hexadecimal digits, in lower case                                       |
 *
 * `json` has none that all systems share: each writes numbers and white space in its own way. It is left out and named.
 * The bucket of a row is its key modulo a number: the key itself where it is one integer, else 48 bits of its MD5.
 */
export const checksumTypes: readonly ColumnType[] = [
  'string',
  'int64',
  'decimal',
  'boolean',
  'timestamp',
  'date',
  'double',
  'bytes',
];

/** Types whose text a source can look rows up by: a key or a version has one of them. */
export const keyTypes: readonly ColumnType[] = checksumTypes.filter(
  (type) => type !== 'double' && type !== 'bytes',
);

/** Hexadecimal digits of an MD5 that make the hash of a row and the number of a key. */
export const rowHashDigits = 15;
export const keyHashDigits = 12;

/** How one system spells the parts of a checksum. */
export interface ChecksumSpelling {
  /** The text of a value, as above; NULL stays NULL. */
  text(column: ComparedColumn): string;
  /** A key column that is one integer. */
  integer(column: ComparedColumn): string;
  /** Bytes of a text in UTF-8, as text; NULL stays NULL. */
  byteLength(text: string): string;
  /** Texts, none of them NULL, one after another. */
  join(texts: readonly string[]): string;
  /** What to join for a text with its length before it, or `n`, where there is something cheaper than a text of its own. */
  sized?(text: string): readonly string[];
  /** The number that the first hexadecimal digits of the MD5 of a text make. */
  hashNumber(text: string, digits: number): string;
  /** What is left of a number after division, with the sign of the number. */
  remainder(number: string, modulus: number): string;
}

/** The hash of a row: 60 bits, never negative. */
export function rowHash(spelling: ChecksumSpelling, columns: readonly ComparedColumn[]): string {
  return spelling.hashNumber(rowText(spelling, columns), rowHashDigits);
}

/** The bucket of a row by its key. */
export function bucketOf(
  spelling: ChecksumSpelling,
  key: readonly ComparedColumn[],
  modulus: number,
): string {
  const [first] = key;
  const number =
    key.length === 1 && first?.type.type === 'int64'
      ? spelling.integer(first)
      : spelling.hashNumber(rowText(spelling, key), keyHashDigits);
  return `abs(${spelling.remainder(number, modulus)})`;
}

/** The text of a whole row. */
function rowText(spelling: ChecksumSpelling, columns: readonly ComparedColumn[]): string {
  const parts = columns.flatMap((column) => {
    const text = spelling.text(column);
    if (column.type.type !== 'string') return [`coalesce(${text}, 'n')`, `','`];
    const sized = spelling.sized?.(text) ?? [
      `coalesce(${spelling.join([spelling.byteLength(text), `':'`, text])}, 'n')`,
    ];
    return [...sized, `','`];
  });
  return parts.length === 0 ? `''` : spelling.join(parts);
}
