import type { Readable } from 'node:stream';

/** An object as its store describes it. */
export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAtMs: number;
  /** Changes with each write (S3: ETag, GCS: generation); conditions name it. */
  readonly version: string;
}

export interface ObjectUpload {
  readonly key: string;
  readonly bytes: number;
  readonly body: Readable;
  /** Version that it takes the place of; undefined where there must be none. */
  readonly replaces: string | undefined;
  /** Aborted where nothing moves any more. */
  readonly signal: AbortSignal;
}

/**
 * A bucket, as far as staging needs one; a prefix is part of every key. Each method is one try: it throws PipelineError
 * STAGING_UNAVAILABLE where another try may help, and STAGING_REFUSED where it does not.
 */
export interface ObjectStore {
  /** `s3://bucket/prefix` or `gs://bucket/prefix`. */
  readonly url: string;
  /** Looks whether the bucket is there and may be listed. */
  check(): Promise<void>;
  head(key: string): Promise<ObjectInfo | undefined>;
  /** Visible only when it is whole. False where the condition did not hold. */
  put(upload: ObjectUpload): Promise<boolean>;
  /** Undefined where there is none. The stream may fail with any error. */
  get(key: string): Promise<Readable | undefined>;
  /** Objects right under the prefix. */
  list(): AsyncIterable<ObjectInfo>;
  /** False where it is gone, or has another version. */
  remove(key: string, version: string): Promise<boolean>;
  /** Moves an object, also to a key with a folder of its own. */
  move(from: string, to: string): Promise<void>;
}
