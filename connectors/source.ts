import type { JsonObject, JsonValue } from '../core/json.js';
import type { DataInterval } from '../core/interval.js';
import type { StagedFile } from '../core/loading/manifest.js';
import type { RateRule } from '../core/rates/rate-state.js';
import type { ComparedColumn, ReconcileWindow } from '../core/reconcile/reconcile.js';
import type { QuarantineRow } from '../core/quality/quarantine.js';
import type { Credentials } from './http/types.js';
import type { StagingStore } from './staging.js';
import type { TypedText } from './typed-text.js';

/** A named connection, ready for its connector. */
export interface ResolvedConnection {
  /** Its options, secrets included; never log them. */
  readonly options: JsonObject;
  /** Present where the connection has `auth` of type `oauth2`. */
  readonly credentials?: Credentials;
  /** Limits that it declares. */
  readonly rate?: readonly RateRule[];
}

/** Keys that are read once more. */
export interface KeyRequest {
  /** Columns of the source. */
  readonly key: readonly string[];
  readonly version: readonly string[];
  /** Canonical texts of `key` and `version`, as JSON: `[{"key":["1"],"version":["2026-01-01 00:00:00"]}]`. */
  readonly rows: string;
  /** Keys that are no longer there come as deletions of this version. */
  readonly deletions: boolean;
}

/** What an extract task asks a source for. */
export interface ReadRequest {
  readonly stream: string;
  readonly options: JsonObject;
  /** Settings of the named connection, secrets included; never log them. */
  readonly connection: JsonObject;
  /** What authorises requests, where the connection has OAuth; a source hands it to `httpRequest`. */
  readonly credentials?: Credentials;
  /** Half-open; present when the task reads by interval. */
  readonly interval?: DataInterval;
  /** Last committed cursor; present when the task reads by cursor and a load has committed one. */
  readonly cursor?: JsonValue;
  readonly cursorPath?: string;
  /** Re-read this much before the cursor, so that rows which became visible late are found. */
  readonly lagMs: number;
  /** Workflow id of the run that reads, for systems that show who is connected. */
  readonly reader?: string;
  /** Only these; asked for of sources that have `checksums`. */
  readonly keys?: KeyRequest;
  /** A real-time source waits this long for a first row. */
  readonly waitMs: number;
  /** What a try before was given last of this very read (`SourceBatch.resume`): the read goes on right behind it. */
  readonly resume?: JsonValue;
}

export interface ReadContext {
  /** Aborted on cancellation, time-out and shutdown; a source passes it to every request. */
  readonly signal: AbortSignal;
  readonly staging: StagingStore;
  /**
   * After an abort: whether another try goes on with the read, because a worker stops or lost touch. Then what it waits for at
   * the source stays. Absent: it does not.
   */
  goesOn?(): boolean;
  /** Reports that the source is alive; cheap, call it per page. */
  heartbeat(details?: JsonValue): void;
}

/**
 * One piece of what a source delivers. `rows` and `deletes` are NDJSON bytes: complete lines, each one record as the
 * source sent it, line feed at the end of each. A delete carries only key and version columns.
 * A piece with `file` names bytes that are already staged (inbox segments).
 */
export interface SourceBatch {
  readonly kind: 'rows' | 'deletes';
  readonly bytes?: Uint8Array;
  readonly file?: StagedFile;
  /** The rows of `bytes` with their types; who takes them need not look at `bytes`. */
  readonly typed?: TypedText;
  readonly rowCount: number;
  /** Records of the source that have no row, with the reason; they go to the quarantine. */
  readonly rejects?: readonly Omit<QuarantineRow, 'position'>[];
  /** Cursor after this piece; the last one becomes the manifest's. */
  readonly cursor?: JsonValue;
  /**
   * Everything up to and with this piece is delivered, and a read that is given this goes on right behind it, to the same
   * rows. At most `limits.resumeMaxBytes` as JSON, without secrets. Absent: a cut read goes on behind an earlier piece that
   * has one, or begins anew. Not taken from reads with typed text.
   */
  readonly resume?: JsonValue;
}

/** Which rows a checksum runs over, and how they are grouped. */
export interface ChecksumQuery {
  readonly columns: readonly ComparedColumn[];
  readonly key: readonly ComparedColumn[];
  readonly version: readonly ComparedColumn[];
  /** `buckets`: lines `{"b","n","s"}`: bucket, rows, sum of their hashes. `keys`: lines `{"k0"…,"v0"…,"c"}`: key, version, hash of the other columns. */
  readonly level: 'buckets' | 'keys';
  /** For `buckets`: only rows of this time. Keys of a bucket come whole, so that a row whose version has moved is seen. */
  readonly window?: ReconcileWindow;
  readonly modulus: number;
  /** Only rows of these buckets of another modulus. */
  readonly within?: { readonly modulus: number; readonly buckets: readonly string[] };
}

/**
 * A source that computes checksums itself. Both sides render a row as the same text (`connectors/checksum.ts` says which),
 * take the first 60 bits of its MD5, and add them up by bucket of the key, so that no order matters.
 */
export interface ChecksumReader {
  /** The columns that it renders alike, why it leaves the others out, and the key that identifies its rows. */
  plan(
    request: ReadRequest,
    columns: readonly ComparedColumn[],
    context: ReadContext,
  ): Promise<{
    readonly columns: readonly ComparedColumn[];
    readonly notCompared: readonly string[];
    readonly key: readonly string[];
    /** The column that a read by data interval follows, where one is known. */
    readonly follows?: string;
  }>;
  read(request: ReadRequest, query: ChecksumQuery, context: ReadContext): AsyncIterable<SourceBatch>;
}

/** A system that Millrace reads from: one folder under `connectors/`, exported as `source` from its `index.ts`. */
export interface Source {
  readonly name: string;
  /** @throws PipelineError SOURCE_*; SOURCE_RESUME for a `resume` that is of no use */
  read(request: ReadRequest, context: ReadContext): AsyncIterable<SourceBatch>;
  /**
   * Quarantined lines, as the source rejected them, in the form in which it would deliver them now; `undefined` where the
   * source delivers lines as they are. Several pieces where some of them are deletions.
   */
  reshape?(
    lines: Uint8Array,
    request: Pick<ReadRequest, 'stream' | 'options' | 'cursorPath'>,
  ): Promise<SourceBatch | readonly SourceBatch[] | undefined>;
  readonly checksums?: ChecksumReader;
  /** Proves that the connection works with one cheap request; `millrace connections test`. @throws PipelineError */
  test(
    connection: JsonObject,
    context: Pick<ReadContext, 'signal'> & Pick<ReadRequest, 'credentials'>,
  ): Promise<{ readonly detail: string }>;
}
