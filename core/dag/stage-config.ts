import type { SchemaContract } from '../loading/columns.js';
import type { JsonObject, JsonValue } from '../json.js';
import type { MemberType, UnnestConfig } from './unnest.js';

/** Where an extract task reads: data, so that a run stays with what it started with. */
export interface SourceRef {
  /** Folder name under `connectors/`, or `function` for a reader written in the DAG file. */
  readonly connector: string;
  readonly stream: string;
  /** Entry of `connections` in the configuration. */
  readonly connection?: string;
  readonly options: JsonObject;
  /** What is wrong with the reference, a sentence each; a DAG with any is refused when it is built. */
  readonly problems?: readonly string[];
}

export interface ExtractConfig {
  readonly from: SourceRef;
  /**
   * `interval`: rows of the run's data interval. `cursor`: rows after the last committed cursor, less `lagMs`.
   * `full`: everything.
   */
  readonly read: 'interval' | 'cursor' | 'full';
  readonly cursor?: { readonly path: string; readonly lagMs: number; readonly initialValue?: JsonValue };
  /** In a mapped group: members of the element that take the place of the connection and of options. */
  readonly fromElement?: {
    readonly connection?: string;
    readonly options?: Readonly<Record<string, string>>;
  };
}

export interface ValidateConfig {
  /** The document is embedded when the DAG is deployed, so that a run keeps the schema that it started with. */
  readonly schema: {
    readonly id: string;
    readonly document?: JsonObject;
    /** Member of each record that holds the message, base64; for the schemas of messages only. */
    readonly field?: string;
    /** The message type, and the types that it needs. */
    readonly protobuf?: { readonly message: string; readonly root: JsonObject };
  };
  /** Share of rows (0 to 1) that may be quarantined; above it the task fails and nothing is loaded. */
  readonly quarantineOver: number;
  readonly contract: SchemaContract;
}

/** Normalisations of one column, applied in the order given. */
export type Normalisation = 'trim' | 'lower' | 'upper' | 'collapse-space' | 'empty-to-null' | 'email';

/** Declarative steps, applied in the order of the fields here; or a function of the DAG file when `function` is true. */
export interface TransformConfig {
  /** A row for each element of an array: the rows of a child table. */
  readonly unnest?: UnnestConfig;
  /** New column → JSON path (`$.customer.email`) into a JSON column: `{ email: { from: 'customer', path: '$.email' } }`. */
  readonly extract?: Readonly<
    Record<
      string,
      {
        readonly from: string;
        readonly path: string;
        readonly type: MemberType;
      }
    >
  >;
  /** Old name → new name. */
  readonly rename?: Readonly<Record<string, string>>;
  readonly normalise?: Readonly<Record<string, readonly Normalisation[]>>;
  /** Column → constant. */
  readonly constant?: Readonly<Record<string, string | number | boolean>>;
  /** Keep only these columns. */
  readonly select?: readonly string[];
  readonly drop?: readonly string[];
  /** Keep the rows in which every listed column has one of the listed values; the others count as withheld. */
  readonly keep?: Readonly<Record<string, readonly (string | number | boolean | null)[]>>;
  /** Keep one row per key, the greatest by `version`; the others count as superseded. */
  readonly dedupe?: { readonly key: readonly string[]; readonly version: readonly string[] };
  /** Left to the load: the warehouse applies the steps to the rows that it is sent. Absent: the worker does. */
  readonly runIn?: 'warehouse';
  readonly function?: boolean;
}

export type WriteDisposition = 'append' | 'replace' | 'merge';

/**
 * How a disposition changes its table. The first of each line is the default.
 *
 * - `replace`: `truncate-insert` empties the table and fills it; `staged-swap` exchanges its content in one statement.
 * - `merge`: `upsert` keeps the greatest version of a key; `delete-insert` replaces every row that shares a `mergeKey`;
 *   `insert-only` adds new keys and never touches a stored row; `scd2` keeps every version with its time of validity.
 */
export type LoadStrategy =
  'truncate-insert' | 'staged-swap' | 'upsert' | 'delete-insert' | 'insert-only' | 'scd2';

/** How the warehouse lays a table out, where it can; set when the table is made. */
export interface TableLayout {
  /** A timestamp or date column, and the length of one partition. */
  readonly partitionBy?: { readonly column: string; readonly unit: 'hour' | 'day' | 'month' | 'year' };
  readonly clusterBy?: readonly string[];
}

export interface LoadConfig {
  readonly into: string;
  /** The table is late where its last load is older. */
  readonly freshWithinMs?: number;
  readonly disposition: WriteDisposition;
  readonly strategy?: LoadStrategy;
  /** `delete-insert`: columns that name the group of rows which a batch replaces as a whole. Default: the key. */
  readonly mergeKey?: readonly string[];
  /** A column whose value says that the row is deleted: true, or anything but null where it is no boolean. */
  readonly hardDelete?: string;
  readonly layout?: TableLayout;
  /** Columns that identify a row; required by `merge`. */
  readonly key: readonly string[];
  /** Columns that order versions of a row, greatest wins; then source order, then ingestion time decide. */
  readonly version: readonly string[];
  readonly contract: SchemaContract;
}
