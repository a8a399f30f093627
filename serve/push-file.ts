import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileBytes } from '../connectors/file/file-bytes.js';
import { createLocalStore } from '../connectors/file/local-store.js';
import { readRecords } from '../connectors/file/records.js';
import type { FileSettings } from '../connectors/file/settings.js';
import { systemErrorCode } from '../connectors/system-error.js';
import { isPipelineError, PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import { RecordTally, type RecordCounts } from './push-records.js';
import { SenderGone, tooLarge } from './read-body.js';

/** A file on this disk as it was sent. */
export interface SpooledFile {
  readonly path: string;
  readonly sha256: string;
}

/** Where files wait until they are whole. */
export class FileSpool {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Removes what a dead gateway left: it was never acknowledged. Only the holder of the inbox may call this. */
  static async open(inboxDirectory: string): Promise<FileSpool> {
    const directory = join(inboxDirectory, 'uploads');
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new FileSpool(directory);
  }

  /**
   * Writes a request's body to a file, gives it to `work`, and removes it.
   *
   * @throws PipelineError GATEWAY_TOO_LARGE, GATEWAY_TIMEOUT, GATEWAY_UNAVAILABLE where the disk refuses
   * @throws SenderGone
   */
  async withFile<Result>(
    request: IncomingMessage,
    work: (file: SpooledFile) => Promise<Result>,
  ): Promise<Result> {
    const path = join(this.#directory, randomUUID());
    try {
      return await work({ path, sha256: await writeBody(request, path) });
    } finally {
      await rm(path, { force: true });
    }
  }
}

async function writeBody(request: IncomingMessage, path: string): Promise<string> {
  const hash = createHash('sha256');
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      hash.update(chunk);
      done(size > limits.pushFileMaxBytes ? tooLarge(limits.pushFileMaxBytes) : null, chunk);
    },
  });
  const allowedMs = limits.pushFileTimeoutMs;
  try {
    // The request is not the first stream of the pipeline, which would destroy it, and with it the way of the answer.
    await pipeline(chunksOf(request), measure, createWriteStream(path, { flags: 'wx', mode: 0o600 }), {
      signal: AbortSignal.timeout(allowedMs),
    });
  } catch (error) {
    if (isPipelineError(error) || error instanceof SenderGone) throw error;
    if (error instanceof Error && error.name === 'AbortError')
      throw new PipelineError('GATEWAY_TIMEOUT', { allowedMs });
    throw new PipelineError(
      'GATEWAY_UNAVAILABLE',
      { reason: `the disk refused (${systemErrorCode(error) ?? 'unknown'})` },
      { cause: error, retryAfterMs: limits.gatewayRetryAfterMs },
    );
  }
  return hash.digest('hex');
}

/** @throws SenderGone where the body breaks off */
async function* chunksOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch {
    throw new SenderGone();
  }
  if (!request.complete) throw new SenderGone();
}

/** A part of a file: records ready for the inbox, and the index of the first one in the file. */
export interface FilePart {
  readonly first: number;
  readonly records: readonly Uint8Array[];
}

/**
 * The records of a file in parts, packed or not. Read to its end it was sound, and `tally` has judged every record.
 *
 * @throws PipelineError GATEWAY_REQUEST_INVALID, GATEWAY_TOO_LARGE
 */
export async function* fileParts(
  { path }: SpooledFile,
  settings: FileSettings,
  tally: RecordTally,
): AsyncGenerator<FilePart> {
  let records: Uint8Array[] = [];
  let first = 0;
  let size = 0;
  try {
    for await (const group of readRecords(bytesOf(path, settings.path), settings))
      for (const record of group) {
        const json = tally.add(record.json());
        records.push(json);
        size += json.length;
        if (size < limits.pushPartBytes) continue;
        yield { first, records };
        first += records.length;
        [records, size] = [[], 0];
      }
  } catch (error) {
    if (!isPipelineError(error)) throw error;
    if (error.code === 'LIMIT_EXCEEDED') throw tooLarge(limits.pushFileMaxBytes);
    if (error.code !== 'SOURCE_FILE') throw error;
    throw new PipelineError(
      'GATEWAY_REQUEST_INVALID',
      { reason: `the file cannot be read (${String(error.context['reason'])})` },
      { cause: error },
    );
  }
  if (records.length > 0) yield { first, records };
}

async function* bytesOf(path: string, name: string): AsyncGenerator<Uint8Array> {
  const store = createLocalStore(dirname(path));
  const file = { ...(await store.head(basename(path))), name };
  yield* fileBytes(store, file, limits.pushFileMaxBytes, new AbortController().signal);
}

/** Reads a file to its end and keeps nothing, so that it is known to be sound before its first row is seen by anybody. */
export async function judgeFile(file: SpooledFile, settings: FileSettings): Promise<RecordCounts> {
  const tally = new RecordTally();
  for await (const _part of fileParts(file, settings, tally)) continue;
  return tally.counts();
}
