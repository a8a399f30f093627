import { expect, test } from '@jest/globals';
import { mkdtempSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { CacheBound } from '../../connectors/staging/cache-bound.js';
import { createStaging } from '../../connectors/staging/index.js';
import { createLocalStaging } from '../../connectors/staging/local.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import { temporaryFolder } from '../helpers/folder.js';
import { entriesOf, linesOf } from './suite.js';

const folder = temporaryFolder();

test('local copies stay within their bound: those not asked for longest go, those just asked for stay', async () => {
  const directory = mkdtempSync(join(folder, 'cache-'));
  const cache = createLocalStaging({ directory });
  const bytes = linesOf(100).length;
  const files: StagedFile[] = [];
  for (const seed of ['a', 'b', 'c', 'd']) files.push(await cache.write([linesOf(100, seed)], 100));
  const age = (index: number, minutes: number) => {
    const { sha256 = '' } = files[index] ?? {};
    const at = new Date(Date.now() - minutes * 60_000);
    utimesSync(join(directory, sha256.slice(0, 2), `${sha256}.ndjson`), at, at);
  };
  for (const [index, minutes] of [30, 50, 40, 60].entries()) age(index, minutes);
  for (const file of files.slice(3)) await cache.localPath(file);
  const bound = new CacheBound(cache, bytes * 2.5, 10 * 60_000);
  await bound.added(bytes);
  const left = (await entriesOf(cache)).map(({ sha256 }) => sha256);
  expect(new Set(left)).toEqual(new Set([files[0]?.sha256, files[3]?.sha256]));

  const tight = new CacheBound(cache, 1, 45 * 60_000);
  await tight.added(bytes);
  expect(await entriesOf(cache)).toHaveLength(2);
});

test.each([
  's3://',
  's3://Bucket/x',
  's3://bucket/a b',
  's3://bucket//x',
  'gs://bucket/..?',
  'ftp://bucket/x',
])('the address %s is refused', async (url) => {
  await expect(createStaging({ url, cacheDirectory: folder })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(url),
  });
});

test('a key file of Google that is none is refused, and not shown', async () => {
  const problem = createStaging({
    url: 'gs://bucket/x',
    cacheDirectory: folder,
    gcs: { credentials: 'secret-text' },
  });
  await expect(problem).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await expect(problem).rejects.not.toMatchObject({ message: expect.stringContaining('secret-text') });
});
