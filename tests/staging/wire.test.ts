import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { limits } from '../../core/limits.js';
import { temporaryFolder } from '../helpers/folder.js';
import { startFaultProxy, type FaultProxy, type HttpFate } from '../peers/fault-proxy.js';
import { findFakeGcs, findMoto, startFakeGcs, startMoto, type BucketPeer } from '../peers/peers.js';
import { gcs, newBucket, newKey, s3, type BucketKind, type TestBucket } from './buckets.js';
import { entriesOf, linesOf, readBack } from './suite.js';

const folder = temporaryFolder();
const key = newKey('k1');

overTheWire('S3, played by moto', s3, await findMoto(), startMoto);
overTheWire('Google Cloud Storage, played by fake-gcs-server', gcs, await findFakeGcs(), startFakeGcs);

function overTheWire(
  name: string,
  kind: BucketKind,
  program: string | undefined,
  start: (program: string) => Promise<BucketPeer>,
): void {
  (program === undefined ? describe.skip : describe)(`staging on ${name}, over a network that fails`, () => {
    let peer: BucketPeer | undefined;
    let proxy: FaultProxy;
    beforeAll(async () => {
      peer = await start(program ?? '');
      proxy = await startFaultProxy(peer.url);
    }, 240_000);
    afterEach(() => {
      proxy.decide(() => 'pass');
      jest.restoreAllMocks();
    });
    afterAll(async () => {
      await proxy.close();
      await peer?.stop();
    });

    const fresh = (keys: readonly string[] = []): Promise<TestBucket> =>
      newBucket(kind, { direct: peer?.url ?? '', through: proxy.url }, folder, keys);
    /** Lets this fate meet the first requests with a body of ours, or for one. */
    const strike = (fate: HttpFate, times: number) => {
      let left = times;
      proxy.decide(({ method, path }) => {
        const isUpload = method === 'PUT' || (method === 'POST' && path.includes('/upload/'));
        const isDownload = method === 'GET' && /x-id=GetObject|alt=media/.test(path);
        const isMeant = fate === 'cut-download' ? isDownload : isUpload;
        if (!isMeant || left === 0) return 'pass';
        left -= 1;
        return fate;
      });
      return () => times - left;
    };

    test.each(['cut-upload', 'cut-after', 'slow-down'] as const)(
      'an upload that meets "%s" twice is sent again, and is whole',
      async (fate) => {
        const place = await fresh([key]);
        const struck = strike(fate, 2);
        const bytes = linesOf(40_000);
        const file = await (await place.machine()).write([bytes], 1);
        expect(struck()).toBe(fate === 'cut-after' ? 1 : 2);
        expect((await readBack(await place.machine(), file)).equals(bytes)).toBe(true);
      },
    );

    test('an upload that never arrives is an error that passes, and leaves nothing to see', async () => {
      const place = await fresh();
      const store = await place.machine();
      strike('cut-upload', 100);
      await expect(store.write([linesOf(40_000)], 1)).rejects.toMatchObject({
        code: 'STAGING_UNAVAILABLE',
        retryable: true,
      });
      expect(await entriesOf(store)).toEqual([]);
    });

    test('a download that is cut is fetched again; what stays cut passes later, and nothing is set aside', async () => {
      const place = await fresh([key]);
      const bytes = linesOf(40_000);
      const file = await (await place.machine()).write([bytes], 1);
      // The client of Google does not notice the cut; that nothing moves any more tells it.
      const reader = await place.machine({ stallMs: kind.scheme === 's3' ? 30_000 : 1_000 });
      strike('cut-download', 3);
      await expect(reader.localPath(file)).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
      const struck = strike('cut-download', 1);
      expect((await readBack(reader, file)).equals(bytes)).toBe(true);
      expect(struck()).toBe(1);
      expect(await entriesOf(reader)).toHaveLength(1);
    });

    test('a bucket that does not exist is a clear error', async () => {
      const place = await fresh();
      const { createStaging } = await import('../../connectors/staging/index.js');
      const { s3At } = await import('./buckets.js');
      const store = await createStaging({
        url: `${kind.scheme}://no-such-bucket/x`,
        cacheDirectory: `${folder}/none`,
        s3: s3At(proxy.url),
        gcs: { endpoint: proxy.url, projectId: 'test' },
      });
      await expect(store.check()).rejects.toMatchObject({
        code: 'STAGING_REFUSED',
        message: expect.stringContaining(`${kind.scheme}://no-such-bucket/x/`),
      });
      await (await place.machine()).check();
    });

    test('a repeat is not sent again until it has aged; then it is, and its age starts anew', async () => {
      const place = await fresh([key]);
      const store = await place.machine();
      const struck = strike('pass', 100);
      await store.write([linesOf(10)], 1);
      await store.write([linesOf(10)], 1);
      expect(struck()).toBe(1);
      const name = (await entriesOf(store))[0]?.name ?? '';
      const written = await place.objects.head(name);
      const now = Date.now();
      jest.spyOn(Date, 'now').mockImplementation(() => now + limits.stagingRefreshAfterMs + 60_000);
      await store.write([linesOf(10)], 1);
      expect(struck()).toBe(2);
      const held = await place.objects.head(name);
      expect(held?.version).not.toBe(written?.version);
      expect(await entriesOf(store)).toHaveLength(1);
    });

    test('what leaves the machine cannot be read without the key, and opens under its own name only', async () => {
      const place = await fresh([key]);
      const writer = await place.machine();
      const [one, two] = [await writer.write([linesOf(3, 'a')], 1), await writer.write([linesOf(3, 'b')], 1)];
      const raw = async (name: string): Promise<Buffer> => {
        const chunks: Buffer[] = [];
        for await (const chunk of (await place.objects.get(name)) ?? []) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      };
      const sealed = await raw(`${one.sha256}.ndjson.enc`);
      expect(sealed.includes('"id"')).toBe(false);
      expect(sealed.subarray(0, 21).toString()).toBe('millrace-staged-1 k1 ');
      expect(await raw(`${one.sha256}.ndjson`)).toHaveLength(0);

      for (const keys of [[], [newKey('k2')]]) {
        await expect((await place.machine({ keys })).localPath(one)).rejects.toMatchObject({
          code: 'STAGING_KEY_MISSING',
          message: expect.stringContaining('"k1"'),
        });
      }
      const rotated = await place.machine({ keys: [newKey('k2'), key] });
      expect((await readBack(rotated, one)).equals(linesOf(3, 'a'))).toBe(true);

      await place.overwrite(`${two.sha256}.ndjson.enc`, sealed);
      await expect((await place.machine()).localPath(two)).rejects.toMatchObject({ code: 'STAGING_CORRUPT' });
      await place.overwrite(`${one.sha256}.ndjson.enc`, sealed.subarray(0, 40));
      await expect((await place.machine()).localPath(one)).rejects.toMatchObject({ code: 'STAGING_CORRUPT' });
    });

    test('files from before there was a key are still read', async () => {
      const place = await fresh();
      const file = await (await place.machine()).write([linesOf(3)], 3);
      const path = await (await place.machine({ keys: [key] })).localPath(file);
      expect(readFileSync(path).equals(linesOf(3))).toBe(true);
    });

    test('every write says that it must not take the place of another', async () => {
      const place = await fresh();
      proxy.seen.length = 0;
      await (await place.machine()).write([linesOf(1)], 1);
      const upload = proxy.seen.find(({ method, path }) => method === 'PUT' || path.includes('/upload/'));
      const condition =
        kind.scheme === 's3'
          ? upload?.headers['if-none-match']
          : /ifGenerationMatch=0/.exec(upload?.path ?? '')?.[0];
      expect(condition).toBe(kind.scheme === 's3' ? '*' : 'ifGenerationMatch=0');
    });
  });
}
