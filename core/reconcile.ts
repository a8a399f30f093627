import type { TableComparison, ReconcileRequest } from './activities.js';
import type { ColumnSpec } from './columns.js';
import type { RowCounts, StagedFile } from './manifest.js';
import type { TimedSchedule } from './schedule-spec.js';

/** How often a table is compared with its source by itself, and whether what differs is healed. */
export interface ReconcileSpec {
  readonly schedule: TimedSchedule;
  readonly inFlightMs: number;
  /** Only rows of so long before the comparison; all of them where it is absent. */
  readonly windowMs?: number;
  readonly heal?: HealSpec;
}

/** What a reconcile may change. */
export interface HealSpec {
  /** More differing keys than this are left alone. */
  readonly maxKeys: number;
  /** Rows that the source no longer has are taken away as well. */
  readonly deletions: boolean;
  /** Heals more than `maxKeys`, up to `limits.reconcileHealMaxKeys`. */
  readonly isApproved: boolean;
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
