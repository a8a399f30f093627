import { beforeAll, describe, expect, test } from '@jest/globals';
import { listWebhookProviders } from '../../connectors/webhook/providers.js';
import { limits } from '../../core/limits.js';
import type { GatewayOptions } from '../../serve/run-gateway.js';
import type { SignedDelivery } from '../../testing/index.js';
import { deliver, deliverTo, fixtureOf, fixtures, startFixtureGateway, type TestGateway } from './gateway.js';

const providers = [...fixtures.keys()];
const payload = { type: 'order.paid', data: { id: '17' }, note: 'é €' };
/** What each provider wraps around its events. */
const payloadOf = (provider: string, change: object = {}): unknown => {
  const event = { ...payload, ...change };
  return ['sendgrid', 'mandrill', 'hubspot', 'sparkpost'].includes(provider) ? [event] : event;
};
/** Providers that sign a time, and the farthest that it may be away. */
const timed: readonly [string, number, number][] = [
  ...['standard-webhooks', 'resend', 'sendgrid', 'mailgun', 'hubspot', 'generic-hmac'].map(
    (provider): [string, number, number] => [provider, limits.webhookToleranceMs, limits.webhookToleranceMs],
  ),
  ['ses', limits.webhookSnsToleranceMs, limits.webhookToleranceMs],
];
/** Providers whose signature covers every byte of the body. */
const coversBody = [
  'standard-webhooks',
  'resend',
  'sendgrid',
  'hubspot',
  'generic-hmac',
  'shopify',
  'segment',
  'mailersend',
  'adobe-io',
  'mandrill',
];
/** A whole second, at which the clock of a gateway stands still. */
const nowMs = Date.parse('2026-02-01T10:00:00Z');
const needSecret = providers.filter((name) => fixtureOf(name).settings.secrets !== undefined);
const credentials = [
  'postmark',
  'brevo',
  'mailjet',
  'sparkpost',
  'generic-basic',
  'generic-bearer',
  'mailchimp',
];

test('each provider has a fixture', async () => {
  const others = await listWebhookProviders();
  expect(others.filter((name) => !fixtures.has(name))).toEqual(['generic-mtls']);
});

describe('accepted', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startFixtureGateway();
  });

  test.each(providers)(
    '%s: a delivery, once however often it comes, with either secret',
    async (provider) => {
      const { sign, formerSecret } = fixtureOf(provider);
      const first = sign(payloadOf(provider), { id: 'one' });
      expect((await deliverTo(gateway, provider, first)).body).toEqual({ accepted: true });
      expect((await deliverTo(gateway, provider, first)).body).toEqual({ accepted: true, duplicate: true });
      if (formerSecret !== undefined) {
        const other = sign(payloadOf(provider, { note: 'two' }), { id: 'two', secret: formerSecret });
        expect((await deliverTo(gateway, provider, other)).body).toEqual({ accepted: true });
      }
      expect(gateway.counts()[provider]).toEqual({
        accepted: formerSecret === undefined ? 1 : 2,
        repeated: 1,
        refused: 0,
      });
    },
  );

  test.each(timed)('%s: a time at the tolerance, both ways', async (provider, pastMs, aheadMs) => {
    const stopped = await startFixtureGateway({ now: () => nowMs });
    for (const offsetMs of [-pastMs, aheadMs]) {
      const delivery = fixtureOf(provider).sign(payloadOf(provider, { offsetMs }), {
        id: `t${String(offsetMs)}`,
        at: new Date(nowMs + offsetMs),
      });
      expect(await deliverTo(stopped, provider, delivery)).toMatchObject({ status: 200 });
    }
  });
});

