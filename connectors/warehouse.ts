import type { TableComparison } from '../core/reconcile/reconcile.js';
import type { ColumnSpec } from '../core/loading/columns.js';
import type { LoadConfig } from '../core/dag/dag-spec.js';
import type { DataInterval } from '../core/interval.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import type {
  BucketComparison,
  BucketFilter,
  ComparedColumn,
  KeyComparison,
  ReconcileWindow,
} from '../core/reconcile/reconcile.js';
import type { DeferredTransforms, Manifest, RowCounts, StagedFile } from '../core/loading/manifest.js';
import type { ReconcileRow } from './load/system-tables.js';

/** What is loaded, from where, under which identity. */
export interface LoadRequest {
  readonly loadId: string;
  readonly dagId: string;
  readonly taskId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly interval?: DataInterval;
  /** What the fence guards beside the table; default: the interval. Instances of a mapped group have one each. */
  readonly fenceKey?: string;
  readonly config: LoadConfig;
  readonly manifest: Manifest;
  /** From `claimFence`; compared and set again inside the transaction. */
  readonly fence: number;
  /** Quarantine rows that this load settles (replay), marked in the same transaction. */
  readonly settlesQuarantineIds?: readonly string[];
}

/** A row of `_millrace_loads`: proof that a load is committed. */
export interface LoadMarker {
  readonly loadId: string;
  readonly table: string;
  readonly fence: number;
  readonly counts: RowCounts;
  readonly committedAt: string;
  readonly cursor?: JsonValue;
}

/** One column-named row of a query, values in JSON-safe form: integers beyond 2^53, decimals and instants are text. */
export type QueryRow = Readonly<Record<string, JsonValue>>;

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly QueryRow[];
  /** True where more rows exist than were returned. */
  readonly truncated: boolean;
}

/** What a table is compared with: the rows that its source holds, staged and typed. */
export interface CompareRequest {
  readonly config: LoadConfig;
  readonly manifest: Manifest;
  /** Restricts what counts as extra to rows that loads of this interval wrote. */
  readonly interval?: DataInterval;
  /** For each key column, the names under which the source's own records carry it: quarantined keys are no difference. */
  readonly keyNames: readonly (readonly string[])[];
  readonly maxSamples: number;
  /** Rows that differ and whose first version column is this late or later are in flight; ISO 8601 UTC. */
  readonly inFlightSince?: string;
}

/** What a source computed, and what of the table it is compared with. */
export interface ChecksumCompareRequest extends Pick<CompareRequest, 'config' | 'keyNames' | 'maxSamples'> {
  readonly columns: readonly ComparedColumn[];
  readonly key: readonly ComparedColumn[];
  readonly version: readonly ComparedColumn[];
  readonly modulus: number;
  readonly within?: BucketFilter;
  readonly window?: ReconcileWindow;
  /** Lines of the source; see `ChecksumQuery`. */
  readonly source: readonly StagedFile[];
}

/** A warehouse that computes the same checksums as a source that has `checksums`. */
export interface ChecksumWarehouse {
  /** Why it cannot render a column; `undefined` where it can. */
  refusal(column: ColumnSpec): string | undefined;
  compareBuckets(request: ChecksumCompareRequest): Promise<BucketComparison>;
  compareKeys(request: ChecksumCompareRequest & { readonly inFlightSince: string }): Promise<KeyComparison>;
}

/** Which combinations of values a table has. */
export interface CombinationRequest {
  readonly table: string;
  readonly columns: readonly string[];
  /** A timestamp or date column: each combination says when it was first and last there. Rows without it are left out. */
  readonly at?: string;
  /** Only rows whose column, as text, is one of the values. */
  readonly within?: { readonly column: string; readonly values: readonly string[] };
  /** Only rows whose column is NULL or not in a column of those rows of another table that have a value in a third one. */
  readonly except?: {
    readonly column: string;
    readonly from: string;
    readonly fromColumn: string;
    readonly having: { readonly column: string; readonly value: string };
  };
  /** One row more than this says that there are more. */
  readonly maxRows: number;
}

/** How much a table holds. */
export interface Tally {
  readonly rows: number;
  /** The greatest value of a column of whole numbers; 0 for none. */
  readonly greatest: number;
}

