import { createReadStream } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { systemErrorCode } from '../system-error.js';

/**
 * The absolute path of a file, symbolic links followed.
 *
 * @throws PipelineError SOURCE_FILE where it does not exist, is no file, or lies outside the directory.
 */
export async function locateFile(directory: string, path: string): Promise<string> {
  try {
    const root = await realpath(directory);
    const found = await realpath(resolve(root, path));
    if (!found.startsWith(root.endsWith(sep) ? root : root + sep)) {
      throw new PipelineError('SOURCE_FILE', {
        file: path,
        reason: 'it lies outside the project directory; name a connection with "directory" for it',
      });
    }
    return found;
  } catch (error) {
    throw fileFailure(path, error);
  }
}

/** The file's bytes, unpacked where its content is gzip. @throws PipelineError SOURCE_FILE while it is read. */
export async function* readFileBytes(
  location: string,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    const raw = createReadStream(location, { signal, highWaterMark: 256 * 1024 });
    const bytes = (await isGzip(location)) ? pipeline(raw, createGunzip(), () => undefined) : raw;
    for await (const chunk of bytes) yield chunk as Uint8Array;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw fileFailure(name, error);
  }
}

async function isGzip(location: string): Promise<boolean> {
  const handle = await open(location, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

/** Only the error's code is told; its text repeats absolute paths. */
export function fileFailure(file: string, error: unknown): unknown {
  if (isPipelineError(error)) return error;
  return new PipelineError('SOURCE_FILE', { file, reason: systemErrorCode(error) ?? 'unknown failure' });
}
