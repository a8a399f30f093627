import { createReadStream } from 'node:fs';
import { open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { PipelineError } from '../../core/errors/index.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import { systemErrorCode } from '../../connectors/system-error.js';
import type { StagingStore } from '../../connectors/staging.js';

/** Streams NDJSON lines into staged files of bounded size. Memory does not grow with the number of rows. */
export interface StagedWriter {
  /** Appends complete lines. */
  append(lines: Uint8Array, rows: number): Promise<void>;
  /** Takes a file that is staged already into its place in the order. */
  add(file: StagedFile): Promise<void>;
  /**
   * Stages copies of what is appended and not yet part of a whole file. The files that `finish` returns do not depend on it.
   */
  keep(): Promise<WriterState>;
  /** Puts a new writer into a state that was kept. @throws PipelineError STAGING_* */
  resume(state: WriterState): Promise<void>;
  /** Stages what is left and returns all files in order; none when nothing was appended. */
  finish(): Promise<readonly StagedFile[]>;
  /** Removes the unfinished file. Safe after `finish`. */
  discard(): Promise<void>;
}

/** What a writer holds, in staged files. */
export interface WriterState {
  /** Whole files, in order. */
  readonly files: readonly StagedFile[];
  /** Pieces of the file that comes next, in order. */
  readonly pieces: readonly StagedFile[];
}

interface OpenFile {
  readonly path: string;
  readonly handle: FileHandle;
  bytes: number;
  rows: number;
}

/** @throws PipelineError DISK_FULL from every method that writes. */
export function createStagedWriter(staging: StagingStore, maxBytes: number): StagedWriter {
  const files: StagedFile[] = [];
  let current: OpenFile | undefined;
  let pieces: StagedFile[] = [];

  const close = async (): Promise<void> => {
    if (current === undefined) return;
    const { path, handle, rows } = current;
    await handle.close();
    files.push(await staging.adopt(path, 'ndjson', rows));
    current = undefined;
    pieces = [];
  };

  const append = async (lines: Uint8Array, rows: number): Promise<void> => {
    if (lines.length === 0) return;
    if (current !== undefined && current.bytes + lines.length > maxBytes) await close();
    try {
      if (current === undefined) {
        const path = staging.temporaryPath('ndjson');
        current = { path, handle: await open(path, 'wx', 0o600), bytes: 0, rows: 0 };
      }
      await current.handle.appendFile(lines);
    } catch (error) {
      throw writeFailure(error);
    }
    current.bytes += lines.length;
    current.rows += rows;
  };

  return {
    append,

    async add(file) {
      await close();
      if (file.rows > 0) files.push(file);
    },

    async keep() {
      const keptBytes = sum(pieces, 'bytes');
      if (current !== undefined && current.bytes > keptBytes) {
        const { path, bytes, rows } = current;
        const rest = createReadStream(path, { start: keptBytes, end: bytes - 1 });
        pieces.push(await staging.write(rest, rows - sum(pieces, 'rows')));
      }
      return { files: [...files], pieces: [...pieces] };
    },

    async resume(state) {
      for (const piece of state.pieces)
        await append(await readFile(await staging.localPath(piece)), piece.rows);
      files.push(...state.files);
      pieces = [...state.pieces];
    },

    async finish() {
      await close();
      return files;
    },

    async discard() {
      if (current === undefined) return;
      const { path, handle } = current;
      current = undefined;
      await handle.close().catch(() => undefined);
      await rm(path, { force: true });
    },
  };
}

function sum(files: readonly StagedFile[], member: 'bytes' | 'rows'): number {
  return files.reduce((total, file) => total + file[member], 0);
}

/** What a failed write says, as an error of the catalogue where the disk is at fault. */
export function writeFailure(error: unknown): unknown {
  const code = systemErrorCode(error) ?? '';
  if (!['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS'].includes(code)) return error;
  return new PipelineError('DISK_FULL', { what: 'staged rows', reason: code });
}