/** Which values a column has for some keys. The table and its columns exist. */
export interface StoredValuesRequest {
  readonly table: string;
  readonly key: string;
  readonly column: string;
  readonly keys: readonly string[];
}

/** Values in the order of the columns, then the first and the last instant where asked for, all as text or null. */
export type Combination = readonly (string | null)[];

/** In what warehouses differ, as far as a DAG can notice; the contract suite asks for it. */
export interface WarehouseCapabilities {
  /** Several machines may load at once. */
  readonly isShared: boolean;
  /** Longest text of one value, in bytes of UTF-8. */
  readonly textMaxBytes: number;
  /** What of a table's layout is used. */
  readonly layout: readonly ('partitionBy' | 'clusterBy')[];
}

/** Reading access to a warehouse, also while a worker loads. */
export interface WarehouseReader {
  /** One reading statement. @throws PipelineError QUERY_REFUSED */
  query(sql: string, maxRows: number): Promise<QueryResult>;
  /** Settings for `doctor`; no secret. */
  describe(): JsonObject;
  close(): Promise<void>;
}

/** A warehouse that loads land in: one folder under `connectors/`, same file names, one contract suite. */
export interface Warehouse extends WarehouseReader {
  readonly name: string;
  readonly capabilities: WarehouseCapabilities;
  /** Creates the system tables where missing; safe to repeat. */
  open(): Promise<void>;
  findLoad(loadId: string): Promise<LoadMarker | undefined>;
  /**
   * Committed cursor of an extract task: `manifest.cursor` as it was loaded, an `ExtractCursor` whose `taskId` is this
   * one, of the DAG's last marker by commit order. Where several load tasks took the same extract's rows, the last of
   * each, and of these the earliest (`committedCursor`), so that a load which failed misses nothing.
   *
   * @param loads load tasks that take its rows now; once each has a marker, those of others count no more
   */
  latestCursor(
    dagId: string,
    extractTaskId: string,
    loads?: readonly string[],
  ): Promise<JsonValue | undefined>;
  /** Takes the next fence number for (table, interval); older holders are refused from then on. */
  claimFence(table: string, intervalKey: string): Promise<number>;
  /**
   * Changes the table, writes rejects to quarantine, and writes the marker, in one transaction.
   * A load id that is already committed changes nothing and returns its marker.
   * @throws PipelineError STALE_FENCE, CONTRACT_BROKEN, COUNT_MISMATCH, WAREHOUSE_*
   */
  load(request: LoadRequest): Promise<LoadMarker>;
  /** Compares a table with staged rows, key by key; changes nothing. @throws PipelineError STAGING_*, WAREHOUSE_* */
  compare(request: CompareRequest): Promise<TableComparison>;
  /** Absent where it can only compare rows. */
  readonly checksums?: ChecksumWarehouse;
  /** Adds a row to `_millrace_reconciles`, once for each id. */
  recordReconcile(row: ReconcileRow): Promise<void>;
  tableColumns(table: string): Promise<readonly ColumnSpec[] | undefined>;
  /** Why it cannot apply transforms with a load as the worker would, a reason each; none where it can. */
  transformGaps(deferred: DeferredTransforms): readonly string[];
  /** Those of the values, as DuckDB writes them as text, that a column has. @throws PipelineError WAREHOUSE_* */
  existingValues(table: string, column: string, values: readonly string[]): Promise<readonly string[]>;
  /**
   * For each of these keys that a table has, as DuckDB writes it as text, the value of a column beside it, likewise; of
   * several rows of a key the greatest text. Keys whose value is null are left out. @throws PipelineError WAREHOUSE_*
   */
  storedValues(request: StoredValuesRequest): Promise<readonly (readonly [key: string, value: string])[]>;
  /**
   * The distinct combinations of values of some columns, each value as DuckDB writes it as text: `2026-01-31 08:05:00.25`
   * for an instant in UTC; some at a time. The table and its columns exist. @throws PipelineError WAREHOUSE_*
   */
  combinations(request: CombinationRequest): AsyncIterable<readonly Combination[]>;
  /** How many rows a table has, and the greatest value of a column of whole numbers. A table that is not there has none. */
  tally(table: string, column: string): Promise<Tally>;
  /** Original bytes of quarantined rows, as NDJSON lines in the order of the ids. */
  quarantinedRows(ids: readonly string[]): Promise<readonly string[]>;
}
