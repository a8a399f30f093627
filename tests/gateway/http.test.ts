import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { createSource } from '../../connectors/inbox/index.js';
import { limits } from '../../core/limits.js';
import { startGateway, type GatewayOptions, type RunningGateway } from '../../serve/run-gateway.js';
import { segmentDisk } from '../../serve/segment-file.js';
import { temporaryFolder } from '../helpers/folder.js';
import { readAll } from '../sources/read-all.js';

const folder = temporaryFolder();
const writeKey = 'wk_test';
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const formerSecret = `whsec_${Buffer.from('a former secret of 24 by').toString('base64')}`;
let count = 0;
const running: RunningGateway[] = [];

async function start(
  change: Partial<GatewayOptions> = {},
): Promise<RunningGateway & { readonly url: string; readonly data: string }> {
  const data = join(folder, String((count += 1)));
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    inboxDirectory: join(data, 'inbox'),
    writeKeys: [writeKey],
    webhooks: { email: { secrets: [secret, formerSecret] } },
    logger: pino({ level: 'silent' }),
    ...change,
  });
  running.push(gateway);
  return { ...gateway, url: `http://127.0.0.1:${String(gateway.port)}`, data };
}

afterAll(async () => {
  for (const gateway of running) await gateway.close().catch(() => undefined);
});

const event = (change: object = {}) => ({
  writeKey,
  userId: 'u-1',
  messageId: 'm-1',
  event: 'Tested',
  ...change,
});

async function post(
  url: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ status: number; code?: string; body: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(url, {
    method: 'POST',
    body: body as string,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const parsed = (await response.json()) as { error?: { code: string } };
  return {
    status: response.status,
    body: parsed,
    headers: response.headers,
    ...(parsed.error && { code: parsed.error.code }),
  };
}

function signed(body: string, id = 'msg_1', at = new Date(), key = secret): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(key).sign(id, at, body),
  };
}

const lines = async (data: string, stream: string) =>
  (await readAll(createSource({ projectDirectory: data, dataDirectory: data }), { stream })).rows.map(
    (row) => JSON.parse(row) as Record<string, unknown>,
  );

describe('answers', () => {
  let gateway: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    gateway = await start();
  });

  test.each([
    ['400 for what is no JSON', '/v1/track', '{"a":', {}, 400, 'GATEWAY_REQUEST_INVALID'],
    [
      '400 for JSON that is too deep',
      '/v1/track',
      '['.repeat(100) + ']'.repeat(100),
      {},
      400,
      'GATEWAY_REQUEST_INVALID',
    ],
    [
      '400 for a batch that is none',
      '/v1/batch',
      JSON.stringify({ writeKey, batch: 1 }),
      {},
      400,
      'GATEWAY_REQUEST_INVALID',
    ],
    [
      '401 for an unknown write key',
      '/v1/track',
      JSON.stringify(event({ writeKey: 'other' })),
      {},
      401,
      'GATEWAY_WRITE_KEY',
    ],
    ['401 for no signature', '/webhooks/email', '{}', {}, 401, 'GATEWAY_SIGNATURE'],
    ['404 for another address', '/v2/track', '{}', {}, 404, 'GATEWAY_NOT_FOUND'],
    ['404 for an unknown source', '/webhooks/nobody', '{}', {}, 404, 'GATEWAY_NOT_FOUND'],
    [
      '413 for a large body',
      '/v1/track',
      `{"x":"${'y'.repeat(limits.gatewayBodyMaxBytes)}"}`,
      {},
      413,
      'GATEWAY_TOO_LARGE',
    ],
    [
      '413 for too many events',
      '/v1/batch',
      JSON.stringify({ writeKey, batch: Array.from({ length: limits.segmentBatchMaxEvents + 1 }, () => 0) }),
      {},
      413,
      'GATEWAY_TOO_LARGE',
    ],
    [
      '413 for a small body that unpacks to a large one',
      '/v1/track',
      gzipSync(Buffer.alloc(limits.gatewayBodyMaxBytes * 4, 0x20)),
      { 'content-encoding': 'gzip' },
      413,
      'GATEWAY_TOO_LARGE',
    ],
    [
      '415 for another content type',
      '/v1/track',
      '<x/>',
      { 'content-type': 'application/xml' },
      415,
      'GATEWAY_MEDIA_TYPE',
    ],
    ['415 for another encoding', '/v1/track', '{}', { 'content-encoding': 'br' }, 415, 'GATEWAY_MEDIA_TYPE'],
  ])('%s', async (_name, path, body, headers, status, code) => {
    expect(await post(`${gateway.url}${path}`, body, headers as Record<string, string>)).toMatchObject({
      status,
      code,
    });
  });

  test('405 with the allowed method', async () => {
    const response = await fetch(`${gateway.url}/v1/track`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test('nothing that was refused is in the inbox', async () => {
    expect(await lines(gateway.data, 'segment')).toEqual([]);
    expect(await lines(gateway.data, 'webhooks/email')).toEqual([]);
  });

  test('health and readiness', async () => {
    expect(await (await fetch(`${gateway.url}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${gateway.url}/readyz`)).json()).toMatchObject({ status: 'ready' });
  });

  test('a browser that asks first is told what it may send', async () => {
    const response = await fetch(`${gateway.url}/v1/track`, { method: 'OPTIONS' });
    expect(response.headers.get('access-control-allow-methods')).toBe('POST');
  });
});

test('408 for a request that does not end, and the connection is closed', async () => {
  const gateway = await start({ timeouts: { headersMs: 200, requestMs: 300, checkEveryMs: 50 } });
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(gateway.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('utf8')));
    socket.on('close', () => resolve(text));
    socket.write(
      'POST /v1/track HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a"',
    );
  });
  expect(answer).toMatch(/^HTTP\/1\.1 408/);
});

