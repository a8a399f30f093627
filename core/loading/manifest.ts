import type { CheckOutcome } from '../quality/check-spec.js';
import type { ColumnSpec } from './columns.js';
import type { TransformConfig } from '../dag/stage-config.js';
import type { JsonValue } from '../json.js';

/**
 * Where every extracted row went. The equation
 * `extracted = loaded + unchanged + superseded + quarantined + withheld` holds for each committed load.
 */
export interface RowCounts {
  /** Rows that the source delivered, deletions and repeats included. */
  readonly extracted: number;
  /** Rows that changed the table: inserted, updated, deleted. */
  readonly loaded: number;
  /** Rows that the table already held with the same version and content. */
  readonly unchanged: number;
  /** Rows beaten by a newer version in the same batch, in the table, or by a tombstone. */
  readonly superseded: number;
  /** Rows set aside with a reason in `_millrace_quarantine`. */
  readonly quarantined: number;
  /** Rows held back by a rule of the author: a filter, or a consent gate. */
  readonly withheld: number;
}

/** An immutable file in the staging store; its name is derived from its content. */
export interface StagedFile {
  /** `staging:<sha256>.<format>`: resolved by the staging store, never a path. */
  readonly uri: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
  readonly format: 'ndjson' | 'parquet';
}

/** Declarative transforms that the load still has to apply, in their order. */
export interface DeferredTransforms {
  /** Columns of the files, before the first of them. */
  readonly columns: readonly ColumnSpec[];
  readonly transforms: readonly TransformConfig[];
}

/**
 * What one task hands to the next through Temporal: names, counts and hashes of rows, never rows.
 * Its JSON form is at most `limits.payloadMaxBytes`.
 */
export interface Manifest {
  readonly manifestVersion: 1;
  /** Rows still on their way to the table, in source order. */
  readonly files: readonly StagedFile[];
  /** Deletions: rows that carry only the key and version columns. They skip the schema check. */
  readonly deletes: readonly StagedFile[];
  /** Rejected rows (see `QuarantineRow`), written to `_millrace_quarantine` in the load's transaction. */
  readonly rejects: readonly StagedFile[];
  readonly counts: RowCounts;
  /** Hash of what was extracted and of every rule applied since; equal work gives an equal hash. */
  readonly contentHash: string;
  /**
   * Typed columns of `files` (after what is `deferred`), set once a validate task has run. Absent: the files are raw NDJSON.
   */
  readonly columns?: readonly ColumnSpec[];
  /** Transforms that `files` and `counts` have not seen yet. */
  readonly deferred?: DeferredTransforms;
  /** The extracted NDJSON that `files` were typed from: where a rejected row's original bytes are, by position. */
  readonly origin?: readonly StagedFile[];
  /** What check tasks have found so far. */
  readonly checks?: readonly CheckOutcome[];
  /**
   * How far the source has been read: an `ExtractCursor`. It becomes the next cursor when, and only when, the load's
   * marker commits.
   */
  readonly cursor?: JsonValue;
  /** Time of the extraction, ISO 8601 UTC: the last tie-breaker between versions. */
  readonly ingestedAt: string;
  /** Set by a load task. */
  readonly load?: LoadReceipt;
}

/**
 * A source's own cursor, with the extract task it belongs to: one DAG may read several sources. `owed`: load tasks that were
 * to take the rows and had never committed any, each with the cursor from which it lacks them; null: from the beginning.
 */
export type ExtractCursor = {
  readonly taskId: string;
  readonly value?: JsonValue;
  readonly owed?: Readonly<Record<string, JsonValue>>;
};

/** The source's cursor where `cursor` belongs to this extract task. */
export function cursorOfTask(cursor: JsonValue | undefined, taskId: string): JsonValue | undefined {
  if (typeof cursor !== 'object' || cursor === null || Array.isArray(cursor)) return undefined;
  return cursor['taskId'] === taskId ? cursor['value'] : undefined;
}

/** `owed` of an `ExtractCursor`. */
export function owedOf(cursor: JsonValue | undefined): Readonly<Record<string, JsonValue>> {
  if (typeof cursor !== 'object' || cursor === null || Array.isArray(cursor)) return {};
  const owed = cursor['owed'];
  return typeof owed === 'object' && owed !== null && !Array.isArray(owed) ? owed : {};
}

/** What a load committed, read back from its marker. */
export interface LoadReceipt {
  readonly loadId: string;
  readonly table: string;
  readonly fence: number;
  readonly committedAt: string;
  /** True when the marker was found, so that this call changed nothing. */
  readonly alreadyCommitted: boolean;
}

export const zeroCounts: RowCounts = {
  extracted: 0,
  loaded: 0,
  unchanged: 0,
  superseded: 0,
  quarantined: 0,
  withheld: 0,
};

/** Member-wise sum. */
export function addCounts(a: RowCounts, b: RowCounts): RowCounts {
  return {
    extracted: a.extracted + b.extracted,
    loaded: a.loaded + b.loaded,
    unchanged: a.unchanged + b.unchanged,
    superseded: a.superseded + b.superseded,
    quarantined: a.quarantined + b.quarantined,
    withheld: a.withheld + b.withheld,
  };
}

/** Rows that no counter explains; zero in every committed load. */
export function unexplainedRows(counts: RowCounts): number {
  const { extracted, loaded, unchanged, superseded, quarantined, withheld } = counts;
  return extracted - (loaded + unchanged + superseded + quarantined + withheld);
}

/** True for a value that is a manifest of this version. */
export function isManifest(value: unknown): value is Manifest {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { manifestVersion?: unknown }).manifestVersion === 1 &&
    Array.isArray((value as { files?: unknown }).files)
  );
}
