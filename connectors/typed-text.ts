/**
 * How the values of a column are written in typed text, and what they are in a JSON line: `int64` and `boolean` as in JSON;
 * `decimal`, `date`, `timestamp` (`2026-01-01 00:00:00.5+00`, always in UTC) and `string` become JSON strings; `number` is a
 * JSON number, or one of the words `NaN`, `Infinity` and `-Infinity`, which become strings; `json` is JSON.
 */
export type TypedTextType =
  'int64' | 'boolean' | 'decimal' | 'date' | 'timestamp' | 'string' | 'number' | 'json';

export interface TypedTextColumn {
  readonly name: string;
  readonly type: TypedTextType;
  /** Of a decimal, whose values all have exactly `scale` digits after the point. */
  readonly precision?: number;
  readonly scale?: number;
}

/**
 * Rows of a source that knows the type of each column, before they become JSON: whole lines of values parted by tabs, `\N`
 * for NULL, and backslash, tab and line breaks within a value escaped as PostgreSQL's COPY does in its text form.
 */
export interface TypedText {
  readonly columns: readonly TypedTextColumn[];
  readonly text: Uint8Array;
  /** JSON lines of such text: whole rows, in order. The text of one read may come in other pieces than it was handed out. */
  toLines(text: Uint8Array): { readonly bytes: Uint8Array; readonly rowCount: number };
}
