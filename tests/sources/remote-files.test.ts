import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DuckDBInstance } from '@duckdb/node-api';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fileConnection } from '../../connectors/file/connection.js';
import { bucketFailure } from '../../connectors/file/bucket-failure.js';
import { fileBytes } from '../../connectors/file/file-bytes.js';
import { fileMemory } from '../../connectors/file/file-memory.js';
import { createSource } from '../../connectors/file/index.js';
import { openPlace } from '../../connectors/file/place.js';
import { file, type FileOptions } from '../../connectors/file/reference.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { temporaryFolder } from '../helpers/folder.js';
import { findFakeGcs, findMoto } from '../peers/peers.js';
import { linesOf } from '../staging/suite.js';
import { gcsPlace, s3Place, sftpPlace, type FilePlaceUnderTest } from './file-places.js';
import { createFileStaging } from './file-staging.js';
import { readAll, rejection } from './read-all.js';

const folder = temporaryFolder();
const source = createSource({ projectDirectory: folder });

function read(connection: JsonObject, options: FileOptions, cursor?: JsonValue) {
  const request = { options: file.records(options).options, connection };
  return readAll(source, cursor === undefined ? request : { ...request, cursor });
}

/** The same rows as Parquet and as CSV packed by zstd, with the engine that also reads them. */
async function packedRows(): Promise<{ readonly parquet: Buffer; readonly zstd: Buffer }> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const write = async (name: string, how: string): Promise<Buffer> => {
    const path = join(folder, name);
    await connection.run(
      `COPY (SELECT 9007199254740993 + range AS id, md5(range::VARCHAR) AS text FROM range(9000)) TO '${path}' (${how})`,
    );
    return readFileSync(path);
  };
  const parquet = await write('packed.parquet', 'FORMAT parquet, ROW_GROUP_SIZE 2048');
  const zstd = await write('packed.csv.zst', 'FORMAT csv, COMPRESSION zstd');
  connection.closeSync();
  instance.closeSync();
  return { parquet, zstd };
}

async function allOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

const [moto, fakeGcs] = [await findMoto(), await findFakeGcs()];
store('S3, played by moto', moto === undefined ? undefined : () => s3Place(moto));
store(
  'Google Cloud Storage, played by fake-gcs-server',
  fakeGcs === undefined ? undefined : () => gcsPlace(fakeGcs),
);
store('SFTP', () => sftpPlace(folder));

