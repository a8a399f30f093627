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
import { deliverTo, fixtureOf, startFixtureGateway } from './gateway.js';

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
  const check = verifier.begin({ headers, query: new URLSearchParams(), nowMs });
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
