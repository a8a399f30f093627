import { Storage, type StorageOptions } from '@google-cloud/storage';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { ObjectStore } from './object-store.js';
import { statusOf, storeFailure } from './store-failure.js';

/** How a bucket of Google Cloud Storage is reached. */
export interface GcsSettings {
  readonly projectId?: string;
  /** Address of another server than that of Google; it is spoken to without a token. */
  readonly endpoint?: string;
  /** Key file of a service account, as JSON text. Without it, the application default credentials. */
  readonly credentials?: string;
  /** Key of Cloud KMS that encrypts at the server. */
  readonly kmsKeyName?: string;
}

/** A bucket through the official client. Writes and removals carry the generation that they expect. */
export function createGcsStore(bucketName: string, prefix: string, settings: GcsSettings): ObjectStore {
  const bucket = new Storage(storageOptions(settings)).bucket(bucketName);
  const url = `gs://${bucketName}/${prefix}`;
  const fileOf = (key: string, options: { generation?: string; preconditionOpts?: object } = {}) =>
    bucket.file(`${prefix}${key}`, {
      ...options,
      ...(settings.kmsKeyName === undefined ? {} : { kmsKeyName: settings.kmsKeyName }),
    });
  const unless = async <Result>(statuses: readonly number[], work: Promise<Result>) => {
    try {
      return await work;
    } catch (error) {
      const isMissingBucket = /bucket does not exist|bucket not found/i.test((error as Error).message);
      if (!isMissingBucket && statuses.includes(statusOf(error) ?? 0)) return undefined;
      throw storeFailure(url, error);
    }
  };
  const page = (pageToken: string | undefined, maxResults?: number) =>
    unless(
      [],
      bucket.getFiles({
        autoPaginate: false,
        prefix,
        delimiter: '/',
        ...(pageToken === undefined ? {} : { pageToken }),
        ...(maxResults === undefined ? {} : { maxResults }),
      }),
    );

  return {
    url,
    async check() {
      await page(undefined, 1);
    },
    async head(key) {
      const [metadata] = (await unless([404], fileOf(key).getMetadata())) ?? [];
      return metadata === undefined ? undefined : { key, ...describe(metadata) };
    },
    async put({ key, body, replaces, signal }) {
      const target = fileOf(key).createWriteStream({
        resumable: false,
        validation: 'crc32c',
        preconditionOpts: { ifGenerationMatch: replaces ?? 0 },
      });
      const written = await unless(
        [412, 404],
        pipeline(body, target, { signal }).then(() => true),
      );
      return written ?? false;
    },
    async get(key) {
      const stream = fileOf(key).createReadStream({ validation: false, decompress: false });
      const begun = new Promise<Readable>((resolve, reject) => {
        // Stays, so that an error that comes before the first reader is not one that nobody hears.
        stream.on('error', reject);
        stream.once('response', ({ statusCode }: { readonly statusCode?: number }) => {
          // An answer that is none is followed by its error.
          if (statusCode === undefined || statusCode < 300) resolve(stream);
        });
        // The client asks once somebody reads.
        stream.read(0);
      });
      return unless([404], begun);
    },
    async *list() {
      let token: string | undefined;
      do {
        const [files, next] = (await page(token)) ?? [];
        for (const file of files ?? [])
          yield { key: file.name.slice(prefix.length), ...describe(file.metadata) };
        token = (next as { pageToken?: string } | null | undefined)?.pageToken;
      } while (token !== undefined);
    },
    async remove(key, version) {
      return (await unless([404, 412], fileOf(key).delete({ ifGenerationMatch: version }))) !== undefined;
    },
    async move(from, to) {
      await unless([], fileOf(from).copy(fileOf(to)));
      await unless([404], fileOf(from).delete());
    },
  };
}

function describe(metadata: {
  readonly size?: string | number;
  readonly updated?: string;
  readonly generation?: string | number;
}): { bytes: number; modifiedAtMs: number; version: string } {
  return {
    bytes: Number(metadata.size ?? 0),
    modifiedAtMs: Date.parse(metadata.updated ?? '') || 0,
    version: String(metadata.generation ?? ''),
  };
}

/** @throws PipelineError CONFIG_INVALID */
function storageOptions({ projectId, endpoint, credentials }: GcsSettings): StorageOptions {
  return {
    ...(projectId !== undefined && { projectId }),
    ...(endpoint !== undefined && { apiEndpoint: endpoint }),
    ...(credentials !== undefined && { credentials: serviceAccountKey(credentials) }),
    // One try; `retrying` tries again, with a body that begins anew.
    retryOptions: { autoRetry: false, maxRetries: 0 },
    timeout: limits.stagingStallMs,
  };
}

function serviceAccountKey(text: string): { client_email: string; private_key: string } {
  const refused = new PipelineError('CONFIG_INVALID', {
    problems: [
      'staging.gcs.credentials is not the key file of a service account: JSON with "client_email" and "private_key"',
    ],
  });
  let key: { client_email?: unknown; private_key?: unknown };
  try {
    key = JSON.parse(text) as typeof key;
  } catch {
    throw refused;
  }
  if (typeof key.client_email !== 'string' || typeof key.private_key !== 'string') throw refused;
  return { client_email: key.client_email, private_key: key.private_key };
}
