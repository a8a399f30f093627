import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Storage } from '@google-cloud/storage';
import { mkdirSync, mkdtempSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { JsonObject } from '../../core/json.js';
import { startSftpServer } from '../../testing/sftp-server.js';
import { startFaultProxy } from '../peers/fault-proxy.js';
import { startFakeGcs, startMoto } from '../peers/peers.js';
import { gcs, s3, s3At } from '../staging/buckets.js';

/** A store of files under test, with a folder or bucket of its own. */
export interface FilePlaceUnderTest {
  /** Address of the place: bucket, or server with folder. */
  readonly url: string;
  /** Options of a connection that reaches it. */
  readonly connection: JsonObject;
  /** Each call is a later moment for the store, as far as it tells moments apart. */
  put(key: string, bytes: string | Uint8Array): Promise<void>;
  /** Breaks the next transfer of a file midway. */
  cutNext(): void;
  stop(): Promise<void>;
}

const bucket = 'incoming';

export async function s3Place(python: string): Promise<FilePlaceUnderTest> {
  const peer = await startMoto(python);
  const proxy = await startFaultProxy(peer.url);
  await s3.makeBucket(peer.url, bucket);
  const client = new S3Client({
    region: 'eu-central-1',
    endpoint: peer.url,
    forcePathStyle: true,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test-secret' },
  });
  return {
    url: `s3://${bucket}`,
    connection: { s3: s3At(proxy.url), allowPrivateNetwork: true },
    async put(Key, bytes) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Buffer.from(bytes) }));
    },
    cutNext: () => cutNext(proxy, /x-id=GetObject/),
    async stop() {
      client.destroy();
      await proxy.close();
      await peer.stop();
    },
  };
}

export async function gcsPlace(binary: string): Promise<FilePlaceUnderTest> {
  const peer = await startFakeGcs(binary);
  const proxy = await startFaultProxy(peer.url);
  await gcs.makeBucket(peer.url, bucket);
  const storage = new Storage({ projectId: 'test', apiEndpoint: peer.url });
  return {
    url: `gs://${bucket}`,
    connection: { gcs: { endpoint: proxy.url, projectId: 'test' }, allowPrivateNetwork: true },
    async put(key, bytes) {
      await storage.bucket(bucket).file(key).save(Buffer.from(bytes), { resumable: false });
    },
    cutNext: () => cutNext(proxy, /alt=media/),
    async stop() {
      await proxy.close();
      await peer.stop();
    },
  };
}

/** Beside what all stores have, the server itself. */
export async function sftpPlace(folder: string) {
  const root = mkdtempSync(join(folder, 'sftp-'));
  mkdirSync(join(root, bucket));
  const server = await startSftpServer(root);
  // The server tells whole seconds.
  let second = 1_750_000_000;
  return {
    server,
    url: `${server.url}/${bucket}`,
    connection: {
      sftp: { username: server.username, password: server.password, hostFingerprint: server.fingerprint },
      allowPrivateNetwork: true,
    },
    put(key: string, bytes: string | Uint8Array): Promise<void> {
      const path = join(root, bucket, key);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
      second += 1;
      utimesSync(path, second, second);
      return Promise.resolve();
    },
    cutNext: () => server.cutAfter(600_000),
    stop: () => server.close(),
  } satisfies FilePlaceUnderTest & { readonly server: object };
}

function cutNext(proxy: Awaited<ReturnType<typeof startFaultProxy>>, download: RegExp): void {
  let left = 1;
  proxy.decide(({ method, path }) => {
    if (left === 0 || method !== 'GET' || !download.test(path)) return 'pass';
    left -= 1;
    return 'cut-download';
  });
}
