import type { Readable } from 'node:stream';

/** A file as its store describes it. */
export interface FoundFile {
  /** What people call it: the path of the options, or the whole address. */
  readonly name: string;
  /** What its store calls it. */
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAtMs: number;
  /** Another one means another content: ETag, generation, or size and time of the last change. */
  readonly version: string;
}

/** Where to look for files. */
export interface FileSearch {
  /** Every key that is wanted begins with it. */
  readonly prefix: string;
  /** Folders below that of the prefix to look into; 0 for none. */
  readonly depth: number;
  matches(key: string): boolean;
}

/**
 * A place that files are read from. Each method is one try and throws errors of the catalogue: retryable where another try may
 * help. Keys have `/` between folders.
 */
export interface FileStore {
  /** Whether `open` delivers the version that it was asked for, or nothing. Otherwise the version is looked at again after it. */
  readonly opensVersions: boolean;
  /** @throws PipelineError SOURCE_FILE where there is no such file */
  head(key: string): Promise<FoundFile>;
  list(search: FileSearch): AsyncIterable<FoundFile>;
  /** The bytes from `offset` on. @throws PipelineError SOURCE_FILE_CHANGED */
  open(file: FoundFile, offset: number): Promise<Readable>;
  /** An error of a stream that `open` returned, as one of the catalogue. */
  failure(file: string, error: unknown): unknown;
  /** Where the file lies on this machine, for stores that have it there. Its version is to be looked at after it was read. */
  localPath?(key: string): Promise<string>;
  close(): Promise<void>;
}
