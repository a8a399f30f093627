import { describe, expect, test } from '@jest/globals';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { Signature } from '@hubspot/api-client/lib/src/utils/signature.js';
import '@shopify/shopify-api/adapters/node';
import { shopifyApi } from '@shopify/shopify-api';
import { createServer, globalAgent } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { webhook as shopify } from '../../connectors/shopify/webhook.js';
import type { WebhookProvider, WebhookSetup, WebhookVerdict } from '../../connectors/webhook/provider.js';
import { webhook as hubspot } from '../../connectors/hubspot/webhook.js';
import { webhook as mailgun } from '../../connectors/mailgun/webhook.js';
import { webhook as segment } from '../../connectors/segment/webhook.js';
import { webhook as standard } from '../../connectors/standard-webhooks/webhook.js';
import { createTestCertificate } from '../../testing/index.js';
import { deliver, deliverTo, fixtureOf, publicFiles, startFixtureGateway } from './gateway.js';

/** What a provider says of headers and a body at a time. */
async function judge(
  provider: WebhookProvider,
  setup: Partial<WebhookSetup>,
  headers: Record<string, string>,
  body: string,
  nowMs = Date.now(),
): Promise<WebhookVerdict> {
  const verifier = provider.createVerifier({
    source: 'x',
    secrets: [],
    options: {},
    fetchPublic: () => Promise.reject(new Error('none')),
    ...setup,
  });
  const check = verifier.begin({ headers, nowMs });
  return typeof check === 'string' ? { refused: check } : check(Buffer.from(body));
}

describe('vectors', () => {
  const atMs = 1_700_000_000_000;

  test('Shopify', async () => {
    const signature = 'VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=';
    for (const family of ['x-shopify-', 'shopify-']) {
      const headers = { [`${family}hmac-sha256`]: signature, [`${family}topic`]: 'orders/create' };
      expect(await judge(shopify, { secrets: ['hush'] }, headers, '{"id":1}')).toHaveProperty('accepted');
    }
  });

  test('Segment', async () => {
    const headers = { 'x-signature': '244f2c5ece0c5771362f0f566a2d5f3d8de98352' };
    expect(
      await judge(segment, { secrets: ['s3cret'] }, headers, '{"type":"track","event":"X"}'),
    ).toHaveProperty('accepted');
  });

  test('Mailgun', async () => {
    const body = JSON.stringify({
      signature: {
        timestamp: '1700000000',
        token: 'a'.repeat(50),
        signature: '0e517db1632ed860db68448ea76885f98af4ae4fb740f523b47a505b0daeb543',
      },
      'event-data': {},
    });
    expect(await judge(mailgun, { secrets: ['mg-signing-key'] }, {}, body, atMs)).toHaveProperty('accepted');
  });

  test('Standard Webhooks', async () => {
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1700000000',
      'webhook-signature': 'v1,hVsFLpmw4Ib/Xm0eZLt3KqYBZdt0U8gdGeuz0EsGv78=',
    };
    const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];
    expect(await judge(standard, { secrets }, headers, '{"a":1}', atMs)).toEqual({
      accepted: { id: 'msg_1' },
    });
  });

  test('HubSpot v2 and v3', async () => {
    const setup = {
      secrets: ['yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy'],
      publicUrl: 'https://www.example.com/webhook_uri',
      options: { versions: ['v2', 'v3'] },
    };
    const body = '{"example_field":"example_value"}';
    const v2 = {
      'x-hubspot-signature-version': 'v2',
      'x-hubspot-signature': '9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900',
    };
    const v3 = {
      'x-hubspot-request-timestamp': '1700000000000',
      'x-hubspot-signature-v3': 'rQEKkaNUiu+1qGF//O/pw4BCzstSqO1PyUnGICmf+7o=',
    };
    expect(await judge(hubspot, setup, v2, body)).toHaveProperty('accepted');
    expect(await judge(hubspot, setup, v3, body, atMs)).toHaveProperty('accepted');
    // The worse signature does not help where the better one is wrong.
    expect(await judge(hubspot, setup, { ...v2, ...v3 }, body, atMs + 400_000)).toHaveProperty('refused');
    expect(await judge(hubspot, { ...setup, options: {} }, v2, body)).toHaveProperty('refused');
  });
});

