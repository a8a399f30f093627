import type { KeyRequest, ReadRequest } from '../source.js';

/** What stands after FROM: a quoted name, or the text of a query. */
export interface Relation {
  readonly sql: string;
  readonly isTable?: true;
}

/** One statement that reads rows; `Form` says how a database writes the values of a column. */
export interface RowQuery<Form> {
  readonly relation: Relation;
  readonly columns: readonly (readonly [name: string, form: Form])[];
  /** Conditions over columns of `q`, joined by AND. */
  readonly conditions: readonly string[];
  readonly orderBy: readonly string[];
}

/** What a plan has to know of a column. `Kind`: how its values are ordered as a cursor. */
export interface PlannedColumn<Kind> {
  /** `undefined`: they cannot be one. */
  readonly cursor: Kind | undefined;
  readonly typeName: string;
}

/** What is read, as the server describes it. */
export interface DescribedRows<Form> {
  readonly relation: Relation;
  /** All columns by name, in order. */
  readonly forms: ReadonlyMap<string, Form>;
  /** Columns that cannot be read, each with the sentence that says so. */
  readonly unreadable?: ReadonlyMap<string, string>;
  /** Columns to read. */
  readonly columns: readonly string[];
  /** Columns that the server keeps from being null. */
  readonly notNull: ReadonlySet<string>;
  /** Empty where nothing identifies a row. */
  readonly key: readonly string[];
}

/** How the rows of a table or a query are told apart; checked. */
export interface RelationalOptions {
  /** Columns that identify a row; `undefined`: the primary key. */
  readonly key: readonly string[] | undefined;
  readonly intervalColumn: string | undefined;
  /** Integer cursors: re-read this many values before the cursor. */
  readonly overlap: bigint;
  /** Column that marks a row as deleted, and how. */
  readonly deleted: { readonly column: string; readonly mark: 'true' | 'set' } | undefined;
  /** Column that orders a deletion among the versions of its row; `undefined`: the cursor's or the interval's. */
  readonly version: string | undefined;
}

/** Values between which rows are read; `lower` inclusive, `upper` exclusive. */
export interface Bounds {
  readonly lower?: string;
  readonly upper?: string;
}

/** The column in whose order rows are read. */
export interface OrderColumn<Kind> {
  readonly name: string;
  readonly kind: Kind;
}

/** What differs between databases. */
export interface RelationalDialect<Form, Kind> {
  /** A column of what is read, called `q`. */
  readonly column: (name: string) => string;
  /** A bound that the session holds, in a type that compares with the column's. */
  readonly bound: (name: 'lower' | 'upper', kind: Kind) => string;
  /** Bounds of a read, or why there are none. */
  readonly boundsOf: (
    request: Pick<ReadRequest, 'interval' | 'cursor' | 'lagMs'>,
    kind: Kind,
    overlap: bigint,
  ) => Bounds | { readonly problem: string };
  /** Types whose values can be a cursor, as people call them. */
  readonly cursorTypes: string;
  /** Whether values of a column can be true. */
  readonly isMark: (form: Form) => boolean;
  readonly markTypes: string;
  /** Condition of the rows that have one of the asked keys. */
  readonly isAskedKey: (request: KeyRequest, described: DescribedRows<Form>) => string;
  /** Asked keys of which no row is left, with their versions. */
  readonly goneKeys: (
    request: KeyRequest,
    described: DescribedRows<Form>,
    alive: readonly string[],
  ) => RowQuery<Form>;
}
