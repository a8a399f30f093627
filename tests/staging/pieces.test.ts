import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createStaging } from '../../connectors/staging/index.js';
import { createKeyring } from '../../security/keyring.js';
import { temporaryFolder } from '../helpers/folder.js';
import { newKey, s3At } from './buckets.js';

const folder = temporaryFolder();
const uploads: number[][] = [];
let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.once('end', () => {
      if (request.method === 'PUT') uploads.push(pieceSizes(Buffer.concat(parts)));
      response.writeHead(request.method === 'HEAD' ? 404 : 200, { etag: '"1"' }).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Sizes of the pieces of a body in `aws-chunked`: `<size in hex>[;…]\r\n<bytes>\r\n`, ended by one of size 0. */
function pieceSizes(body: Buffer): number[] {
  const sizes: number[] = [];
  for (let at = 0; ;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.subarray(at, lineEnd).toString('latin1'), 16);
    if (!(size > 0)) return sizes;
    sizes.push(size);
    at = lineEnd + size + 4;
  }
}

test.each([
  ['encrypted', [newKey('k1')]],
  ['plain', []],
])('%s files go to S3 in pieces that S3 takes, of 8 KiB or more but for the last', async (_kind, keys) => {
  const { port } = server.address() as AddressInfo;
  const staging = await createStaging({
    ...{ url: 's3://bucket/prefix', cacheDirectory: `${folder}/${String(keys.length)}` },
    ...{ keyring: createKeyring(keys), s3: s3At(`http://127.0.0.1:${String(port)}`) },
  });
  uploads.length = 0;
  const line = Buffer.from(`{"text":"${'x'.repeat(1000)}"}\n`);
  await staging.write(
    Array.from({ length: 300 }, () => line),
    300,
  );
  const [pieces = []] = uploads;
  expect(pieces.reduce((sum, size) => sum + size, 0)).toBeGreaterThanOrEqual(300 * line.length);
  expect(pieces.slice(0, -1).filter((size) => size < 8192)).toEqual([]);
});
