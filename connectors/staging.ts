import type { StagedFile } from '../core/manifest.js';

/**
 * Immutable, content-addressed files between stages. A file appears under its final name only when it is whole and
 * durable (written aside, fsync, rename), so a reader never sees a part.
 */
export interface StagingStore {
  /** Writes NDJSON bytes. @throws PipelineError DISK_FULL */
  write(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, rows: number): Promise<StagedFile>;
  /** A path that a program may write to before `adopt`. It is swept after a crash. */
  temporaryPath(extension: string): string;
  /** Takes a finished local file over by rename and returns its staged identity. */
  adopt(path: string, format: StagedFile['format'], rows: number): Promise<StagedFile>;
  /**
   * A local path whose content was checked against the hash.
   * @throws PipelineError STAGING_MISSING, STAGING_CORRUPT
   */
  localPath(file: StagedFile): Promise<string>;
  /** Removes temporary leftovers of dead processes; returns how many. */
  sweep(): Promise<number>;
}