function store(name: string, open: (() => Promise<FilePlaceUnderTest>) | undefined): void {
  (open === undefined ? describe.skip : describe)(`files on ${name}`, () => {
    let place: FilePlaceUnderTest;
    beforeAll(async () => {
      place = await (open as () => Promise<FilePlaceUnderTest>)();
    }, 240_000);
    afterAll(() => place.stop());
    const at = (path: string): string => `${place.url}/${path}`;
    const ids = (rows: readonly string[]) => rows.map((row) => (JSON.parse(row) as { id: unknown }).id);

    test('a pattern finds its files, packed or not; each record names its file and line', async () => {
      await place.put('orders/a.csv', 'id,name\n1,Ada\n');
      await place.put('orders/b.csv.gz', gzipSync('id,name\n2,Bob\n3,Cy\n'));
      await place.put('orders/other.txt', 'id,name\n4,no\n');
      await place.put('orders/deep/c.csv', 'id,name\n5,Di\n');
      const { rows } = await read(place.connection, { path: at('orders/*.csv*'), format: 'csv' });
      expect(rows.map((row) => JSON.parse(row) as object)).toEqual([
        { file: at('orders/a.csv'), line: 2, id: '1', name: 'Ada' },
        { file: at('orders/b.csv.gz'), line: 2, id: '2', name: 'Bob' },
        { file: at('orders/b.csv.gz'), line: 3, id: '3', name: 'Cy' },
      ]);
      const deep = await read(place.connection, { path: at('orders/**/{c,none}.csv'), format: 'csv' });
      expect(ids(deep.rows)).toEqual(['5']);
      const below = { ...place.connection, url: at('orders') };
      expect((await read(below, { path: 'a.csv', format: 'csv' })).rows).toEqual([
        '{"line":2,"id":"1","name":"Ada"}',
      ]);
      expect(await source.test(below, { signal: new AbortController().signal })).toMatchObject({
        detail: expect.stringContaining('3 files'),
      });
    });

    test('read by cursor, each file comes once, and again when it changed', async () => {
      const options = { path: at('events/*.ndjson'), format: 'ndjson' } as const;
      await place.put('events/1.ndjson', '{"id":1}\n');
      await place.put('events/2.ndjson', '{"id":2}\n');
      const first = await read(place.connection, options);
      expect(ids(first.rows)).toEqual([1, 2]);
      const again = await read(place.connection, options, first.cursor);
      expect(again).toMatchObject({ rows: [], cursor: first.cursor });
      await place.put('events/0.ndjson', '{"id":3}\n');
      await place.put('events/1.ndjson', '{"id":1,"changed":true}\n');
      const next = await read(place.connection, options, first.cursor);
      expect(ids(next.rows).sort()).toEqual([1, 3]);
      expect((await read(place.connection, options, next.cursor)).rows).toEqual([]);
    });

    test('a transfer that is cut goes on at its byte', async () => {
      const bytes = linesOf(40_000);
      await place.put('large/one.ndjson', bytes);
      const { store: opened, path } = await openPlace(
        at('large/one.ndjson'),
        fileConnection(place.connection),
        folder,
      );
      try {
        const found = await opened.head(path);
        place.cutNext();
        // The client of Google does not notice the cut; that nothing moves any more tells it.
        const stallMs = name.startsWith('Google') ? 1_000 : 30_000;
        const { signal } = new AbortController();
        const read = await allOf(fileBytes(opened, found, bytes.length, signal, stallMs));
        expect(read.equals(bytes)).toBe(true);
      } finally {
        await opened.close();
      }
    });

    test('Parquet and zstd come whole, also over a transfer that is cut; no copy is left', async () => {
      const { parquet, zstd } = await packedRows();
      await place.put('packed/rows.parquet', parquet);
      await place.put('packed/rows.csv.zst', zstd);
      const copies = join(folder, `copies-${name.slice(0, 2)}`);
      mkdirSync(copies);
      const readPlace = (path: string) =>
        readAll(
          source,
          { options: file.records({ path: at(path) }).options, connection: place.connection },
          undefined,
          createFileStaging(copies),
        );
      // The client of Google does not notice a cut before nothing has moved for a minute.
      if (!name.startsWith('Google')) place.cutNext();
      const { rows } = await readPlace('packed/rows.parquet');
      expect(rows).toHaveLength(9_000);
      expect(rows.at(-1)).toMatch(/^\{"id":9007199254749992,"text":"[0-9a-f]{32}"\}$/);
      expect(readdirSync(copies)).toEqual([]);
      const csv = (await readPlace('packed/rows.csv.zst')).rows;
      expect(csv.map((row) => (JSON.parse(row) as { id: string }).id)).toEqual(
        rows.map((row) => /\d+/.exec(row)?.[0]),
      );
    });

    test('what changed since it was found is refused, not mixed', async () => {
      await place.put('changing.ndjson', linesOf(40_000, 'old'));
      const { store: opened, path } = await openPlace(
        at('changing.ndjson'),
        fileConnection(place.connection),
        folder,
      );
      try {
        const found = await opened.head(path);
        await place.put('changing.ndjson', linesOf(40_000, 'new'));
        const chunks = fileBytes(opened, found, limits.fileMaxBytes, new AbortController().signal);
        await expect(allOf(chunks)).rejects.toMatchObject({
          code: 'SOURCE_FILE_CHANGED',
          retryable: true,
        });
      } finally {
        await opened.close();
      }
    });

    test('a file that is cut short, too large, or not there is a clear error', async () => {
      const packed = gzipSync(linesOf(1_000));
      await place.put('broken/short.gz', packed.subarray(0, packed.length - 20));
      await place.put('broken/large.gz', gzipSync(Buffer.alloc(3 * 1024 * 1024, '{"a":1}\n')));
      const ndjson = (path: string, more = {}) =>
        rejection(read(place.connection, { path: at(path), format: 'ndjson', ...more }));
      expect(await ndjson('broken/short.gz')).toMatchObject({
        code: 'SOURCE_FILE',
        message: expect.stringContaining('ends before its end'),
      });
      expect(await ndjson('broken/large.gz', { maxMb: 2 })).toMatchObject({ code: 'LIMIT_EXCEEDED' });
      expect(await ndjson('broken/none.gz')).toMatchObject({
        code: 'SOURCE_FILE',
        message: expect.stringContaining('there is no such'),
      });
      if (name === 'SFTP') return;
      const nowhere = place.url.replace('incoming', 'no-such-bucket');
      // The server that plays Google Cloud Storage tells the two apart only where it lists.
      for (const path of [`${nowhere}/*.csv`, ...(name.startsWith('S3') ? [`${nowhere}/x.csv`] : [])])
        expect(await rejection(read(place.connection, { path, format: 'csv' }))).toMatchObject({
          code: 'SOURCE_FILE',
          message: expect.stringContaining('no such bucket'),
        });
    });

    test('a server in a private network is not connected to unless the connection says so', async () => {
      const { allowPrivateNetwork: _, ...closed } = place.connection;
      const error = await rejection(read(closed, { path: at('orders/a.csv'), format: 'csv' }));
      expect(error['code']).toBe('SOURCE_PRIVATE_NETWORK');
    });
  });
}

