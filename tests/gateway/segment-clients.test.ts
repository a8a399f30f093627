import { describe, expect, test } from '@jest/globals';
import { Analytics } from '@segment/analytics-node';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createSource } from '../../connectors/inbox/index.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { compileSchema } from '../../schemas/ajv.js';
import { root } from '../architecture/source-tree.js';
import { readAll } from '../sources/read-all.js';
import { startFixtureGateway, type TestGateway } from '../webhooks/gateway.js';

const writeKey = 'wk';
const schema = compileSchema(
  JSON.parse(readFileSync(join(root, 'schemas/records/site-event.v2.schema.json'), 'utf8')) as JsonObject,
);

interface RudderClient {
  identify(message: object): void;
  track(message: object): void;
  page(message: object): void;
  screen(message: object): void;
  group(message: object): void;
  alias(message: object): void;
  flush(done: (error?: Error) => void): void;
}
/** A CommonJS package whose types are those of another module format. */
const RudderAnalytics = createRequire(import.meta.url)('@rudderstack/rudder-sdk-node') as new (
  writeKey: string,
  options: object,
) => RudderClient;

async function rowsOf(gateway: TestGateway): Promise<Record<string, unknown>[]> {
  await gateway.close();
  const inbox = createSource({ projectDirectory: gateway.data, dataDirectory: gateway.data });
  const { rows } = await readAll(inbox, { stream: 'segment' });
  return rows.map((row) => JSON.parse(row) as Record<string, unknown>);
}

const context = { consent: { categoryPreferences: { marketing: true, analytics: false } } };
const common = { userId: 'u-7', anonymousId: 'a-9', context };
const calls: [string, object][] = [
  ['identify', { ...common, traits: { email: 'a@example.com' } }],
  ['track', { ...common, event: 'Order Completed', properties: { order_id: '5001', revenue: 42.5 } }],
  ['page', { ...common, name: 'Home', category: 'Shop', properties: { path: '/' } }],
  ['screen', { ...common, name: 'Cart', properties: {} }],
  ['group', { ...common, groupId: 'g-1', traits: { plan: 'plus' } }],
  ['alias', { userId: 'u-7', previousId: 'a-9', context }],
];

function expectAllCalls(rows: readonly Record<string, unknown>[]): void {
  expect(rows.map(({ type }) => type)).toEqual(calls.map(([call]) => call));
  for (const row of rows) {
    expect([row, schema(row)]).toEqual([row, undefined]);
    expect(row).toMatchObject({ userId: 'u-7', consent: context.consent });
    expect(JSON.stringify(row)).not.toContain('"writeKey"');
  }
  expect(rows[4]).toMatchObject({ groupId: 'g-1' });
  expect(rows[5]).toMatchObject({ previousId: 'a-9' });
}

describe('real clients', () => {
  test('Segment', async () => {
    const gateway = await startFixtureGateway();
    const client = new Analytics({ writeKey, host: gateway.url, maxRetries: 0 });
    const failures: unknown[] = [];
    client.on('error', (error) => failures.push(error));
    for (const [call, message] of calls) client[call as 'track'](message as never);
    await client.closeAndFlush({ timeout: 10_000 });
    expect(failures).toEqual([]);
    const rows = await rowsOf(gateway);
    expectAllCalls(rows);
    expect(rows[0]).toMatchObject({ context: { library: { name: '@segment/analytics-node' } } });
  });

  test.each([true, false])('RudderStack, gzip %s', async (gzip) => {
    const gateway = await startFixtureGateway();
    const client = new RudderAnalytics(writeKey, {
      dataPlaneUrl: gateway.url,
      gzip,
      flushAt: 100,
      logLevel: 'silly',
    });
    for (const [call, message] of calls) client[call as 'track'](message);
    await new Promise<void>((resolve, reject) =>
      client.flush((error) => {
        if (error) reject(error);
        else resolve();
      }),
    );
    expectAllCalls(await rowsOf(gateway));
  });
});

