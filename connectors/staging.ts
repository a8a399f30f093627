import type { StagedFile } from '../core/loading/manifest.js';

/** A file that a store holds, as its list shows it. */
export interface StagedEntry {
  /** Name within the store. */
  readonly name: string;
  /** Hash of its content, before any encryption. */
  readonly sha256: string;
  readonly bytes: number;
  /** When it was last written; local files also: last asked for. */
  readonly usedAtMs: number;
}

/**
 * Immutable, content-addressed files between stages. A file appears under its final name only when it is whole and
 * durable, so a reader never sees a part. Stages work on local paths: a store elsewhere keeps a local copy.
 *
 * Every method that reaches a store elsewhere throws PipelineError STAGING_UNAVAILABLE, STAGING_REFUSED.
 */
export interface StagingStore {
  /** Where files are kept, without secrets. */
  readonly place: string;
  /** Makes sure that files can be kept there. @throws PipelineError STAGING_REFUSED, STAGING_UNAVAILABLE */
  check(): Promise<void>;
  /** Writes a small file of its own, reads it and removes it. @throws PipelineError DISK_FULL, STAGING_REFUSED, STAGING_UNAVAILABLE */
  probe(): Promise<void>;
  /** Writes NDJSON bytes. @throws PipelineError DISK_FULL */
  write(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, rows: number): Promise<StagedFile>;
  /** A path that a program may write to before `adopt`. It is swept after a crash. */
  temporaryPath(extension: string): string;
  /** Takes a finished local file over by rename and returns its staged identity. @throws PipelineError DISK_FULL, LIMIT_EXCEEDED */
  adopt(path: string, format: StagedFile['format'], rows: number): Promise<StagedFile>;
  /**
   * A local path whose content was checked against the hash.
   * @throws PipelineError STAGING_MISSING, STAGING_CORRUPT, STAGING_KEY_MISSING, DISK_FULL
   */
  localPath(file: StagedFile): Promise<string>;
  /** Removes temporary leftovers of dead processes on this machine; returns how many. */
  sweep(): Promise<number>;
  /** Every file that is whole, in no order. */
  entries(): AsyncIterable<StagedEntry>;
  /** Removes a file, unless it was used since it was listed: then false. */
  remove(entry: StagedEntry): Promise<boolean>;
}