describe('judges: the software of the vendors takes what the fixtures sign, and refuses the same forgeries', () => {
  test('Standard Webhooks, and Svix by its headers', () => {
    for (const provider of ['standard-webhooks', 'resend']) {
      const { sign, settings } = fixtureOf(provider);
      const { headers, body } = sign({ type: 'x' });
      const named = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.replace('svix-', 'webhook-'), value]),
      );
      const official = new Webhook(settings.secrets![0]!);
      expect(official.verify(body, named)).toEqual({ type: 'x' });
      expect(() => official.verify(Buffer.from('{"type":"y"}'), named)).toThrow();
    }
  });

  test('SendGrid, with its line breaks', async () => {
    const { sign, settings } = fixtureOf('sendgrid');
    const text = '[{"event":"open"},\r\n{"event":"click"}]\r\n';
    const { headers, body } = sign(text);
    const official = new EventWebhook();
    const key = official.convertPublicKeyToECDSA(settings.secrets![0]!);
    const signature = headers['x-twilio-email-event-webhook-signature']!;
    const timestamp = headers['x-twilio-email-event-webhook-timestamp']!;
    expect(official.verifySignature(key, body, signature, timestamp)).toBe(true);
    expect(official.verifySignature(key, text.trim(), signature, timestamp)).toBe(false);
    const gateway = await startFixtureGateway();
    expect((await deliverTo(gateway, 'sendgrid', { headers, body })).status).toBe(200);
    expect((await deliverTo(gateway, 'sendgrid', { headers, body: Buffer.from(text.trim()) })).status).toBe(
      401,
    );
  });

  test('Shopify, both families of headers', async () => {
    const official = shopifyApi({
      apiKey: 'key',
      apiSecretKey: fixtureOf('shopify').settings.secrets![0]!,
      hostName: 'app.example.com',
      apiVersion: '2026-01' as never,
      isEmbeddedApp: false,
      isTesting: true,
      logger: { level: 0 },
    });
    for (const family of ['x-shopify-', 'shopify-']) {
      const extra =
        family === 'shopify-' ? { family, handle: 'h', action: 'update', 'resource-id': '1' } : { family };
      const { headers, body } = fixtureOf('shopify').sign({ id: 1 }, { extra });
      const ask = (rawBody: string) =>
        official.webhooks.validate({
          rawBody,
          rawRequest: { headers, method: 'POST', url: '/' },
          rawResponse: {},
        });
      expect(await ask(body.toString('utf8'))).toMatchObject({ valid: true });
      expect(await ask('{"id":2}')).toMatchObject({ valid: false });
      const gateway = await startFixtureGateway();
      expect((await deliverTo(gateway, 'shopify', { headers, body })).status).toBe(200);
    }
  });

  test.each(['v1', 'v2', 'v3'])('HubSpot %s', (version) => {
    const { sign, settings } = fixtureOf('hubspot');
    const { headers, body } = sign([{ eventId: 1 }], { extra: { version } });
    const ask = (requestBody: string) =>
      Signature.isValid({
        signatureVersion: version,
        signature: headers['x-hubspot-signature-v3'] ?? headers['x-hubspot-signature'] ?? '',
        clientSecret: settings.secrets![0]!,
        requestBody,
        method: 'POST',
        url: settings.publicUrl!,
        timestamp: Number(headers['x-hubspot-request-timestamp']),
      });
    expect(ask(body.toString('utf8'))).toBe(true);
    expect(ask('[]')).toBe(false);
  });

  test('SNS', async () => {
    const server = createTestCertificate({ name: 'localhost', hosts: ['127.0.0.1'] });
    const { sign, publicFiles: files } = fixtureOf('ses');
    const https = createServer({ cert: server.cert, key: server.key }, (_request, response) => {
      response.end(Object.values(files)[0]);
    });
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    const before = globalAgent.options.ca;
    globalAgent.options.ca = server.cert;
    try {
      const { port } = https.address() as AddressInfo;
      const Validator = createRequire(import.meta.url)('sns-validator') as new (host: RegExp) => {
        validate(message: object, done: (error: Error | null) => void): void;
      };
      const official = new Validator(/^127\.0\.0\.1:\d+$/);
      const extra = { SigningCertURL: `https://127.0.0.1:${String(port)}/cert.pem` };
      for (const SignatureVersion of ['1', '2']) {
        const { body } = sign({ eventType: 'Send' }, { extra: { ...extra, SignatureVersion, Subject: 'S' } });
        const message = JSON.parse(body.toString('utf8')) as Record<string, string>;
        const ask = (change: object) =>
          new Promise((resolve) =>
            official.validate({ ...message, ...change }, (error) => resolve(error?.message)),
          );
        expect(await ask({})).toBeUndefined();
        expect(await ask({ Message: 'other' })).toMatch(/invalid/);
      }
    } finally {
      globalAgent.options.ca = before;
      globalAgent.destroy();
      await new Promise((resolve) => https.close(resolve));
    }
  });
});