describe('the HTTP API', () => {
  const post = async (
    gateway: TestGateway,
    call: string,
    body: string | Uint8Array,
    headers: object = {},
  ) => {
    const response = await fetch(`${gateway.url}/v1/${call}`, {
      method: 'POST',
      body: body as string,
      headers: { 'content-type': 'application/json', ...headers },
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  };

  test('every call has its own address, a short one too; import is a batch of old events', async () => {
    const gateway = await startFixtureGateway();
    const short = { i: 'identify', t: 'track', p: 'page', s: 'screen', g: 'group', a: 'alias' };
    const member = { event: 'E', groupId: 'g', previousId: 'p' };
    for (const [address, call] of Object.entries(short))
      await post(gateway, address, JSON.stringify({ writeKey, userId: 'u', messageId: call, ...member }));
    const old = {
      type: 'track',
      userId: 'u',
      event: 'E',
      messageId: 'old',
      timestamp: '2019-05-01T00:00:00.123Z',
    };
    await post(gateway, 'import', JSON.stringify({ writeKey, batch: [old] }));
    const rows = await rowsOf(gateway);
    expect(rows.map(({ type, messageId }) => [type, messageId])).toEqual([
      ...Object.values(short).map((call) => [call, call]),
      ['track', 'old'],
    ]);
    // Nobody said when it was sent, so its time is as it is.
    expect(rows.at(-1)).toMatchObject({ timestamp: '2019-05-01T00:00:00.123Z' });
  });

  test('each event that lacks something is named by its place, and all are kept', async () => {
    const gateway = await startFixtureGateway();
    const batch = [
      { type: 'track', userId: 'u', event: 'Good', messageId: 'm-0' },
      { type: 'track', userId: 'u', messageId: 'm-1' },
      { type: 'group', userId: 'u', messageId: 'm-2' },
      { type: 'alias', userId: 'u', messageId: 'm-3' },
      { type: 'page', messageId: 'm-4' },
      { type: 'launch', userId: 'u', messageId: 'm-5' },
      'nothing',
      { type: 'track', userId: 'u', event: 'Long', messageId: 'x'.repeat(101) },
      {
        type: 'track',
        userId: 'u',
        event: 'Large',
        messageId: 'm-8',
        properties: { x: 'y'.repeat(33 * 1024) },
      },
    ];
    const { status, body } = await post(gateway, 'batch', JSON.stringify({ writeKey, batch }));
    expect(status).toBe(200);
    const errors = body['errors'] as { index: number; code: string }[];
    expect(errors.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(errors.at(-1)!.code).toBe('GATEWAY_EVENT_TOO_LARGE');
    const inbox = createSource({ projectDirectory: gateway.data, dataDirectory: gateway.data });
    await gateway.close();
    const { rows } = await readAll(inbox, { stream: 'segment' });
    expect(rows).toHaveLength(batch.length);
    const verdicts = rows.map((row) => schema(JSON.parse(row)) === undefined);
    // Size is a matter of the call; everything else is found again by the schema.
    expect(verdicts).toEqual([true, false, false, false, false, false, false, false, true]);
  });

  test('the clock of the sender is corrected, whatever it says', async () => {
    const now = Date.parse('2026-03-01T12:00:00.000Z');
    const gateway = await startFixtureGateway({ now: () => now });
    const send = (sentAt: string, timestamp: string, id: string) =>
      post(
        gateway,
        'batch',
        JSON.stringify({
          writeKey,
          sentAt,
          batch: [{ type: 'track', event: 'E', userId: 'u', messageId: id, timestamp }],
        }),
      );
    await send('2031-01-01T00:00:10.000Z', '2031-01-01T00:00:00.000Z', 'ahead');
    await send('1999-01-01T00:00:10.000Z', '1999-01-01T00:00:00.000Z', 'behind');
    await send('nonsense', '2026-03-01T11:00:00.000Z', 'unknown');
    expect((await rowsOf(gateway)).map(({ timestamp }) => timestamp)).toEqual([
      '2026-03-01T11:59:50.000Z',
      '2026-03-01T11:59:50.000Z',
      '2026-03-01T11:00:00.000Z',
    ]);
  });

  test('Sec-GPC of the browser is kept with each event; ids that are numbers keep their digits', async () => {
    const gateway = await startFixtureGateway();
    const body = `{"writeKey":"${writeKey}","batch":[{"type":"track","event":"E","userId":820982911946154508,"messageId":"m"}]}`;
    await post(gateway, 'batch', body, { 'sec-gpc': '1' });
    const rows = await rowsOf(gateway);
    expect(rows[0]).toMatchObject({ userId: '820982911946154508', gpc: true });
    expect(schema(rows[0])).toBeUndefined();
  });

  test('a page of another origin may read answers and refusals', async () => {
    const gateway = await startFixtureGateway();
    for (const key of [writeKey, 'wrong']) {
      const { headers } = await post(
        gateway,
        't',
        JSON.stringify({ writeKey: key, userId: 'u', event: 'E' }),
        {
          'content-type': 'text/plain',
        },
      );
      expect(headers.get('access-control-allow-origin')).toBe('*');
    }
  });

  test('a call over its size is refused also when gzip hides it', async () => {
    const gateway = await startFixtureGateway();
    const large = gzipSync(
      JSON.stringify({ writeKey, batch: [{ x: 'y'.repeat(limits.gatewayBodyMaxBytes) }] }),
    );
    expect(gunzipSync(large).length).toBeGreaterThan(limits.gatewayBodyMaxBytes);
    expect((await post(gateway, 'batch', large, { 'content-encoding': 'gzip' })).status).toBe(413);
  });
});
