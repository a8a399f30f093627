import { pipeline } from 'node:stream/promises';
import { createGcsClient, type GcsAccess } from '../buckets/gcs-client.js';
import { beginning } from '../buckets/gcs-download.js';
import { statusOf } from '../buckets/status.js';
import type { ObjectStore } from './object-store.js';
import { storeFailure } from './store-failure.js';

/** How a bucket of Google Cloud Storage is reached, and how it encrypts. */
export interface GcsSettings extends GcsAccess {
  /** Key of Cloud KMS that encrypts at the server. */
  readonly kmsKeyName?: string;
}

/** A bucket through the official client. Writes and removals carry the generation that they expect. */
export function createGcsStore(bucketName: string, prefix: string, settings: GcsSettings): ObjectStore {
  const bucket = createGcsClient(settings, 'staging.gcs.credentials').bucket(bucketName);
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
      return unless([404], beginning(stream));
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
