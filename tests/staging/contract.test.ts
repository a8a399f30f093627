import { afterAll, beforeAll, describe } from '@jest/globals';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalStaging } from '../../connectors/staging/local.js';
import { temporaryFolder } from '../helpers/folder.js';
import { findFakeGcs, findMoto, startFakeGcs, startMoto, type BucketPeer } from '../peers/peers.js';
import { gcs, newBucket, newKey, s3, type BucketKind } from './buckets.js';
import { stagingContract } from './suite.js';

const folder = temporaryFolder();

describe('staging on the local disk', () => {
  stagingContract({
    fresh: () => {
      const directory = mkdtempSync(join(folder, 'local-'));
      return Promise.resolve({
        machine: () => Promise.resolve(createLocalStaging({ directory })),
        overwrite: (name, bytes) => {
          writeFileSync(join(directory, name.slice(0, 2), name), bytes);
          return Promise.resolve();
        },
      });
    },
  });
});

bucketContract('S3, played by moto', s3, await findMoto(), startMoto);
bucketContract('Google Cloud Storage, played by fake-gcs-server', gcs, await findFakeGcs(), startFakeGcs);

function bucketContract(
  name: string,
  kind: BucketKind,
  program: string | undefined,
  start: (program: string) => Promise<BucketPeer>,
): void {
  (program === undefined ? describe.skip : describe)(`staging on ${name}`, () => {
    let peer: BucketPeer | undefined;
    beforeAll(async () => {
      peer = await start(program ?? '');
    }, 240_000);
    afterAll(async () => {
      await peer?.stop();
    });
    const at = () => ({ direct: peer?.url ?? '', through: peer?.url ?? '' });
    describe('as it is', () => {
      stagingContract({ fresh: () => newBucket(kind, at(), folder, []) });
    });
    describe('encrypted', () => {
      const key = newKey('k1');
      stagingContract({ fresh: () => newBucket(kind, at(), folder, [key]) });
    });
  });
}
