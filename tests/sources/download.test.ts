import { afterEach, expect, test } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { httpDownload } from '../../connectors/http/index.js';
import { closeServer, listen, originOf } from '../../testing/listen.js';
import { rejection } from './read-all.js';

let server: Server;

afterEach(() => closeServer(server));

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<URL> {
  server = createServer(answer);
  await listen(server);
  return new URL(`${originOf(server)}/file`);
}

const file = 'abcdefghij';

/** Reads to the end; `onChunk` hears of each piece when it has arrived. */
async function download(url: URL, onChunk: () => void = () => undefined): Promise<string> {
  let text = '';
  const { signal } = new AbortController();
  for await (const chunk of httpDownload({ source: 'shopify', url, signal })) {
    text += Buffer.from(chunk).toString();
    onChunk();
  }
  return text;
}

test.each([true, false])(
  'goes on at the byte where the connection broke; the server takes ranges: %s',
  async (takesRanges) => {
    const ranges: (string | undefined)[] = [];
    let broken: ServerResponse | undefined;
    const url = await serve(({ headers: { range } }, response) => {
      ranges.push(range);
      const from = takesRanges ? Number(/\d+/.exec(range ?? '')?.[0] ?? 0) : 0;
      const headers = { 'content-length': file.length - from };
      const isPart = takesRanges && range !== undefined;
      response.writeHead(
        isPart ? 206 : 200,
        isPart ? { ...headers, 'content-range': `bytes ${String(from)}-9/10` } : headers,
      );
      if (ranges.length > 3) return void response.end(file.slice(from));
      // Three more than were there before; the rest is cut when they have arrived.
      response.write(file.slice(from, ranges.length * 3 - 2));
      broken = response;
    });
    expect(await download(url, () => broken?.destroy())).toBe(file);
    expect(ranges).toEqual([undefined, 'bytes=1-', 'bytes=4-', 'bytes=7-']);
  },
);

test('another part than the one asked for is refused', async () => {
  let asked = 0;
  let broken: ServerResponse | undefined;
  const url = await serve((_request, response) => {
    asked += 1;
    if (asked > 1) return void response.writeHead(206, { 'content-range': 'bytes 9-9/10' }).end('j');
    response.writeHead(200, { 'content-length': 10 }).write('abc');
    broken = response;
  });
  const error = await rejection(download(url, () => broken?.destroy()));
  expect(error).toMatchObject({ code: 'SOURCE_PROTOCOL' });
  expect(error.message).toContain('another part of the file');
});

test('a file that is gone, and a page for people, are no file', async () => {
  const url = await serve(({ url: path }, response) => {
    if (path === '/file') response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Back soon</h1>');
  });
  expect(await rejection(download(url))).toMatchObject({ code: 'SOURCE_REFUSED', retryable: false });
  expect((await rejection(download(new URL('/page', url)))).message).toContain('a page for people');
});
