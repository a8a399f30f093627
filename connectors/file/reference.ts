import type { SourceRef } from '../../core/dag/dag-spec.js';
import type { JsonObject } from '../../core/json.js';
import type { DeclaredDeletes } from '../declared-deletes.js';
import type { FileCompression } from './unpack.js';

/** How the bytes of a file part into records. All but `parquet` may be packed by gzip or zstd: that is seen from the content. */
export type FileFormat =
  /** RFC 4180, also with another delimiter and with line breaks inside quotes. */
  | 'csv'
  /** One JSON value a line, passed on byte for byte. */
  | 'ndjson'
  /** Values parted by runs of spaces or tabs. */
  | 'whitespace'
  /** Values at fixed columns; see `widths`. */
  | 'fixed'
  /** Apache Parquet: each row becomes a JSON line, to the digit. */
  | 'parquet'
  /** Messages of Protocol Buffers, each after its length as a varint: rows with `line` (its number) and `message` (base64). */
  | 'protobuf-delimited';

/** Options of `file.records`. */
export interface FileOptions {
  /**
   * A path, or a pattern of `*`, `**`, `?`, `[…]` and `{a,b}`: relative to the project directory, or to the `directory` or `url` of
   * the connection; it may not lead out of it. Or an address: `s3://bucket/key`, `gs://bucket/key`, `sftp://host/path`.
   */
  readonly path: string;
  /** Default: what the name ends with: `.csv`, `.ndjson`, `.jsonl` or `.parquet`, also with `.gz` or `.zst` behind. */
  readonly format?: FileFormat;
  /** What the content has to be, else the file is refused; default: what it is. Not for `parquet`. */
  readonly compression?: FileCompression;
  /** A connection with `directory` or `url`, and what logs in there, for files outside the project. */
  readonly connection?: string;
  /** Whether the first line names the columns; default true. Not for `ndjson` and `parquet`. */
  readonly header?: boolean;
  /** Names in order; default: the header's. A file without a header needs them. Of `parquet`: the columns to read; default all. */
  readonly columns?: readonly string[];
  /** CSV only; default a comma. */
  readonly delimiter?: string;
  /** Fixed columns only: characters of each column in order. */
  readonly widths?: readonly number[];
  /** Column (in `ndjson`, member) with a date or an instant, for tasks that read by data interval. */
  readonly intervalColumn?: string;
  /** Columns that hold `YYYYMMDD`; valid ones are written as `YYYY-MM-DD`. Not for `ndjson` and `parquet`. */
  readonly compactDates?: readonly string[];
  /** Which records are deletions; default: none. Its `version` is needed. */
  readonly deleted?: DeclaredDeletes;
  /** What one file may have, unpacked (of `parquet`: as JSON), in MiB; default 65,536. */
  readonly maxMb?: number;
}

/** References to files, on the worker's machine or elsewhere. Plain data: nothing is read before a run asks for it. */
export const file = {
  /**
   * The records of files. In `csv`, `whitespace` and `fixed` every value is text, and `line` (from 1; the
   * line on which the record ends) is the record's identity, because equal lines are not the same record. Where `path` is a
   * pattern, `file` is part of the identity: the address or path of the record's file. Read by cursor (`read: 'cursor'`), files
   * that were loaded before are left out until they change.
   */
  records({ connection, ...options }: FileOptions): SourceRef {
    const plain = JSON.parse(JSON.stringify(options)) as JsonObject;
    return {
      connector: 'file',
      stream: 'records',
      ...(connection !== undefined && { connection }),
      options: plain,
    };
  },
} as const;
