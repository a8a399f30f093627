import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { addAbortSignal, PassThrough, Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import type { Keyring } from '../../security/keyring.js';
import { faultPoint } from '../fault-point.js';
import type { StagingStore } from '../staging.js';
import { CacheBound } from './cache-bound.js';
import { contentName, nameOf } from './content-name.js';
import { createLocalStaging, orDiskFull } from './local.js';
import type { ObjectInfo, ObjectStore } from './object-store.js';
import { sealed, UnsealError, unsealing } from './sealed-file.js';
import { probeObjects } from './probe.js';
import { retrying, storeFailure } from './store-failure.js';
import { createGate, createStallLimit } from './transfer.js';

export interface RemoteStagingOptions {
  readonly objects: ObjectStore;
  /** Encrypts what leaves this machine, where it has a key. */
  readonly keyring: Keyring;
  /** Folder of the local copies. */
  readonly cacheDirectory: string;
  readonly cacheMaxBytes: number;
  /** A transfer during which nothing moves for so long is broken off. Default: `limits.stagingStallMs`. */
  readonly stallMs?: number;
}

/** What one transfer works with. */
interface TransferParts {
  readonly objects: ObjectStore;
  readonly keyring: Keyring;
  readonly cache: StagingStore;
  readonly stallMs: number;
}

const bufferBytes = 1024 * 1024;

/**
 * Staging in a bucket, so that tasks of one run may work on different machines:
 *
 *     <prefix>/<sha256>.ndjson        whole, immutable; `.enc` at the end where it is encrypted
 *     <prefix>/corrupt/<time>-<name>  set aside because the content no longer fits the name
 *
 * A file is handed on once the bucket has it. Stages read and write a local copy, checked against the hash.
 */
export function createRemoteStaging(options: RemoteStagingOptions): StagingStore {
  const { objects, keyring, stallMs = limits.stagingStallMs } = options;
  const cache = createLocalStaging({ directory: options.cacheDirectory });
  const parts: TransferParts = { objects, keyring, cache, stallMs };
  const bound = new CacheBound(cache, options.cacheMaxBytes);
  const gate = createGate(limits.stagingActiveTransfers);
  /** Downloads under way, so that two stages that want one file share it. */
  const downloads = new Map<string, Promise<void>>();
  const versions = new WeakMap<object, ObjectInfo>();

  const store = async (file: StagedFile): Promise<void> => {
    if (file.bytes > limits.stagingObjectMaxBytes)
      throw new PipelineError('LIMIT_EXCEEDED', {
        what: `Staged file ${file.uri}`,
        actual: file.bytes,
        limit: 'stagingObjectMaxBytes',
        allowed: limits.stagingObjectMaxBytes,
      });
    const path = await cache.localPath(file);
    await retrying(async () => {
      if (!(await uploadOnce(parts, file, path)))
        throw new PipelineError('STAGING_UNAVAILABLE', {
          url: objects.url,
          reason: `${file.uri} changed while it was written`,
        });
    });
  };

  const fetchFile = async (file: StagedFile): Promise<void> => {
    // A second look at what does not fit: the way may have damaged it, not the bucket.
    for (let look = 1; ; look += 1) {
      const outcome = await retrying(() => downloadOnce(parts, file));
      if (outcome === 'whole') return;
      if (outcome === 'missing') throw new PipelineError('STAGING_MISSING', { uri: file.uri });
      if (look < 2) continue;
      await objects.move(outcome.damaged, `corrupt/${String(Date.now())}-${outcome.damaged}`);
      throw new PipelineError('STAGING_CORRUPT', { uri: file.uri });
    }
  };

  const share = async (file: StagedFile): Promise<StagedFile> => {
    await gate(() => store(file));
    faultPoint('after-upload');
    await bound.added(file.bytes);
    return file;
  };

  return {
    place: objects.url,
    async check() {
      await cache.check();
      await retrying(() => objects.check());
    },
    async probe() {
      await cache.probe();
      await probeObjects(objects);
    },
    write: async (chunks, rows) => share(await cache.write(chunks, rows)),
    temporaryPath: (extension) => cache.temporaryPath(extension),
    adopt: async (path, format, rows) => share(await cache.adopt(path, format, rows)),
    async localPath(file) {
      try {
        return await cache.localPath(file);
      } catch (error) {
        if (!isPipelineError(error) || !['STAGING_MISSING', 'STAGING_CORRUPT'].includes(error.code))
          throw error;
      }
      const download =
        downloads.get(file.uri) ??
        gate(() => fetchFile(file)).finally(() => {
          downloads.delete(file.uri);
        });
      downloads.set(file.uri, download);
      await download;
      const path = await cache.localPath(file);
      await bound.added(file.bytes);
      return path;
    },
    sweep: () => cache.sweep(),
    async *entries() {
      for await (const object of objects.list()) {
        const known = contentName.exec(object.key)?.groups;
        if (known === undefined) continue;
        const entry = {
          name: object.key,
          sha256: known['sha256'] ?? '',
          bytes: object.bytes,
          usedAtMs: object.modifiedAtMs,
        };
        versions.set(entry, object);
        yield entry;
      }
    },
    async remove(entry) {
      const listed = versions.get(entry);
      const now = await retrying(() => objects.head(entry.name));
      if (now === undefined || now.modifiedAtMs > entry.usedAtMs) return false;
      return retrying(() => objects.remove(entry.name, listed?.version ?? now.version));
    },
  };
}

/** Writes a file where the bucket lacks it, or has an old copy. False where another process was faster; then look again. */
async function uploadOnce(
  { objects, keyring, stallMs }: TransferParts,
  file: StagedFile,
  path: string,
): Promise<boolean> {
  const seal = keyring.sealFile(nameOf(file, false));
  const key = nameOf(file, seal !== undefined);
  const stall = createStallLimit(stallMs);
  const source = createReadStream(path, { highWaterMark: bufferBytes });
  try {
    const plain = Readable.from(leaving(stall.watch(source)), { objectMode: false });
    const { body, bytes } =
      seal === undefined ? { body: plain, bytes: file.bytes } : sealed(seal, plain, file.bytes);
    const held = await objects.head(key);
    const isYoung = held !== undefined && Date.now() - held.modifiedAtMs < limits.stagingRefreshAfterMs;
    // The head of an encrypted file is as long as its key's id.
    const isWhole =
      held !== undefined && (seal === undefined ? held.bytes === bytes : held.bytes > file.bytes);
    if (isYoung && isWhole) return true;
    return await objects.put({ key, body, bytes, replaces: held?.version, signal: stall.signal });
  } finally {
    stall.stop();
    source.destroy();
  }
}

async function* leaving(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    yield chunk;
    faultPoint('in-upload');
  }
}

