import type { Settings } from '../config.js';
import type { StagingPlace } from '../connectors/staging/index.js';
import { keyringOf } from './connections.js';

/** Where staging is by the settings, secrets revealed. Never log the result. */
export function stagingPlace(settings: Settings): StagingPlace {
  const { url, cachePath, cacheMaxMb, s3, gcs } = settings.staging;
  const { secretAccessKey, sessionToken, ...otherS3 } = s3;
  const { credentials, ...otherGcs } = gcs;
  return {
    url,
    cacheDirectory: cachePath,
    ...(cacheMaxMb !== undefined && { cacheMaxMb }),
    keyring: keyringOf(settings),
    s3: {
      ...otherS3,
      ...(secretAccessKey !== undefined && { secretAccessKey: secretAccessKey.reveal() }),
      ...(sessionToken !== undefined && { sessionToken: sessionToken.reveal() }),
    },
    gcs: { ...otherGcs, ...(credentials !== undefined && { credentials: credentials.reveal() }) },
  };
}
