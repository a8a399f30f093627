import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { systemErrorCode } from '../system-error.js';
import type { FileSearch, FileStore, FoundFile } from './file-store.js';

/** Bytes that are read at once. */
const chunkBytes = 256 * 1024;

/** The files below a directory of this machine, symbolic links followed as far as they stay inside. */
export function createLocalStore(directory: string): FileStore {
  const head = async (key: string): Promise<FoundFile> => {
    try {
      const found = await stat(await locate(directory, key));
      if (!found.isFile()) throw new PipelineError('SOURCE_FILE', { file: key, reason: 'it is no file' });
      const { size, mtimeMs } = found;
      return {
        name: key,
        key,
        bytes: size,
        modifiedAtMs: Math.floor(mtimeMs),
        version: `${String(size)}-${String(mtimeMs)}`,
      };
    } catch (error) {
      throw failure(key, error);
    }
  };
  return {
    opensVersions: false,
    head,
    async *list({ prefix, depth, matches }: FileSearch) {
      for await (const key of walk(directory, prefix.slice(0, prefix.lastIndexOf('/') + 1), depth))
        if (matches(key)) yield await head(key);
    },
    async open({ key }, offset) {
      const path = await locate(directory, key);
      return createReadStream(path, { start: offset, highWaterMark: chunkBytes });
    },
    failure,
    localPath: (key) => locate(directory, key),
    close: () => Promise.resolve(),
  };
}

async function* walk(directory: string, folder: string, depth: number): AsyncGenerator<string> {
  const entries = await readdir(resolve(directory, folder), { withFileTypes: true }).catch(
    (error: unknown) => {
      // A folder that is not there has no files.
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw failure(folder, error);
    },
  );
  for (const entry of entries) {
    if (!entry.isDirectory()) yield `${folder}${entry.name}`;
    else if (depth > 0) yield* walk(directory, `${folder}${entry.name}/`, depth - 1);
  }
}

/** The absolute path of a file that exists and does not lie outside the directory. */
async function locate(directory: string, path: string): Promise<string> {
  const root = await realpath(directory);
  const found = await realpath(resolve(root, path));
  if (found.startsWith(root.endsWith(sep) ? root : root + sep)) return found;
  throw new PipelineError('SOURCE_FILE', {
    file: path,
    reason: 'it lies outside the project directory; name a connection with "directory" for it',
  });
}

/** Only the error's code is told; its text repeats absolute paths. */
function failure(file: string, error: unknown): unknown {
  if (isPipelineError(error)) return error;
  return new PipelineError('SOURCE_FILE', { file, reason: systemErrorCode(error) ?? 'unknown failure' });
}