/** Fetches a file into the cache, where it is proven. */
async function downloadOnce(
  { objects, keyring, cache, stallMs }: TransferParts,
  file: StagedFile,
): Promise<'whole' | 'missing' | { readonly damaged: string }> {
  const hasKey = keyring.currentKeyId !== undefined;
  for (const isSealed of [hasKey, !hasKey]) {
    const key = nameOf(file, isSealed);
    const encoded = await objects.get(key);
    if (encoded === undefined) continue;
    const path = cache.temporaryPath(file.format);
    try {
      const decode = isSealed ? unsealing(keyring, nameOf(file, false), file.uri) : new PassThrough();
      const { sha256, receivedBytes } = await receive(objects.url, encoded, decode, { path, stallMs });
      if (sha256 === file.sha256) {
        await cache.adopt(path, file.format, file.rows);
        return 'whole';
      }
      if (receivedBytes === undefined || receivedBytes === (await objects.head(key))?.bytes)
        return { damaged: key };
      throw storeFailure(objects.url, new Error(`${file.uri} arrived in part`));
    } finally {
      encoded.destroy();
      await rm(path, { force: true });
    }
  }
  return 'missing';
}

/**
 * Writes what arrives to a local file. No hash where it cannot be decoded; no count where its head alone shows that.
 *
 * @throws PipelineError STAGING_UNAVAILABLE, STAGING_KEY_MISSING, DISK_FULL
 */
async function receive(
  url: string,
  encoded: Readable,
  decode: Transform,
  { path, stallMs }: { readonly path: string; readonly stallMs: number },
): Promise<{ readonly sha256?: string; readonly receivedBytes: number | undefined }> {
  const stall = createStallLimit(stallMs);
  // The pipeline alone would wait for the next chunk for ever.
  addAbortSignal(stall.signal, encoded);
  const hash = createHash('sha256');
  let receivedBytes = 0;
  async function* arriving(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of stall.watch(encoded as AsyncIterable<Buffer>)) {
        receivedBytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw storeFailure(url, error);
    }
  }
  async function* hashed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  }
  try {
    await orDiskFull('a local copy of a staged file', () =>
      pipeline(arriving, decode, hashed, createWriteStream(path, { mode: 0o600 }), { signal: stall.signal }),
    );
    return { sha256: hash.digest('hex'), receivedBytes };
  } catch (error) {
    if (stall.signal.aborted) throw storeFailure(url, stall.signal.reason);
    if (isPipelineError(error)) throw error;
    if (error instanceof UnsealError) return { receivedBytes: error.isAtEnd ? receivedBytes : undefined };
    throw error;
  } finally {
    stall.stop();
  }
}
