/** Logical column types, the same on every warehouse; each dialect maps them to its own. */
export type ColumnType =
  | 'string'
  | 'int64'
  /** Exact integer or decimal up to 38 digits; see `precision` and `scale`. */
  | 'decimal'
  | 'double'
  | 'boolean'
  /** Instant with microseconds, stored in UTC. */
  | 'timestamp'
  | 'date'
  /** Bytes; base64 in JSON. */
  | 'bytes'
  /** Any JSON value, kept as JSON text, on every warehouse letter by letter. */
  | 'json';

/** One column of staged rows or of a table. */
export interface ColumnSpec {
  readonly name: string;
  readonly type: ColumnType;
  readonly precision?: number;
  readonly scale?: number;
  readonly nullable: boolean;
}

/** What to do where incoming columns and the table differ. `discard` leaves out what does not fit, without a trace. */
export type ContractMode = 'evolve' | 'freeze' | 'quarantine' | 'discard';

/** The schema contract of a load. */
export interface SchemaContract {
  /**
   * A column that the schema or the table does not have: add it, refuse the batch, quarantine the rows that carry it, or
   * leave the column out.
   */
  readonly newColumns: ContractMode;
  /**
   * A table column that no row of the batch carries: load NULL, refuse the batch, quarantine the batch's rows, or leave
   * them out (they count as withheld).
   */
  readonly missingColumns: ContractMode;
  /**
   * A value that does not fit the table's column type: widen the column, refuse the batch, quarantine the rows, or load
   * NULL for it.
   */
  readonly clashingColumns: ContractMode;
}

export const defaultContract: SchemaContract = {
  newColumns: 'evolve',
  missingColumns: 'evolve',
  clashingColumns: 'quarantine',
};
