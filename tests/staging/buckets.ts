import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Storage } from '@google-cloud/storage';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createStaging } from '../../connectors/staging/index.js';
import { createGcsStore } from '../../connectors/staging/gcs.js';
import { createS3Store } from '../../connectors/staging/s3.js';
import type { ObjectStore } from '../../connectors/staging/object-store.js';
import type { StagingStore } from '../../connectors/staging.js';
import { createKeyring } from '../../security/keyring.js';
import type { StagingUnderTest } from './suite.js';

/** A kind of bucket, at a server that plays it. */
export interface BucketKind {
  readonly scheme: 's3' | 'gs';
  makeBucket(url: string, bucket: string): Promise<void>;
}

const credentials = { accessKeyId: 'test', secretAccessKey: 'test-secret' };
/** Settings that reach the server of a test. */
export const s3At = (endpoint: string) => ({
  ...credentials,
  region: 'eu-central-1',
  endpoint,
  forcePathStyle: true,
});

export const s3: BucketKind = {
  scheme: 's3',
  async makeBucket(endpoint, bucket) {
    const client = new S3Client({
      region: 'us-east-1',
      endpoint,
      forcePathStyle: true,
      credentials: { ...credentials },
    });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
  },
};

export const gcs: BucketKind = {
  scheme: 'gs',
  async makeBucket(endpoint, bucket) {
    await new Storage({ projectId: 'test', apiEndpoint: endpoint }).createBucket(bucket);
  },
};

export const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;

/** A place in a new bucket. */
export interface TestBucket extends StagingUnderTest {
  readonly objects: ObjectStore;
  machine(options?: { readonly keys?: readonly string[]; readonly stallMs?: number }): Promise<StagingStore>;
}

let count = 0;

export async function newBucket(
  { scheme, makeBucket }: BucketKind,
  server: { readonly direct: string; readonly through: string },
  folder: string,
  defaultKeys: readonly string[],
): Promise<TestBucket> {
  count += 1;
  const bucket = `staging-${String(process.pid)}-${String(count)}`;
  await makeBucket(server.direct, bucket);
  const objects =
    scheme === 's3'
      ? createS3Store(bucket, 'some/prefix/', s3At(server.direct))
      : createGcsStore(bucket, 'some/prefix/', { endpoint: server.direct, projectId: 'test' });
  return {
    objects,
    machine: ({ keys = defaultKeys, stallMs } = {}) => {
      count += 1;
      return createStaging({
        url: `${scheme}://${bucket}/some/prefix`,
        cacheDirectory: join(folder, `cache-${String(count)}`),
        keyring: createKeyring(keys),
        ...(stallMs !== undefined && { stallMs }),
        s3: s3At(server.through),
        gcs: { endpoint: server.through, projectId: 'test' },
      });
    },
    async overwrite(key, bytes) {
      const held = await objects.head(key);
      const { signal } = new AbortController();
      const body = Readable.from([bytes], { objectMode: false });
      if (!(await objects.put({ key, body, bytes: bytes.length, replaces: held?.version, signal })))
        throw new Error(`${key} was not overwritten`);
    },
  };
}
