import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { createKeyring, type Keyring } from '../../security/keyring.js';
import type { StagingStore } from '../staging.js';
import type { GcsSettings } from './gcs.js';
import { createLocalStaging } from './local.js';
import type { ObjectStore } from './object-store.js';
import { createRemoteStaging } from './remote.js';
import type { S3Settings } from './s3.js';

/** Where staging is, secrets revealed. */
export interface StagingPlace {
  /** A folder, `s3://bucket/prefix` or `gs://bucket/prefix`. */
  readonly url: string;
  /** Folder of the local copies of a bucket, and what they may take. */
  readonly cacheDirectory: string;
  readonly cacheMaxMb?: number;
  /** A transfer during which nothing moves for so long is broken off. Default: `limits.stagingStallMs`. */
  readonly stallMs?: number;
  /** Encrypts what is kept in a bucket, where it has a key. */
  readonly keyring?: Keyring;
  readonly s3?: S3Settings;
  readonly gcs?: GcsSettings;
}

type Opener = (bucket: string, prefix: string, place: StagingPlace) => Promise<ObjectStore>;

/** Each client is loaded when a bucket of its kind is named. */
const openers: Readonly<Record<string, Opener>> = {
  s3: async (bucket, prefix, { s3 = {} }) => (await import('./s3.js')).createS3Store(bucket, prefix, s3),
  gs: async (bucket, prefix, { gcs = {} }) => (await import('./gcs.js')).createGcsStore(bucket, prefix, gcs),
};

/** The staging store of a place; nothing is asked of it yet. @throws PipelineError CONFIG_INVALID */
export async function createStaging(place: StagingPlace): Promise<StagingStore> {
  const { scheme, bucket, prefix } = /^(?<scheme>[a-z0-9]+):\/\/(?<bucket>[^/]*)\/?(?<prefix>.*)$/.exec(
    place.url,
  )?.groups ?? { scheme: undefined, bucket: '', prefix: '' };
  if (scheme === undefined) return createLocalStaging({ directory: place.url });
  const open = Object.hasOwn(openers, scheme) ? openers[scheme] : undefined;
  if (open === undefined || !/^[a-z0-9][a-z0-9._-]{1,221}$/.test(bucket) || !isPrefix(prefix))
    throw new PipelineError('CONFIG_INVALID', {
      problems: [
        `staging.url "${place.url}" is no folder, and no s3://bucket/prefix or gs://bucket/prefix of letters, digits and ._-`,
      ],
    });
  return createRemoteStaging({
    objects: await open(bucket, withSlash(prefix), place),
    keyring: place.keyring ?? createKeyring([]),
    cacheDirectory: place.cacheDirectory,
    ...(place.stallMs !== undefined && { stallMs: place.stallMs }),
    cacheMaxBytes: (place.cacheMaxMb ?? limits.stagingCacheDefaultMb) * 1024 * 1024,
  });
}

function isPrefix(text: string): boolean {
  return /^(?:[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*\/?)?$/.test(text);
}

function withSlash(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
