import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { copyTypedText } from '../../connectors/duckdb/typed-text-sql.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import type { StagingStore } from '../../connectors/staging.js';
import type { TypedText } from '../../connectors/typed-text.js';
import { PipelineError } from '../../core/errors/index.js';
import { canonicalJson } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { partLines } from '../read/oversized.js';
import { writeFailure, type StagedWriter } from './staged-writer.js';

/** Stages typed text as typed files, beside whatever else the source sends. */
export interface TypedWriter {
  /** @throws PipelineError DISK_FULL */
  append(typed: TypedText, rows: number): Promise<void>;
  /**
   * Stages what is left; after it, every row so far is in the writer of rows.
   * @returns the beginning of each row since the last flush that is longer than a record may be; it is not staged.
   */
  flush(): Promise<readonly string[]>;
  /** Hash of all text and its columns; `undefined` where none came. It does not depend on where files were cut. */
  hash(): string | undefined;
  /** Removes what is unfinished. Safe after `flush`. */
  discard(): Promise<void>;
}

interface Part {
  readonly path: string;
  readonly handle: FileHandle;
  readonly typed: TypedText;
  readonly firstPosition: number;
  /** DuckDB's reader drops such a mark, which here is the first letter of a value. */
  readonly hasByteOrderMark: boolean;
  bytes: number;
  rows: number;
}

export interface TypedWriterDeps {
  readonly staging: StagingStore;
  readonly rows: StagedWriter;
  readonly signal: AbortSignal;
  /** No part grows beyond it. */
  readonly fileMaxBytes: number;
}

/**
 * Text is gathered in parts; each becomes a Parquet file while the source sends the next one and the file before is hashed
 * and synced. A part with a value that its type does not hold exactly (an infinite instant, a line over the limit, text that
 * is not UTF-8) becomes JSON lines instead.
 */
export function createTypedWriter({ staging, rows, signal, fileMaxBytes }: TypedWriterDeps): TypedWriter {
  let hash: Hash | undefined;
  let part: Part | undefined;
  let parts = 0;
  let position = 0;
  /** The last part's conversion; one at a time. */
  let converting: Promise<unknown> = Promise.resolve();
  /** What is done once the last part, and the one before it, are in `rows`, with all parts before them. */
  let newest: Promise<void> = Promise.resolve();
  let older: Promise<void> = Promise.resolve();
  let engine: Promise<StagedSql> | undefined;
  const oversized: string[] = [];

  const begin = async (typed: TypedText): Promise<Part> => {
    const path = staging.temporaryPath('text');
    return {
      path,
      typed,
      handle: await open(path, 'wx', 0o600),
      firstPosition: position,
      hasByteOrderMark: byteOrderMark.every((byte, at) => typed.text[at] === byte),
      bytes: 0,
      rows: 0,
    };
  };

  /** Takes a part into `rows`, behind those before it. */
  const stage = async (closed: Part, target: string, typed: Promise<boolean>, before: Promise<void>) => {
    try {
      const isWritten = await typed;
      await before;
      if (isWritten) await rows.add(await staging.adopt(target, 'parquet', closed.rows));
      else await asLines(closed);
    } finally {
      await rm(target, { force: true });
      await rm(closed.path, { force: true });
    }
  };

  const isTyped = async (closed: Part, target: string): Promise<boolean> => {
    const { path, typed, firstPosition, rows: expected } = closed;
    if (closed.hasByteOrderMark) return false;
    try {
      const statement = copyTypedText(typed.columns, { textPath: path, target, firstPosition });
      // One thread: a part is one row group or few, and threads without work of their own cost as much as the work.
      engine ??= createStagedSql({ memoryLimitMb: limits.typedSqlMemoryMb, threads: 1 });
      const [written] = await (await engine).run([statement], signal);
      return Number(written?.['Count']) === expected;
    } catch {
      signal.throwIfAborted();
      return false;
    }
  };

  const asLines = async ({ path, typed, rows: expected }: Part): Promise<void> => {
    let found = 0;
    for await (const text of wholeLines(path)) {
      const parted = partLines(typed.toLines(text).bytes);
      await rows.append(parted.lines, parted.rows);
      oversized.push(...parted.oversized);
      found += parted.rows + parted.oversized.length;
    }
    if (found === expected) return;
    const reason = `typed text announces ${expected} rows and holds ${found}`;
    throw new PipelineError('INTERNAL', { where: 'the staging of a source', reason });
  };

  const cut = async (): Promise<void> => {
    const closed = part;
    if (closed === undefined) return;
    await Promise.all([converting, older]);
    part = undefined;
    parts += 1;
    await closed.handle.close();
    const target = staging.temporaryPath('parquet');
    const typed = isTyped(closed, target);
    converting = typed;
    older = newest;
    newest = stage(closed, target, typed, older);
    // Whoever waits for it next sees the failure.
    newest.catch(() => undefined);
  };

  return {
    async append(typed, count) {
      hash ??= createHash('sha256').update(canonicalJson(typed.columns));
      hash.update(typed.text);
      try {
        part ??= await begin(typed);
        await part.handle.appendFile(typed.text);
      } catch (error) {
        throw writeFailure(error);
      }
      part.bytes += typed.text.length;
      part.rows += count;
      position += count;
      if (part.bytes >= Math.min(partBytes(parts), fileMaxBytes)) await cut();
    },
    async flush() {
      await cut();
      await newest;
      return oversized.splice(0);
    },
    hash: () => hash?.copy().digest('hex'),
    async discard() {
      const left = part;
      part = undefined;
      await Promise.allSettled([older, newest]);
      (await engine)?.close();
      engine = undefined;
      if (left === undefined) return;
      await left.handle.close().catch(() => undefined);
      await rm(left.path, { force: true });
    },
  };
}

/** Small parts first, so that little is left to do when the source ends; larger ones later, so that a manifest holds their names. */
function partBytes(before: number): number {
  return limits.typedFileBytes * 2 ** Math.floor(before / limits.typedFilesPerSize);
}

const lineFeed = 0x0a;
const byteOrderMark = [0xef, 0xbb, 0xbf];

/** A file in pieces of whole lines. */
async function* wholeLines(path: string): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  const stream = createReadStream(path, { highWaterMark: limits.typedReadBytes });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(lineFeed) + 1;
    if (end > 0) yield bytes.subarray(0, end);
    rest = bytes.subarray(end);
  }
}