describe('an SFTP server', () => {
  let place: Awaited<ReturnType<typeof sftpPlace>>;
  beforeAll(async () => {
    place = await sftpPlace(folder);
    await place.put('a.csv', 'id\n1\n');
  });
  afterAll(() => place.stop());
  const attempt = (sftp: JsonObject) =>
    rejection(read({ ...place.connection, sftp }, { path: `${place.url}/a.csv`, format: 'csv' }));

  test('with another host key is sent no password; the error tells its key', async () => {
    const { username, password, fingerprint, attempts } = place.server;
    const foreign = `SHA256:${'A'.repeat(43)}`;
    for (const more of [{}, { hostFingerprint: foreign }, { hostFingerprint: [foreign] }]) {
      const error = await attempt({ username, password, ...more });
      expect(error).toMatchObject({ code: 'SOURCE_HOST_KEY', message: expect.stringContaining(fingerprint) });
    }
    expect(attempts()).toBe(0);
  });

  test('that takes no password of ours is SOURCE_AUTH, without the password', async () => {
    const { username, fingerprint } = place.server;
    const error = await attempt({ username, password: 'wrong-secret', hostFingerprint: fingerprint });
    expect(error['code']).toBe('SOURCE_AUTH');
    expect(error.message).not.toContain('wrong-secret');
  });

  test('a file that grows while it is read is SOURCE_FILE_CHANGED', async () => {
    await place.put('growing.ndjson', linesOf(40_000));
    place.server.onRead((_path, offset) => {
      if (offset < 1_000_000) return;
      place.server.onRead(undefined);
      void place.put('growing.ndjson', linesOf(50_000));
    });
    const error = await rejection(
      read(place.connection, { path: `${place.url}/growing.ndjson`, format: 'ndjson' }),
    );
    expect(error['code']).toBe('SOURCE_FILE_CHANGED');
  });
});

test('patterns and the memory of files hold on the local disk too', async () => {
  mkdirSync(join(folder, 'in'));
  writeFileSync(join(folder, 'in/a.csv'), 'id\n1\n');
  const options = { path: 'in/*.csv', format: 'csv' } as const;
  const first = await read({}, options);
  expect(first.rows).toEqual(['{"file":"in/a.csv","line":2,"id":"1"}']);
  writeFileSync(join(folder, 'in/b.csv'), 'id\n2\n');
  expect((await read({}, options, first.cursor)).rows).toEqual(['{"file":"in/b.csv","line":2,"id":"2"}']);
});

test('a connection and an address that do not fit are refused, all problems at once', async () => {
  const error = await rejection(
    read(
      { url: 'ftp://x', directory: '/', s3: { accessKeyId: 'a', secret: 'hidden' } },
      { path: 'x', format: 'csv' },
    ),
  );
  expect(error['code']).toBe('CONFIG_INVALID');
  for (const part of ['connection.url', '"directory" or "url"', 'together', '"secret"'])
    expect(error.message).toContain(part);
  expect(error.message).not.toContain('hidden');
  for (const path of ['s3://other/x.csv', 'ftp://host/x', 's3://lake/in/../x'])
    expect(await rejection(read({ url: 's3://lake/in' }, { path, format: 'csv' }))).toMatchObject({
      code: 'CONFIG_INVALID',
    });
});

test('what a bucket answers becomes an error that says who has to act', () => {
  const codeOf = (name: string, httpStatusCode: number) =>
    bucketFailure(
      's3://b/k',
      Object.assign(new Error(name), { name, $metadata: { httpStatusCode } }),
      'read',
    );
  expect(codeOf('InvalidAccessKeyId', 403)).toMatchObject({ code: 'SOURCE_AUTH' });
  expect(codeOf('SignatureDoesNotMatch', 403)).toMatchObject({ code: 'SOURCE_AUTH' });
  expect(codeOf('AccessDenied', 403)).toMatchObject({
    code: 'SOURCE_FILE',
    message: expect.stringContaining('access is denied'),
  });
  expect(codeOf('PermanentRedirect', 301)).toMatchObject({ message: expect.stringContaining('region') });
  expect(codeOf('SlowDown', 503)).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
});

test('the memory of files is bounded, and none of what it forgets comes again', () => {
  const found = (index: number) => ({
    name: `file-${String(index)}`,
    key: '',
    bytes: 1,
    modifiedAtMs: 1_750_000_000_000 + Math.floor(index / 10),
    version: 'v',
  });
  const files = Array.from({ length: 3 * limits.fileRememberedFiles }, (_, index) => found(index));
  const memory = fileMemory(undefined);
  for (const one of files) {
    expect(memory.isRead(one)).toBe(false);
    memory.add(one);
  }
  const cursor = memory.cursor();
  expect(JSON.stringify(cursor).length).toBeLessThan(32 * 1024);
  const next = fileMemory(cursor);
  expect(files.filter((one) => !next.isRead(one))).toEqual([]);
  expect(next.isRead({ ...found(files.length - 1), version: 'w' })).toBe(false);
  expect(next.isRead(found(files.length))).toBe(false);
});