describe('SNS', () => {
  const event = { eventType: 'Send', mail: { messageId: 'm' } };
  const { sign } = fixtureOf('ses');

  test('a subscription of the pinned topic is confirmed, after its signature was checked', async () => {
    const files = publicFiles();
    const gateway = await startFixtureGateway({ fetchPublic: files.fetchPublic });
    const wanted = sign('You have chosen to subscribe', { extra: { Type: 'SubscriptionConfirmation' } });
    expect(await deliverTo(gateway, 'ses', wanted)).toMatchObject({
      status: 200,
      body: { subscribed: true },
    });
    expect(files.asked.filter((url) => url.includes('ConfirmSubscription'))).toHaveLength(1);
    expect(await gateway.lines('ses')).toEqual([]);
  });

  test.each([
    ['another topic', { TopicArn: 'arn:aws:sns:eu-west-1:999999999999:mine' }],
    ['a certificate elsewhere', { SigningCertURL: 'https://sns.eu-west-1.amazonaws.com.evil.example/c.pem' }],
    ['a certificate by HTTP', { SigningCertURL: 'http://sns.eu-west-1.amazonaws.com/c.pem' }],
    ['a certificate at an address inside', { SigningCertURL: 'https://169.254.169.254/c.pem' }],
    [
      'a certificate with a user in its address',
      { SigningCertURL: 'https://sns.eu-west-1.amazonaws.com@evil.example/c.pem' },
    ],
    ['a certificate at another port', { SigningCertURL: 'https://sns.eu-west-1.amazonaws.com:8443/c.pem' }],
    ['a certificate of another service', { SigningCertURL: 'https://bucket.s3.amazonaws.com/c.pem' }],
  ])('%s is refused before anything is fetched', async (_name, change) => {
    const files = publicFiles();
    const gateway = await startFixtureGateway({ fetchPublic: files.fetchPublic });
    const { headers, body } = sign(event);
    const altered = Buffer.from(
      JSON.stringify({ ...(JSON.parse(body.toString('utf8')) as object), ...change }),
    );
    expect((await deliverTo(gateway, 'ses', { headers, body: altered })).status).toBe(401);
    expect(files.asked).toEqual([]);
  });

  test('a SubscribeURL elsewhere is not visited, though it is signed', async () => {
    const files = publicFiles();
    const gateway = await startFixtureGateway({ fetchPublic: files.fetchPublic });
    for (const SubscribeURL of [
      'https://evil.example/?Action=ConfirmSubscription',
      'https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription',
    ]) {
      const delivery = sign('x', { extra: { Type: 'SubscriptionConfirmation', SubscribeURL } });
      expect((await deliverTo(gateway, 'ses', delivery)).status).toBe(401);
    }
    expect(files.asked.every((url) => url.endsWith('.pem'))).toBe(true);
  });

  test('header and body must agree on type and id', async () => {
    const gateway = await startFixtureGateway();
    const { headers, body } = sign(event);
    const type = { ...headers, 'x-amz-sns-message-type': 'SubscriptionConfirmation' };
    expect((await deliverTo(gateway, 'ses', { headers: type, body })).status).toBe(401);
    const id = { ...headers, 'x-amz-sns-message-id': 'other' };
    expect((await deliverTo(gateway, 'ses', { headers: id, body })).status).toBe(401);
  });

  test('certificates are fetched once, and a flood of made-up ones reaches nobody', async () => {
    const files = publicFiles();
    const gateway = await startFixtureGateway({ fetchPublic: files.fetchPublic });
    for (let n = 0; n < 5; n += 1)
      await deliverTo(gateway, 'ses', sign({ ...event, n }, { id: `m-${String(n)}` }));
    expect(files.asked).toHaveLength(1);
    const statuses: number[] = [];
    for (let n = 0; n < 60; n += 1) {
      const SigningCertURL = `https://sns.eu-west-1.amazonaws.com/made-up-${String(n)}.pem`;
      statuses.push((await deliverTo(gateway, 'ses', sign({ n }, { extra: { SigningCertURL } }))).status);
    }
    expect(new Set(statuses)).toEqual(new Set([503]));
    expect(files.asked.length).toBeLessThanOrEqual(30);
  });

  test('the trial of SES is no event', async () => {
    const gateway = await startFixtureGateway();
    const trial = sign('Successfully validated SNS topic for Amazon SES event publishing.');
    expect((await deliverTo(gateway, 'ses', trial)).status).toBe(200);
    expect(await gateway.lines('ses', { shape: 'email-event' })).toEqual([]);
  });
});

