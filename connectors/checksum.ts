/**
 * The one text of a row that both sides of a checksum render, and what they take from its MD5.
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
 *
 * `double`, `bytes` and `json` have no text that all systems share to the last digit; they are left out and named.
 * The bucket of a row is its key modulo a number: the key itself where it is one integer, else 48 bits of its MD5.
 */
export const checksumTypes = ['string', 'int64', 'decimal', 'boolean', 'timestamp', 'date'] as const;

/** Hexadecimal digits of an MD5 that make the hash of a row and the number of a key. */
export const rowHashDigits = 15;
export const keyHashDigits = 12;
