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
  /** Any JSON value, kept as JSON text. */
  | 'json';

/** One column of staged rows or of a table. */
export interface ColumnSpec {
  readonly name: string;
  readonly type: ColumnType;
  readonly precision?: number;
  readonly scale?: number;
  readonly nullable: boolean;
}

/** What to do where incoming columns and the table differ. */
export type ContractMode = 'evolve' | 'freeze' | 'quarantine';

/** The schema contract of a load. */
export interface SchemaContract {
  /** A column that the schema or the table does not have: add it, refuse the batch, or quarantine the rows that carry it. */
  readonly newColumns: ContractMode;
  /** A table column that no row of the batch carries: load NULL, refuse the batch, or quarantine the batch's rows. */
  readonly missingColumns: ContractMode;
  /** A value that does not fit the table's column type: widen the column, refuse the batch, or quarantine the rows. */
  readonly clashingColumns: ContractMode;
}

export const defaultContract: SchemaContract = {
  newColumns: 'evolve',
  missingColumns: 'evolve',
  clashingColumns: 'quarantine',
};