describe('Adobe I/O Events', () => {
  test('answers the challenge, and nothing else by GET', async () => {
    const gateway = await startFixtureGateway();
    const get = (query: string) =>
      deliver(
        `${gateway.url}/webhooks/adobe-io${query}`,
        { headers: {}, body: Buffer.alloc(0) },
        { method: 'GET' },
      );
    expect((await get('?challenge=8ec8d794-e0ab-42df')).body).toEqual({ challenge: '8ec8d794-e0ab-42df' });
    expect((await get('?challenge=<script>')).status).toBe(405);
    expect((await get('')).status).toBe(405);
  });

  test('an event for another client, or with a key elsewhere, is refused before anything is fetched', async () => {
    const files = publicFiles();
    const gateway = await startFixtureGateway({ fetchPublic: files.fetchPublic });
    const { sign } = fixtureOf('adobe-io');
    const other = sign({ id: 'e' }, { extra: { recipient: 'someone-elses-client' } });
    expect((await deliverTo(gateway, 'adobe-io', other)).status).toBe(401);
    const { headers, body } = sign({ id: 'e' });
    for (const path of [
      '//evil.example/keys/pub-key-a.pem',
      '/prod/keys/../../x.pem',
      '@evil.example/keys/pub-key-a.pem',
    ]) {
      const moved = { ...headers, 'x-adobe-public-key1-path': path, 'x-adobe-public-key2-path': path };
      expect((await deliverTo(gateway, 'adobe-io', { headers: moved, body })).status).toBe(401);
    }
    expect(files.asked).toEqual([]);
  });

  test('one good signature of two is enough', async () => {
    const gateway = await startFixtureGateway();
    const { headers, body } = fixtureOf('adobe-io').sign({ id: 'e' });
    const wrong = headers['x-adobe-digital-signature-2']!;
    expect(
      (
        await deliverTo(gateway, 'adobe-io', {
          headers: { ...headers, 'x-adobe-digital-signature-1': wrong },
          body,
        })
      ).status,
    ).toBe(200);
  });
});

