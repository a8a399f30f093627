import type { ColumnSpec } from '../../core/loading/columns.js';
import type { TableLayout } from '../../core/dag/dag-spec.js';
import type { JsonObject } from '../../core/json.js';
import type { ChecksumSpelling } from '../checksum.js';
import type { SqlDialect } from '../load/dialect.js';
import type { StoredColumn } from '../load/evolution.js';
import type { LoaderFormat, StagedRows } from '../load/stage-batch.js';
import type { QueryResult, QueryRow, WarehouseCapabilities } from '../warehouse.js';

/** A value that travels as a bind; never in the text of a statement. */
export type Bind = string | number | null;

/** One statement with a `?` for each bind. */
export interface Statement {
  readonly sql: string;
  readonly binds: readonly Bind[];
}

/** What the warehouse notes about a statement: who asked for it. */
export interface StatementTag {
  readonly loadId?: string;
  readonly runId?: string;
  readonly table?: string;
}

/** How a warehouse on the network spells what goes beyond a merge. */
export interface RemoteDialect extends SqlDialect {
  /** A text literal: constants of a DAG file; values of records are bound. */
  text(value: string): string;
  /** The time of the server, as the type of a `timestamp` column. */
  readonly now: string;
  /** An ISO instant bound to a `?`. */
  readonly instant: string;
  /** True where the text of a column contains what is bound to a `?`. */
  contains(column: string): string;
  /** A value as text, as DuckDB writes it. */
  asText(expression: string, column: ColumnSpec): string;
  createTable(name: string, columns: readonly ColumnSpec[], layout: TableLayout | undefined): string;
  /** A table that lives for one load. */
  createTemporary(name: string, columns: readonly ColumnSpec[]): string;
  /** Makes a table anew from a query over itself, in one step. */
  rebuildTable(name: string, query: string, layout: TableLayout | undefined): string;
  /** Exchanges the whole content of a table; `guard` is a condition. */
  replaceRows(table: string, columns: readonly string[], source: string, guard: string): string[];
}

/**
 * What a driver of a warehouse on the network does for `RemoteWarehouse`, which knows the rules of loading. Errors come out
 * of it as PipelineErrors of the catalogue.
 */
export interface RemoteEngine {
  readonly name: string;
  /** Where tables and markers are; no part of it may change while the warehouse is open. */
  readonly place: string;
  readonly capabilities: WarehouseCapabilities;
  readonly dialect: RemoteDialect;
  readonly checksums: ChecksumSpelling;
  readonly format: LoaderFormat;
  /** Reaches the warehouse, and makes the place that loads go to where it may. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Runs one statement in a transaction of its own; column names of the result are lower case where they are plain. */
  run(statement: Statement, tag?: StatementTag): Promise<readonly QueryRow[]>;
  /** Columns of a table; `undefined` where there is none. */
  columns(table: string): Promise<readonly StoredColumn[] | undefined>;
  /** Whether a table is there: of an engine for which this is cheaper than a statement that makes it where it is not. */
  hasTable?(table: string): Promise<boolean>;
  /** Makes temporary tables. */
  createTemporary(tables: readonly TemporaryTable[], tag: StatementTag): Promise<void>;
  /** Fills a temporary table from a local file; returns the rows that the warehouse says it took. */
  upload(table: string, rows: StagedRows, tag: StatementTag): Promise<number>;
  dropTables(tables: readonly string[]): Promise<void>;
  /** Drops temporary tables that dead processes left. */
  sweep(): Promise<void>;
  /**
   * Runs a load's transaction: all of it or nothing, once. An engine that cannot stop in the midst of it ends without an error
   * where the guard did not hold: then there is no marker, and `look` tells why. Where the outcome is unknown (the answer
   * to the commit was lost), it rejects with WAREHOUSE_UNAVAILABLE; whoever asks again finds the marker, or nothing.
   */
  commit(script: CommitScript, tag: StatementTag): Promise<void>;
  /** One reading statement of a person. @throws PipelineError QUERY_REFUSED */
  query(sql: string, maxRows: number): Promise<QueryResult>;
  describe(): JsonObject;
}

export interface TemporaryTable {
  readonly name: string;
  readonly columns: readonly ColumnSpec[];
}

/** The statements of a load's transaction, in order. */
export interface CommitScript {
  /** Makes transactions that load the same table follow one another. */
  readonly lock: Statement;
  /** One row with `fence`, `version` and `markers`, as this transaction sees them. */
  readonly look: Statement;
  /** Throws where the answer to `look` forbids the load. */
  check(row: QueryRow | undefined): void;
  /**
   * What changes tables. Under a condition that holds exactly where `check` would pass: an engine that cannot stop in the
   * midst of a transaction puts it into the statements, so that they change nothing.
   */
  statements(guard: Statement | undefined): readonly Statement[];
  /** The condition, for such an engine. */
  readonly guard: Statement;
}
