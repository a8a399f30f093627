/** One line of a rejects file: a record that failed a check, with all that is needed to judge and replay it. */
export interface QuarantineRow {
  /** Why, as an error-catalogue-like code: `RECORD_INVALID`, `RECORD_NOT_JSON`, `RECORD_NUMBER_PRECISION`, `COLUMN_NEW` … */
  readonly code: string;
  /** JSON pointer to the offending member; empty for the whole record. */
  readonly pointer: string;
  readonly message: string;
  /** The record as the source sent it. */
  readonly raw: string;
  /** Zero-based position of the record in what was extracted. */
  readonly position: number;
}