test('429 with Retry-After when one source has too many requests in work', async () => {
  const gateway = await start();
  const sockets = Array.from({ length: limits.gatewayMaxInFlightPerSource }, () => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      'POST /v1/track HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a"',
    );
    return socket;
  });
  try {
    let answer = await post(`${gateway.url}/v1/track`, JSON.stringify(event()));
    while (answer.status === 200) answer = await post(`${gateway.url}/v1/track`, JSON.stringify(event()));
    expect(answer).toMatchObject({ status: 429, code: 'GATEWAY_BUSY' });
    expect(answer.headers.get('retry-after')).toBe('1');
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

describe('503 with Retry-After', () => {
  test('when the disk refuses, and the event is not acknowledged', async () => {
    let isBroken = true;
    const gateway = await start({
      disk: {
        ...segmentDisk,
        datasync: (file) =>
          isBroken ? Promise.reject(Object.assign(new Error('no'), { code: 'ENOSPC' })) : file.datasync(),
      },
    });
    const refused = await post(`${gateway.url}/v1/track`, JSON.stringify(event()));
    expect(refused).toMatchObject({ status: 503, code: 'GATEWAY_UNAVAILABLE' });
    expect(refused.headers.get('retry-after')).toBe('1');
    isBroken = false;
    expect((await post(`${gateway.url}/v1/track`, JSON.stringify(event()))).body).toEqual({ success: true });
    await gateway.close();
    expect(await lines(gateway.data, 'segment')).toHaveLength(1);
  });

  test('when the disk is nearly full', async () => {
    const gateway = await start({ bounds: { minFreeBytes: Number.MAX_SAFE_INTEGER } });
    expect(await post(`${gateway.url}/v1/track`, JSON.stringify(event()))).toMatchObject({ status: 503 });
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(503);
  });

  test('when no key is configured', async () => {
    const gateway = await start({ writeKeys: [] });
    expect(await post(`${gateway.url}/v1/track`, JSON.stringify(event()))).toMatchObject({
      status: 503,
      code: 'GATEWAY_NO_KEY',
    });
  });
});

describe('the Segment API', () => {
  test('an acknowledged event is on the disk', async () => {
    const gateway = await start({ bounds: { segmentMaxAgeMs: 60_000 } });
    await post(`${gateway.url}/v1/track`, JSON.stringify(event({ messageId: 'durable' })));
    const directory = join(gateway.data, 'inbox', 'segment');
    expect(
      readdirSync(directory)
        .map((name) => readFileSync(join(directory, name), 'utf8'))
        .join(''),
    ).toContain('"durable"');
  });

  test('takes the key by Basic authentication, gzip, and all calls', async () => {
    const gateway = await start();
    const basic = { authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}` };
    for (const call of ['identify', 'track', 'page', 'screen', 'group', 'alias']) {
      expect(
        (await post(`${gateway.url}/v1/${call}`, JSON.stringify({ userId: 'u', messageId: call }), basic))
          .status,
      ).toBe(200);
    }
    const batch = gzipSync(
      JSON.stringify({ batch: [{ type: 'track', userId: 'u', messageId: 'zipped', event: 'E' }] }),
    );
    expect(
      (await post(`${gateway.url}/v1/batch`, batch, { ...basic, 'content-encoding': 'gzip' })).status,
    ).toBe(200);
    await gateway.close();
    expect((await lines(gateway.data, 'segment')).map(({ type, messageId }) => [type, messageId])).toEqual([
      ...['identify', 'track', 'page', 'screen', 'group', 'alias'].map((call) => [call, call]),
      ['track', 'zipped'],
    ]);
  });

  test('drops the write key, corrects the clock, keeps numbers to the digit', async () => {
    const now = Date.parse('2026-03-01T12:00:00.000Z');
    const gateway = await start({ now: () => now });
    await post(
      `${gateway.url}/v1/batch`,
      `{"writeKey":"${writeKey}","sentAt":"2026-03-01T13:00:05.000Z","batch":[{"type":"track","userId":"u","messageId":"m","event":"E","timestamp":"2026-03-01T13:00:00.000Z","properties":{"order":820982911946154508,"price":1.10}}]}`,
    );
    await gateway.close();
    const { rows } = await readAll(
      createSource({ projectDirectory: gateway.data, dataDirectory: gateway.data }),
      { stream: 'segment' },
    );
    expect(rows[0]).toContain('"order":820982911946154508,"price":1.10');
    expect(rows[0]).not.toContain(writeKey);
    expect(JSON.parse(rows[0]!)).toMatchObject({
      timestamp: '2026-03-01T11:59:55.000Z',
      originalTimestamp: '2026-03-01T13:00:00.000Z',
      receivedAt: '2026-03-01T12:00:00.000Z',
    });
  });

  test('a repeat is acknowledged and written once', async () => {
    const gateway = await start();
    await post(`${gateway.url}/v1/track`, JSON.stringify(event()));
    expect((await post(`${gateway.url}/v1/track`, JSON.stringify(event()))).body).toEqual({
      success: true,
      duplicate: true,
    });
    await gateway.close();
    expect(await lines(gateway.data, 'segment')).toHaveLength(1);
  });
});

describe('webhooks', () => {
  const body = '{"type":"email.opened","timestamp":"2026-01-01T00:00:00Z","data":{"id":820982911946154508}}';

  test('the published vector of Standard Webhooks is accepted at its time', async () => {
    const gateway = await start({ now: () => 1_700_000_000_000 });
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1700000000',
      'webhook-signature': 'v1,hVsFLpmw4Ib/Xm0eZLt3KqYBZdt0U8gdGeuz0EsGv78=',
    };
    expect((await post(`${gateway.url}/webhooks/email`, '{"a":1}', headers)).status).toBe(200);
    expect(await post(`${gateway.url}/webhooks/email`, '{"a": 1}', headers)).toMatchObject({
      status: 401,
      code: 'GATEWAY_SIGNATURE',
    });
  });

  test('the official signer is accepted, with either secret of a rotation, and once', async () => {
    const gateway = await start();
    const url = `${gateway.url}/webhooks/email`;
    expect((await post(url, body, signed(body))).body).toEqual({ accepted: true });
    expect((await post(url, body, signed(body))).body).toEqual({ accepted: true, duplicate: true });
    expect((await post(url, body, signed(body, 'msg_2', new Date(), formerSecret))).status).toBe(200);
    await gateway.close();
    const found = await lines(gateway.data, 'webhooks/email');
    expect(found.map(({ eventId }) => eventId)).toEqual(['msg_1', 'msg_2']);
  });

  test.each([
    ['a stamp from the past', (now: number) => now - limits.webhookToleranceMs - 2_000],
    ['a stamp from the future', (now: number) => now + limits.webhookToleranceMs + 2_000],
  ])('%s is refused', async (_name, at) => {
    const gateway = await start();
    expect(
      (await post(`${gateway.url}/webhooks/email`, body, signed(body, 'm', new Date(at(Date.now()))))).status,
    ).toBe(401);
  });

  test('another secret, another id and another body are refused', async () => {
    const gateway = await start();
    const url = `${gateway.url}/webhooks/email`;
    const good = signed(body);
    expect(
      (
        await post(
          url,
          body,
          signed(body, 'msg_1', new Date(), `whsec_${Buffer.alloc(24, 7).toString('base64')}`),
        )
      ).status,
    ).toBe(401);
    expect((await post(url, body, { ...good, 'webhook-id': 'msg_9' })).status).toBe(401);
    expect((await post(url, body.replace('opened', 'bounced'), good)).status).toBe(401);
  });
});

test('a second gateway is kept away from the inbox', async () => {
  const gateway = await start();
  await expect(start({ inboxDirectory: join(gateway.data, 'inbox') })).rejects.toMatchObject({
    code: 'INBOX_LOCKED',
  });
});
