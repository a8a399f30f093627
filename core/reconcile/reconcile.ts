import type { ColumnSpec } from '../loading/columns.js';
import type { CheckTask, ExtractTask, LoadTask, TransformTask, ValidateTask } from '../dag/dag-spec.js';
import type { DataInterval } from '../interval.js';
import type { Manifest, RowCounts, StagedFile } from '../loading/manifest.js';

/** Compares one load task's table with its source. */
export interface ReconcileRequest {
  readonly dagId: string;
  readonly extract: ExtractTask;
  readonly validate?: ValidateTask;
  readonly transforms: readonly (TransformTask | CheckTask)[];
  readonly load: LoadTask;
  readonly interval?: DataInterval;
}

/** Compares what a full read brought. */
export interface CompareRowsRequest {
  readonly request: ReconcileRequest;
  readonly manifest: Manifest;
  readonly inFlightSince?: string;
}

/** How a table and its source differ; a deletion that has reached both sides is no difference. */
export interface TableComparison {
  readonly sourceRows: number;
  readonly warehouseRows: number;
  /** Keys that the source has and the table lacks; the table has and the source lacks; both have with other content. */
  readonly missing: number;
  readonly extra: number;
  readonly changed: number;
  /** Keys of which the version columns alone differ. */
  readonly timestampOnly: number;
  /** Keys that differ and whose version is so young that a run may still be on its way with them. */
  readonly inFlight: number;
  /** A few keys of each kind, as canonical JSON of the key columns. */
  readonly samples: {
    readonly missing: readonly string[];
    readonly extra: readonly string[];
    readonly changed: readonly string[];
    readonly timestampOnly: readonly string[];
  };
}

/** What the comparison of one load task's table found. */
export interface ReconcileReport extends TableComparison {
  readonly dagId: string;
  readonly taskId: string;
  readonly table: string;
  /** `healed`: it differed, and a heal has made the two equal. */
  readonly status: 'clean' | 'different' | 'healed';
  /** `checksums`: both sides computed them, and only keys that differ were looked at. `re-read`: every row was read again. */
  readonly way: 'checksums' | 're-read';
  /** Why the rows were read again. */
  readonly reason?: string;
  /** Columns of the table that the comparison left out, each with the reason. */
  readonly notCompared?: readonly string[];
  /** Only rows of this time were compared. */
  readonly window?: { readonly column?: string; readonly from: string; readonly to: string };
  readonly heal?: HealReport;
}

/** A column of the table, under the name that it has in the source. */
export interface ComparedColumn {
  readonly name: string;
  readonly source: string;
  readonly type: ColumnSpec;
}

/** Only rows whose version, in the source or in the table, is from `from` until before `to`; ISO 8601 UTC. */
export interface ReconcileWindow {
  readonly column: ComparedColumn;
  readonly from: string;
  readonly to: string;
}

/** How one table is compared. */
export type ReconcilePlan =
  | {
      readonly way: 'checksums';
      readonly columns: readonly ComparedColumn[];
      readonly key: readonly ComparedColumn[];
      readonly version: readonly ComparedColumn[];
      /** Columns of the table that no checksum covers, each with the reason. */
      readonly notCompared: readonly string[];
      readonly window?: ReconcileWindow;
    }
  | { readonly way: 're-read'; readonly reason: string };

export type ChecksumPlan = Extract<ReconcilePlan, { readonly way: 'checksums' }>;

/** A narrower look: only the buckets of this file, which were counted by `modulus`. */
export interface BucketFilter {
  readonly file: StagedFile;
  readonly modulus: number;
}

/** One step of bisecting: rows by bucket of their key, on both sides. */
export interface CompareBucketsRequest {
  readonly request: ReconcileRequest;
  readonly plan: ChecksumPlan;
  readonly modulus: number;
  readonly within?: BucketFilter;
}

export interface BucketComparison {
  /** Buckets that differ. */
  readonly file: StagedFile;
  /** Rows of the source in the buckets that differ. */
  readonly rows: number;
  readonly sourceRows: number;
  readonly warehouseRows: number;
}

/** The last step: keys of the buckets that differ. */
export interface CompareKeysRequest {
  readonly request: ReconcileRequest;
  readonly plan: ChecksumPlan;
  readonly within: BucketFilter;
  /** Rows whose version is this late or later are in flight; ISO 8601 UTC. */
  readonly inFlightSince: string;
}

export type KeyComparison = Omit<TableComparison, 'sourceRows' | 'warehouseRows'> & {
  /** Lines of differing keys for a targeted extract; those in flight are left out. */
  readonly differences: StagedFile;
};

/** What became of a heal. */
export interface HealReport {
  /** `above-cap`: too many keys, nothing was changed. `unsupported`: this load cannot be healed row by row. */
  readonly status: 'nothing-to-heal' | 'healed' | 'above-cap' | 'unsupported';
  readonly keys: number;
  readonly counts?: RowCounts;
  /** What still differs after it. */
  readonly remaining?: number;
  /** What to do about a heal that did not take place. */
  readonly hint?: string;
}
