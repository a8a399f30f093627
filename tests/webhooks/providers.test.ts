import { describe, expect, test } from '@jest/globals';
import { createTestCertificate } from '../../testing/index.js';
import { deliver, deliverTo, fixtureOf, publicFiles, startFixtureGateway } from './gateway.js';

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

describe('Mailchimp', () => {
  test('looks for the address by GET, with the secret that it was given', async () => {
    const gateway = await startFixtureGateway();
    const { query = '' } = fixtureOf('mailchimp').sign({});
    const look = async (end: string) => (await fetch(`${gateway.url}/webhooks/mailchimp${end}`)).status;
    expect([
      await look(query),
      await look(''),
      await look('?secret=x'),
      await look(`${query}&secret=x`),
    ]).toEqual([200, 405, 405, 405]);
  });

  test('a form is kept as JSON, name by name; one that says a thing twice is refused', async () => {
    const gateway = await startFixtureGateway();
    const { query = '', headers } = fixtureOf('mailchimp').sign({});
    const post = (form: string) =>
      deliver(`${gateway.url}/webhooks/mailchimp${query}`, { headers, body: Buffer.from(form) });
    const good =
      'type=profile&fired_at=2026-02-01+10%3A00%3A00&data%5Bmerges%5D%5B__proto__%5D=%C3%A9&data[id]=7';
    expect((await post(good)).status).toBe(200);
    for (const wrong of ['type=a&type=b', 'data=1&data[id]=2', 'data[id]=2&data=1', `a${'[b]'.repeat(50)}=1`])
      expect([wrong, (await post(wrong)).status]).toEqual([wrong, 401]);
    const [row] = await gateway.lines('mailchimp', { shape: 'webhook-event' });
    expect(row).toMatchObject({ type: 'profile', occurredAt: '2026-02-01T10:00:00Z', objectId: '7' });
    expect(JSON.stringify(row?.['body'])).toBe(
      '{"type":"profile","fired_at":"2026-02-01 10:00:00","data":{"merges":{"__proto__":"é"},"id":"7"}}',
    );
  });

  test('a secret that is too short is refused at the start', async () => {
    const webhooks = { mailchimp: { provider: 'mailchimp', secrets: ['short'] } };
    await expect(startFixtureGateway({ webhooks })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
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