describe('refused, counted, and nothing of it kept', () => {
  const refused = async (
    provider: string,
    delivery: {
      headers: Readonly<Record<string, string | string[]>>;
      body: Uint8Array;
      query?: string;
    },
    status = 401,
    change: Partial<GatewayOptions> = {},
  ) => {
    const gateway = await startFixtureGateway(change);
    const reply = await deliver(`${gateway.url}/webhooks/${provider}${delivery.query ?? ''}`, delivery);
    expect([provider, reply.status]).toEqual([provider, status]);
    if (status === 401) {
      expect(reply.code).toBe('GATEWAY_SIGNATURE');
      expect(gateway.counts()[provider]).toMatchObject({ accepted: 0, refused: 1 });
    }
    expect(await gateway.lines(provider)).toEqual([]);
  };
  const good = (provider: string, options = {}): SignedDelivery =>
    fixtureOf(provider).sign(payloadOf(provider), options);

  test.each(needSecret)('%s: another secret', async (provider) => {
    const secret = ['standard-webhooks', 'resend'].includes(provider)
      ? `whsec_${Buffer.alloc(24, 7).toString('base64')}`
      : credentials.includes(provider)
        ? 'someone:else'
        : 'nobody knows';
    await refused(provider, good(provider, { secret }));
  });

  test.each(providers)('%s: no signature at all', async (provider) => {
    const { body, headers } = good(provider);
    const { 'content-type': type = 'application/json' } = headers;
    await refused(provider, {
      headers: { 'content-type': type },
      body: provider === 'mailgun' ? Buffer.from('{"event-data":{}}') : body,
    });
  });

  test.each(providers.filter((name) => name !== 'mailgun' && !credentials.includes(name)))(
    '%s: a signature header twice',
    async (provider) => {
      const { body, headers } = good(provider);
      const doubled = Object.fromEntries(
        Object.entries(headers).map(([name, value]): [string, string | string[]] => [
          name,
          name === 'content-type' ? value : [value, value],
        ]),
      );
      await refused(provider, { headers: doubled, body });
    },
  );

  test.each(coversBody)('%s: one byte altered', async (provider) => {
    const { body, headers } = good(provider);
    const altered = Buffer.from(body);
    altered[altered.lastIndexOf('7')] = 0x38;
    await refused(provider, { headers, body: altered });
  });

  test.each(coversBody.filter((name) => name !== 'mandrill'))(
    '%s: the same JSON with other spaces',
    async (provider) => {
      const { body, headers } = good(provider);
      await refused(provider, {
        headers,
        body: Buffer.from(JSON.stringify(JSON.parse(body.toString('utf8')), undefined, 1)),
      });
    },
  );

  test.each(
    timed.flatMap(([provider, pastMs, aheadMs]): [string, number][] => [
      [provider, -pastMs - 1_000],
      [provider, aheadMs + 1_000],
    ]),
  )('%s: a good signature with a time %i ms away', async (provider, offsetMs) => {
    const delivery = good(provider, { at: new Date(nowMs + offsetMs) });
    await refused(provider, delivery, 401, { now: () => nowMs });
  });

  test.each(['standard-webhooks', 'resend', 'generic-hmac'])(
    '%s: ten thousand signatures',
    async (provider) => {
      const { body, headers } = good(provider);
      const name =
        { 'standard-webhooks': 'webhook-signature', resend: 'svix-signature' }[provider] ?? 'x-signature';
      const many = Array.from({ length: 10_000 }, () => 'v1,x').join(provider === 'generic-hmac' ? ',' : ' ');
      const gateway = await startFixtureGateway();
      const answer = await deliver(`${gateway.url}/webhooks/${provider}`, {
        headers: { ...headers, [name]: `${headers[name]!} ${many}` },
        body,
      }).catch(() => ({ status: 'cut' }));
      // Node itself ends a request whose head is over 16 KiB.
      expect([401, 431, 400, 'cut']).toContain(answer.status);
      const some = Array.from({ length: 50 }, () => 'v1=x').join(',');
      await refused(provider, {
        headers: {
          ...headers,
          [name]:
            provider === 'generic-hmac'
              ? `${headers[name]!},${some}`
              : `${headers[name]!} ${'v1,x '.repeat(50)}`,
        },
        body,
      });
    },
  );

  test('two times in one header', async () => {
    const { body, headers } = good('generic-hmac');
    const [first] = headers['x-signature']!.split(',');
    await refused('generic-hmac', {
      headers: { ...headers, 'x-signature': `${first!},${headers['x-signature']!}` },
      body,
    });
  });

  test('a body that is signed and no JSON', async () => {
    await refused('shopify', fixtureOf('shopify').sign('{"id":1'), 400);
    await refused('shopify', fixtureOf('shopify').sign('7'), 400);
    await refused('shopify', fixtureOf('shopify').sign(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), 400);
  });

  test('a body of 10 MB', async () => {
    const gateway = await startFixtureGateway();
    const delivery = fixtureOf('shopify').sign(JSON.stringify({ id: 'x'.repeat(10 * 1024 * 1024) }));
    const reply = await deliverTo(gateway, 'shopify', delivery).catch(() => 'cut');
    // The rest of the body is not read, which the sender may notice first.
    if (typeof reply !== 'string') expect([reply.status, reply.code]).toEqual([413, 'GATEWAY_TOO_LARGE']);
    expect(await gateway.lines('shopify')).toEqual([]);
  });
});

test('without a secret an endpoint that needs one is closed', async () => {
  const closed = needSecret.map((provider) => {
    const { secrets: _secrets, ...settings } = fixtureOf(provider).settings;
    return [provider, settings];
  });
  const webhooks = Object.fromEntries(closed) as GatewayOptions['webhooks'];
  const gateway = await startFixtureGateway({ webhooks });
  for (const provider of needSecret) {
    const reply = await deliverTo(gateway, provider, fixtureOf(provider).sign(payloadOf(provider)));
    expect([provider, reply.status, reply.code]).toEqual([provider, 503, 'GATEWAY_NO_KEY']);
  }
});

test('one thousand deliveries of one event at once are one line, and each has its 2xx', async () => {
  const gateway = await startFixtureGateway();
  const delivery = fixtureOf('shopify').sign({
    id: 820982911946154508n.toString(),
    updated_at: '2026-02-01T10:00:00Z',
  });
  const replies: number[] = [];
  let waiting = 1_000;
  // As many at once as one source may have in work.
  await Promise.all(
    Array.from({ length: 250 }, async () => {
      while ((waiting -= 1) >= 0) replies.push((await deliverTo(gateway, 'shopify', delivery)).status);
    }),
  );
  expect(replies.length).toBe(1_000);
  expect(new Set(replies)).toEqual(new Set([200]));
  expect(gateway.counts()['shopify']).toEqual({ accepted: 1, repeated: 999, refused: 0 });
  expect(await gateway.lines('shopify')).toHaveLength(1);
});

test('all problems of the endpoints are told at once, without a secret', async () => {
  const error = await startFixtureGateway({
    webhooks: {
      one: { provider: 'nobody', secrets: ['s3cret'] },
      two: { provider: 'hubspot', secrets: ['s3cret'] },
      three: { provider: 'sendgrid', secrets: ['s3cret'] },
      four: { provider: 'ses', options: { topics: ['*'] } },
      five: { provider: 'ses', secrets: ['s3cret'], options: { topics: [] } },
      six: { provider: 'shopify', secrets: ['s3cret'], options: { shop: 'x' } },
      seven: { secrets: ['s3cret'] },
      eight: { provider: 'postmark', secrets: ['s3cret'] },
    },
  }).then(
    () => undefined,
    (raised: unknown) => raised as Error,
  );
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  for (const name of ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'])
    expect(error!.message).toContain(`gateway.webhooks.${name}`);
  expect(error!.message).not.toContain('s3cret');
});
