import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { ObjectStore } from '../../connectors/staging/object-store.js';
import { createS3Store } from '../../connectors/staging/s3.js';
import { createLocalStaging } from '../../connectors/staging/local.js';
import { probeObjects } from '../../connectors/staging/probe.js';
import { PipelineError } from '../../core/errors/index.js';
import { temporaryFolder } from '../helpers/folder.js';
import { TestProject } from '../helpers/project.js';
import { findMoto, startMoto, type BucketPeer } from '../peers/peers.js';
import { s3, s3At } from './buckets.js';

const folder = temporaryFolder();

/** What the doctor of a project finds about staging. */
async function staging(settings: Readonly<Record<string, unknown>>) {
  const project = await TestProject.create({}, { staging: settings });
  const { stdout } = await project.run('doctor', '--json');
  const { findings } = JSON.parse(stdout) as {
    findings: readonly { check: string; isFine: boolean; detail: string }[];
  };
  return findings.find(({ check }) => check === 'staging');
}

describe('the doctor and staging in a folder', () => {
  test('writes, reads and deletes there', async () => {
    const url = join(folder, 'fine');
    expect(await staging({ url })).toMatchObject({ isFine: true, detail: expect.stringContaining(url) });
    expect(await createLocalStaging({ directory: url }).sweep()).toBe(0);
  });

  test('a start removes what an earlier process left that had the same id, as in a container, and nothing of its own', async () => {
    const directory = join(folder, 'swept');
    mkdirSync(join(directory, 'tmp'), { recursive: true });
    const left = join(directory, 'tmp', `${String(process.pid)}-0123abcd-left.ndjson`);
    writeFileSync(left, '');
    const store = createLocalStaging({ directory });
    const own = store.temporaryPath('ndjson');
    writeFileSync(own, '');
    expect(await store.sweep()).toBe(1);
    expect([existsSync(left), existsSync(own)]).toEqual([false, true]);
  });

  test('says why it cannot', async () => {
    writeFileSync(join(folder, 'file'), '');
    const url = join(folder, 'file/below');
    expect(await staging({ url })).toMatchObject({ isFine: false, detail: expect.stringContaining(url) });
  });
});

function inBucket(endpoint: string, bucket: string) {
  const { accessKeyId, secretAccessKey, ...place } = s3At(endpoint);
  process.env['TEST_S3_SECRET'] = secretAccessKey;
  return staging({
    url: `s3://${bucket}/project`,
    s3: { ...place, accessKeyId, secretAccessKey: { env: 'TEST_S3_SECRET' } },
  });
}

afterAll(() => {
  delete process.env['TEST_S3_SECRET'];
});

test('the doctor finds a bucket that may be listed and not be written to', async () => {
  const server = createServer((request, response) => {
    request.resume();
    const isList = request.method === 'GET' || request.method === 'HEAD';
    response.writeHead(isList ? 200 : 403, { 'content-type': 'application/xml' });
    response.end(isList ? '<ListBucketResult/>' : '<Error><Code>AccessDenied</Code></Error>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    expect(await inBucket(`http://127.0.0.1:${String(port)}`, 'there')).toMatchObject({
      isFine: false,
      detail: expect.stringMatching(/s3:\/\/there\/project.* to write a small object there: 403/),
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

const moto = await findMoto();
(moto === undefined ? describe.skip : describe)('the doctor and staging in a bucket', () => {
  let peer: BucketPeer;
  beforeAll(async () => {
    peer = await startMoto(moto ?? '');
    await s3.makeBucket(peer.url, 'there');
  }, 240_000);
  afterAll(() => peer.stop());

  test('writes, reads and deletes there, and leaves nothing', async () => {
    expect(await inBucket(peer.url, 'there')).toMatchObject({ isFine: true });
    const left: string[] = [];
    for await (const { key } of createS3Store('there', 'project/probe/', s3At(peer.url)).list())
      left.push(key);
    expect(left).toEqual([]);
  });

  test('says why it cannot', async () => {
    expect(await inBucket(peer.url, 'missing')).toMatchObject({
      isFine: false,
      detail: expect.stringMatching(/s3:\/\/missing\/project.* cannot be used: .*bucket/i),
    });
  });
});

describe('a right that is missing is named', () => {
  const refused = () =>
    Promise.reject(new PipelineError('STAGING_REFUSED', { url: 'gs://b/', reason: '403' }));
  /** A bucket that lacks one right. */
  const bucket = (without: 'put' | 'get' | 'remove'): ObjectStore => {
    const held = new Map<string, Readable>();
    const store: ObjectStore = {
      url: 'gs://b/',
      check: () => Promise.resolve(),
      head: (key) =>
        Promise.resolve(held.has(key) ? { key, bytes: 1, modifiedAtMs: 0, version: '1' } : undefined),
      put: ({ key, body }) => {
        held.set(key, body);
        return Promise.resolve(true);
      },
      get: (key) => Promise.resolve(held.get(key)),
      list: () => {
        throw new Error('not asked for');
      },
      remove: (key) => Promise.resolve(held.delete(key)),
      move: () => Promise.resolve(),
    };
    return { ...store, [without]: refused };
  };

  test.each([
    ['write', 'put'],
    ['read', 'get'],
    ['delete', 'remove'],
  ] as const)('to %s', async (name, method) => {
    await expect(probeObjects(bucket(method))).rejects.toMatchObject({
      code: 'STAGING_REFUSED',
      message: expect.stringContaining(`gs://b/ cannot be used: to ${name} a small object there: 403`),
    });
  });
});
