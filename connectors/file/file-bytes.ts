import { addAbortSignal } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { createStallLimit } from '../staging/transfer.js';
import type { FileStore, FoundFile } from './file-store.js';
import { unpack, type FileCompression } from './unpack.js';

/**
 * The bytes of a file, unpacked where its content is gzip or zstd. Every byte that the store announced has come, and all of them of one
 * version, or the read fails.
 *
 * @param maxBytes of the file when it is unpacked
 * @param stallMs after which a connection on which nothing moves counts as broken
 * @param compression what the content has to be; default: what it is
 * @throws PipelineError SOURCE_FILE, SOURCE_FILE_CHANGED, SOURCE_UNAVAILABLE, SOURCE_PROTOCOL, LIMIT_EXCEEDED
 */
export async function* fileBytes(
  store: FileStore,
  file: FoundFile,
  maxBytes: number,
  signal: AbortSignal,
  stallMs: number = limits.stagingStallMs,
  compression?: FileCompression,
): AsyncGenerator<Uint8Array> {
  let unpacked = 0;
  for await (const chunk of unpack(storedBytes(store, file, signal, stallMs), file.name, compression)) {
    unpacked += chunk.length;
    if (unpacked > maxBytes) throw tooLarge(file, maxBytes);
    yield chunk;
  }
  if (!store.opensVersions) await refuseChanged(store, file);
}

/** @throws PipelineError SOURCE_FILE_CHANGED where the file is another one than it was when it was found */
export async function refuseChanged(store: FileStore, file: FoundFile): Promise<void> {
  if ((await store.head(file.key)).version !== file.version) throw changed(file);
}

/** Goes on at the byte where a connection broke, at most `limits.connectorMaxTries` times in a row without a byte. */
async function* storedBytes(
  store: FileStore,
  file: FoundFile,
  signal: AbortSignal,
  stallMs: number,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for (let failures = 0; offset < file.bytes;) {
    const stall = createStallLimit(stallMs);
    try {
      const stream = await store.open(file, offset);
      addAbortSignal(AbortSignal.any([signal, stall.signal]), stream);
      for await (const chunk of stall.watch(stream)) {
        offset += chunk.length;
        failures = 0;
        if (offset > file.bytes) throw changed(file);
        yield chunk;
      }
      if (offset < file.bytes) throw endedEarly(file, offset);
    } catch (error) {
      signal.throwIfAborted();
      const failure = store.failure(file.name, error);
      failures += 1;
      if (!isPipelineError(failure) || !mayGoOn(failure) || failures >= limits.connectorMaxTries)
        throw failure;
      await sleep(Math.random() * limits.connectorRetryBaseMs * 2 ** failures, undefined, { signal });
    } finally {
      stall.stop();
    }
  }
}

function mayGoOn({ retryable, code }: PipelineError): boolean {
  return retryable && code !== 'SOURCE_FILE_CHANGED';
}

/** @throws PipelineError LIMIT_EXCEEDED where a file is too large before it is unpacked */
export function refuseLarge(file: FoundFile, maxBytes: number): void {
  if (file.bytes > maxBytes) throw tooLarge(file, maxBytes);
}

function tooLarge({ name }: FoundFile, maxBytes: number): PipelineError {
  return new PipelineError('LIMIT_EXCEEDED', {
    what: `The size of file ${name}, unpacked,`,
    actual: `more than ${String(maxBytes)} bytes`,
    limit: 'maxMb of the options, or fileMaxBytes',
    allowed: maxBytes,
  });
}

function changed({ name }: FoundFile): PipelineError {
  return new PipelineError('SOURCE_FILE_CHANGED', { file: name });
}

function endedEarly({ name, bytes }: FoundFile, offset: number): PipelineError {
  return new PipelineError('SOURCE_PROTOCOL', {
    source: name,
    reason: `it ended at byte ${String(offset)} of ${String(bytes)}`,
  });
}