test('Mandrill and Mailjet look for the address by HEAD', async () => {
  const gateway = await startFixtureGateway();
  const head = (name: string) => fetch(`${gateway.url}/webhooks/${name}`, { method: 'HEAD' });
  expect([
    (await head('mandrill')).status,
    (await head('mailjet')).status,
    (await head('nobody')).status,
  ]).toEqual([200, 200, 404]);
});

test('Mailgun: a token that was used is refused for another body', async () => {
  const gateway = await startFixtureGateway();
  const delivery = fixtureOf('mailgun').sign({ event: 'delivered', recipient: 'a@example.com' });
  expect((await deliverTo(gateway, 'mailgun', delivery)).status).toBe(200);
  const forged = Buffer.from(delivery.body.toString('utf8').replace('delivered', 'complained'));
  expect(await deliverTo(gateway, 'mailgun', { ...delivery, body: forged })).toMatchObject({ status: 401 });
  expect((await deliverTo(gateway, 'mailgun', delivery)).body).toEqual({ accepted: true, duplicate: true });
  expect(await gateway.lines('mailgun')).toHaveLength(1);
});

test('Segment: a batch is refused where its unsigned rest is not accepted', async () => {
  const { settings, sign } = fixtureOf('segment');
  const gateway = await startFixtureGateway({
    webhooks: { segment: { provider: 'segment', secrets: settings.secrets! } },
  });
  const reply = await deliverTo(gateway, 'segment', sign([{ messageId: 'a' }, { messageId: 'b' }]));
  expect(reply.status).toBe(401);
  expect(JSON.stringify(reply.body)).toContain('acceptBatches');
});

test('Shopify: only configured shops, where shops are configured', async () => {
  const { settings, sign } = fixtureOf('shopify');
  const gateway = await startFixtureGateway({
    webhooks: {
      shopify: {
        provider: 'shopify',
        secrets: settings.secrets!,
        options: { shops: ['mine.myshopify.com'] },
      },
    },
  });
  expect((await deliverTo(gateway, 'shopify', sign({ id: 1 }))).status).toBe(401);
  const mine = sign({ id: 1 }, { extra: { 'shop-domain': 'mine.myshopify.com' } });
  expect((await deliverTo(gateway, 'shopify', mine)).status).toBe(200);
});

describe('client certificates', () => {
  const authority = createTestCertificate({ name: 'authority' });
  const server = createTestCertificate({ name: 'gateway', hosts: ['127.0.0.1'], authority });
  const client = createTestCertificate({ name: 'sender', authority });
  const other = createTestCertificate({ name: 'other', authority });
  const stranger = createTestCertificate({ name: 'sender' });

  test('the pinned certificate of the authority is let in, others and none are not', async () => {
    const gateway = await startFixtureGateway({
      tls: { cert: server.cert, key: server.key, clientCa: authority.cert },
      webhooks: { bank: { provider: 'generic-mtls', options: { fingerprints: [client.fingerprint] } } },
    });
    const delivery = { headers: { 'content-type': 'application/json' }, body: Buffer.from('{"a":1}') };
    const send = (certificate?: { cert: string; key: string }) =>
      deliver(`${gateway.url}/webhooks/bank`, delivery, {
        ca: authority.cert,
        agent: false,
        ...(certificate && { cert: certificate.cert, key: certificate.key }),
      });
    expect((await send(client)).status).toBe(200);
    for (const certificate of [undefined, other, stranger])
      expect(await send(certificate)).toMatchObject({ status: 401, code: 'GATEWAY_SIGNATURE' });
    expect(await gateway.lines('bank')).toHaveLength(1);
  });
});
