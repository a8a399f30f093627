import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { httpRequest, nextPageUrl, parseRetryAfter } from '../../connectors/http/index.js';
import type { HttpRequest } from '../../connectors/http/index.js';
import { limits } from '../../core/limits.js';
import { rejection } from './read-all.js';

type Handler = (request: IncomingMessage, response: ServerResponse, call: number) => void;

const json = { 'content-type': 'application/json' };
const secret = 'canary-secret-51c0';
let server: Server;
let handler: Handler;
let calls: number[];

beforeEach(async () => {
  calls = [];
  server = createServer((request, response) => {
    calls.push(performance.now());
    handler(request, response, calls.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

function send(options: Partial<HttpRequest> = {}) {
  const { port } = server.address() as AddressInfo;
  return httpRequest({
    source: 'shop',
    connection: 'main',
    url: new URL(`http://127.0.0.1:${port}/orders?key=${secret}`),
    headers: { 'x-token': secret },
    accept: 'application/json',
    signal: new AbortController().signal,
    ...options,
  });
}

const fine: Handler = (_request, response) => response.writeHead(200, json).end('{"ok":true}');

/** Answers the first calls in this way and the others well. */
function firstCalls(count: number, bad: Handler): void {
  handler = (request, response, call) => (call <= count ? bad : fine)(request, response, call);
}

const throttled =
  (retryAfter?: string): Handler =>
  (_request, response) =>
    response.writeHead(429, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end('slow down');

describe('Retry-After', () => {
  test('in seconds: waits at least that long, then goes on', async () => {
    firstCalls(1, throttled('1'));
    expect(Buffer.from((await send()).body).toString()).toBe('{"ok":true}');
    expect((calls[1] ?? 0) - (calls[0] ?? 0)).toBeGreaterThanOrEqual(999);
  });

  test('is not sent: x-ratelimit-reset is the wait', async () => {
    firstCalls(1, (_request, response) => response.writeHead(429, { 'x-ratelimit-reset': '1' }).end());
    await send();
    expect((calls[1] ?? 0) - (calls[0] ?? 0)).toBeGreaterThanOrEqual(999);
    handler = (_request, response) => response.writeHead(429, { 'x-ratelimit-reset': '90' }).end();
    expect(await rejection(send())).toMatchObject({ code: 'SOURCE_RATE_LIMITED', retryAfterMs: 90_000 });
    expect(calls.length).toBe(3);
  });

  test('as a date: waits until then', async () => {
    const until = Math.ceil(Date.now() / 1000) * 1000 + 1_000;
    let secondAt = 0;
    handler = (request, response, call) => {
      if (call > 1) secondAt = Date.now();
      (call === 1 ? throttled(new Date(until).toUTCString()) : fine)(request, response, call);
    };
    await send();
    expect(secondAt).toBeGreaterThanOrEqual(until);
  });

  test.each([
    ['longer than the connector may wait', '90', 90_000],
    ['absurd', '99999999999', limits.retryAfterMaxMs],
    ['a date years ahead', 'Tue, 01 Jan 2080 00:00:00 GMT', limits.retryAfterMaxMs],
  ])('%s: the error carries the wait and nothing is slept', async (_name, header, retryAfterMs) => {
    handler = throttled(header);
    expect(await rejection(send())).toMatchObject({
      code: 'SOURCE_RATE_LIMITED',
      retryable: true,
      retryAfterMs,
    });
    expect(calls.length).toBe(1);
  });

  test.each([undefined, 'soon', '-3'])(
    'unusable (%s): backs off by itself, then leaves the wait to the scheduler',
    async (header) => {
      handler = throttled(header);
      const error = await rejection(send());
      expect(error).toMatchObject({
        code: 'SOURCE_RATE_LIMITED',
        retryAfterMs: limits.rateLimitDefaultWaitMs,
      });
      expect(calls.length).toBe(limits.connectorMaxTries);
    },
  );

  test('a time in the past is no wait', () => {
    const nowMs = Date.parse('2026-01-01T00:00:10Z');
    expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:00 GMT', nowMs)).toBe(0);
    expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:12 GMT', nowMs)).toBe(2_000);
    expect(parseRetryAfter('0.5', nowMs)).toBe(500);
    expect(parseRetryAfter('', nowMs)).toBeUndefined();
  });
});

describe('classes of errors', () => {
  test.each([408, 425, 500, 502, 503, 504])('%i is tried again', async (status) => {
    firstCalls(1, (_request, response) => response.writeHead(status).end());
    expect((await send()).status).toBe(200);
    expect(calls.length).toBe(2);
  });

  test.each([
    [401, 'SOURCE_AUTH'],
    [403, 'SOURCE_AUTH'],
    [400, 'SOURCE_REFUSED'],
    [404, 'SOURCE_REFUSED'],
    [422, 'SOURCE_REFUSED'],
  ])('%i is %s at once', async (status, code) => {
    handler = (_request, response) => response.writeHead(status).end(`echo ${secret}`);
    expect(await rejection(send())).toMatchObject({ code, retryable: false });
    expect(calls.length).toBe(1);
  });

  test('a refused connection is SOURCE_UNAVAILABLE and names the reason', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const error = await rejection(send({ url: new URL(`http://127.0.0.1:${port}/`) }));
    expect(error['code']).toBe('SOURCE_UNAVAILABLE');
    expect(error.message).toContain('ECONNREFUSED');
  });
});

describe('answers that cannot be used', () => {
  const body = '{"orders":[1,2,3,4,5,6,7,8,9]}';
  test.each<[string, Handler]>([
    [
      'a body cut short',
      (_, response) =>
        void response
          .writeHead(200, { ...json, 'content-length': body.length })
          .write(body.slice(0, 9), () => response.destroy()),
    ],
    [
      'a chunked body cut short',
      (_, response) => void response.writeHead(200, json).write(body.slice(0, 9), () => response.destroy()),
    ],
    [
      'damaged gzip',
      (_, response) => {
        const packed = gzipSync(body);
        packed.fill(0x55, packed.length - 8);
        response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(packed);
      },
    ],
    [
      'a page for people',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    ],
    ['no content type', (_, response) => void response.writeHead(200).end(body)],
    [
      'a body over the cap',
      (_, response) => void response.writeHead(200, json).end(`"${'x'.repeat(5_000)}"`),
    ],
    [
      'gzip that unpacks over the cap',
      (_, response) =>
        void response
          .writeHead(200, { ...json, 'content-encoding': 'gzip' })
          .end(gzipSync(`"${'x'.repeat(5_000)}"`)),
    ],
  ])('%s is SOURCE_PROTOCOL', async (_name, bad) => {
    handler = bad;
    expect(await rejection(send({ maxBytes: 1_000 }))).toMatchObject({
      code: 'SOURCE_PROTOCOL',
      retryable: true,
    });
    expect(calls.length).toBe(limits.connectorMaxTries);
  });

  test('a body cut short once is read whole the next time', async () => {
    firstCalls(1, (_, response) => void response.writeHead(200, json).write('{', () => response.destroy()));
    expect(Buffer.from((await send()).body).toString()).toBe('{"ok":true}');
  });
});

describe('time', () => {
  test.each<[string, Handler]>([
    ['no answer', () => undefined],
    [
      'a body that drips and never ends',
      (_, response) => {
        response.writeHead(200, json);
        const timer = setInterval(() => response.write(' '), 20);
        response.once('close', () => clearInterval(timer));
      },
    ],
  ])('%s ends at the deadline, and the socket is closed', async (_name, bad) => {
    let closed: Promise<unknown> = Promise.resolve();
    handler = (request, response, call) => {
      closed = once(response, 'close');
      bad(request, response, call);
    };
    const error = await rejection(send({ timeoutMs: 120 }));
    expect(error['code']).toBe('SOURCE_UNAVAILABLE');
    expect(error.message).toContain('120 ms');
    await closed;
  });

  test.each([
    ['while the answer is awaited', () => undefined],
    ['while it waits for the next try', throttled('5')],
  ] as [string, Handler][])('cancelling %s ends with the reason given', async (_name, bad) => {
    const controller = new AbortController();
    handler = (request, response, call) => {
      bad(request, response, call);
      setTimeout(() => controller.abort(new Error('stop now')), 50);
    };
    const startedAt = performance.now();
    expect((await rejection(send({ signal: controller.signal }))).message).toBe('stop now');
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });
});

describe('where requests go', () => {
  test.each([
    'http://169.254.169.254/latest/',
    'file:///etc/passwd',
    'http://localhost:1/',
    '//example.com/',
    'http://[',
  ])('a redirect to %s is refused before connecting', async (location) => {
    handler = (_request, response) => response.writeHead(302, { location }).end();
    expect(await rejection(send())).toMatchObject({ code: 'SOURCE_REFUSED', retryable: false });
    expect(calls.length).toBe(1);
  });

  test('redirects within the origin are followed, but not for ever', async () => {
    firstCalls(1, (_request, response) => response.writeHead(301, { location: '/moved' }).end());
    expect((await send()).status).toBe(200);
    handler = (_request, response) => response.writeHead(307, { location: '/again' }).end();
    expect((await rejection(send()))['code']).toBe('SOURCE_PROTOCOL');
  });

  test('the next page must lie on the same origin', async () => {
    const current = new URL('https://shop.example.com/orders.json?limit=2');
    const link = (value: string) => new Headers({ link: value });
    const next = '</orders.json?page_info=a,b>; rel="next"';
    expect(nextPageUrl('shop', link(`</x>; rel="previous", ${next}`), current)?.search).toBe(
      '?page_info=a,b',
    );
    expect(nextPageUrl('shop', link('</x>; rel=next; title="a, b"'), current)?.pathname).toBe('/x');
    expect(nextPageUrl('shop', link('</x>; rel="previous"'), current)).toBeUndefined();
    expect(nextPageUrl('shop', new Headers(), current)).toBeUndefined();
    expect(() => nextPageUrl('shop', link('<https://evil.example/x>; rel="next"'), current)).toThrow(
      /another origin/,
    );
  });
});

test('no error of any kind repeats a header value, a query or an answer', async () => {
  const answers: Handler[] = [
    ...[400, 401, 404, 429, 500].map(
      (status): Handler =>
        (_request, response) =>
          void response.writeHead(status, secret).end(secret),
    ),
    (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(secret),
    (_request, response) => void response.writeHead(302, { location: `http://example.com/${secret}` }).end(),
    (_request, response) => void response.destroy(),
  ];
  for (const answer of answers) {
    handler = answer;
    const error = await rejection(send());
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
  }
});
