import { createHash, createHmac } from 'node:crypto';
import { jsonHeaders, secondsOf, textOf, type SignOptions, type WebhookFixture } from './fixture.js';

interface HmacScheme {
  readonly provider: string;
  /** The current and the former secret. */
  readonly secrets: readonly [string, string];
  readonly publicUrl?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Headers and body of a payload's text. */
  sign(
    text: string,
    secret: string,
    options: SignOptions,
  ): { readonly headers: Readonly<Record<string, string>>; readonly body?: string };
}

const mac = (algorithm: string, secret: string | Buffer, text: string, encoding: 'hex' | 'base64') =>
  createHmac(algorithm, secret).update(text).digest(encoding);

const standardSecrets = [
  'whsec_c3RhbmRhcmQtd2ViaG9va3Mta2V5LTE=',
  'whsec_c3RhbmRhcmQtd2ViaG9va3Mta2V5LTI=',
] as const;

function signStandard(prefix: string): HmacScheme['sign'] {
  return (text, secret, { id = `msg_${digest(text)}`, at }) => {
    const timestamp = secondsOf(at);
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    return {
      headers: {
        [`${prefix}id`]: id,
        [`${prefix}timestamp`]: timestamp,
        [`${prefix}signature`]: `v1,${mac('sha256', key, `${id}.${timestamp}.${text}`, 'base64')}`,
      },
    };
  };
}

const schemes: readonly HmacScheme[] = [
  { provider: 'standard-webhooks', secrets: standardSecrets, sign: signStandard('webhook-') },
  { provider: 'resend', secrets: standardSecrets, sign: signStandard('svix-') },
  {
    provider: 'shopify',
    secrets: ['shopify-client-secret', 'shopify-former-secret'],
    sign(text, secret, { id = `event-${digest(text)}`, extra }) {
      const { family = 'x-shopify-', ...rest } = extra ?? {};
      const headers = {
        topic: 'orders/updated',
        'shop-domain': 'fixture.myshopify.com',
        'hmac-sha256': mac('sha256', secret, text, 'base64'),
        'event-id': id,
        'webhook-id': `hook-${id}`,
        'api-version': '2026-01',
        ...rest,
      };
      return {
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [family + name, value])),
      };
    },
  },
  {
    provider: 'segment',
    secrets: ['segment-shared-secret', 'segment-former-secret'],
    options: { acceptBatches: true },
    sign(text, secret) {
      const value = JSON.parse(text) as unknown;
      // Of a batch, the first event only.
      const signed = Array.isArray(value) ? JSON.stringify(value[0]) : text;
      return { headers: { 'x-signature': mac('sha1', secret, signed, 'hex') } };
    },
  },
  {
    provider: 'mailgun',
    secrets: ['mailgun-signing-key', 'mailgun-former-key'],
    sign(text, secret, { id, at }) {
      const timestamp = secondsOf(at);
      const token = (id ?? digest(text)).padEnd(50, '0');
      const signature = { timestamp, token, signature: mac('sha256', secret, timestamp + token, 'hex') };
      return { headers: {}, body: `{"signature":${JSON.stringify(signature)},"event-data":${text}}` };
    },
  },
  {
    provider: 'hubspot',
    secrets: ['hubspot-client-secret', 'hubspot-former-secret'],
    publicUrl: 'https://hooks.example.com/webhooks/hubspot',
    options: { versions: ['v1', 'v2', 'v3'] },
    sign(text, secret, { at = new Date(), extra }) {
      const url = 'https://hooks.example.com/webhooks/hubspot';
      const version = extra?.['version'] ?? 'v3';
      const sha = (content: string) => createHash('sha256').update(content).digest('hex');
      if (version === 'v1') return { headers: { 'x-hubspot-signature': sha(secret + text) } };
      if (version === 'v2')
        return {
          headers: {
            'x-hubspot-signature': sha(`${secret}POST${url}${text}`),
            'x-hubspot-signature-version': 'v2',
          },
        };
      const timestamp = String(at.getTime());
      return {
        headers: {
          'x-hubspot-request-timestamp': timestamp,
          'x-hubspot-signature-v3': mac('sha256', secret, `POST${url}${text}${timestamp}`, 'base64'),
        },
      };
    },
  },
  {
    provider: 'mandrill',
    secrets: ['mandrill-webhook-key', 'mandrill-former-key'],
    publicUrl: 'https://hooks.example.com/webhooks/mandrill',
    sign(text, secret) {
      const signed = `https://hooks.example.com/webhooks/mandrillmandrill_events${text}`;
      return {
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-mandrill-signature': mac('sha1', secret, signed, 'base64'),
        },
        body: new URLSearchParams({ mandrill_events: text }).toString(),
      };
    },
  },
  {
    provider: 'mailersend',
    secrets: ['mailersend-signing-secret', 'mailersend-former-secret'],
    sign: (text, secret) => ({ headers: { signature: mac('sha256', secret, text, 'hex') } }),
  },
  {
    provider: 'generic-hmac',
    secrets: ['generic-secret', 'generic-former-secret'],
    options: { header: 'X-Signature', combined: true },
    sign(text, secret, { at }) {
      const timestamp = secondsOf(at);
      return {
        headers: {
          'x-signature': `t=${timestamp},v1=${mac('sha256', secret, `${timestamp}.${text}`, 'hex')}`,
        },
      };
    },
  },
];

/** Providers that sign with a shared secret. */
export const hmacFixtures: readonly WebhookFixture[] = schemes.map(
  ({ provider, secrets, publicUrl, options, sign }) => ({
    provider,
    settings: {
      provider,
      secrets,
      ...(publicUrl !== undefined && { publicUrl }),
      ...(options !== undefined && { options }),
    },
    formerSecret: secrets[1],
    publicFiles: {},
    sign(payload, asked = {}) {
      const text = textOf(payload);
      const { headers, body = text } = sign(text, asked.secret ?? secrets[0], asked);
      return { headers: { ...jsonHeaders, ...headers }, body: Buffer.from(body) };
    },
  }),
);

const credentials: readonly { readonly provider: string; readonly scheme: 'Basic' | 'Bearer' }[] = [
  { provider: 'postmark', scheme: 'Basic' },
  { provider: 'brevo', scheme: 'Basic' },
  { provider: 'mailjet', scheme: 'Basic' },
  { provider: 'sparkpost', scheme: 'Basic' },
  { provider: 'generic-basic', scheme: 'Basic' },
  { provider: 'generic-bearer', scheme: 'Bearer' },
];

/** Providers that send a secret with each delivery. */
export const credentialFixtures: readonly WebhookFixture[] = credentials.map(({ provider, scheme }) => {
  const user = scheme === 'Basic' ? `${provider}:` : '';
  const secrets = [`${user}current-password`, `${user}former-password`] as const;
  return {
    provider,
    settings: { provider, secrets },
    formerSecret: secrets[1],
    publicFiles: {},
    sign(payload, { secret = secrets[0] } = {}) {
      const value = scheme === 'Basic' ? Buffer.from(secret).toString('base64') : secret;
      return {
        headers: { ...jsonHeaders, authorization: `${scheme} ${value}` },
        body: Buffer.from(textOf(payload)),
      };
    },
  };
});

const mailchimpSecrets = ['mailchimp-current-secret', 'mailchimp-former-secret'] as const;

/** Mailchimp's audiences: a form, and a secret in the address. */
export const mailchimpFixture: WebhookFixture = {
  provider: 'mailchimp',
  settings: { provider: 'mailchimp', secrets: mailchimpSecrets },
  formerSecret: mailchimpSecrets[1],
  publicFiles: {},
  sign: (payload, { secret = mailchimpSecrets[0] } = {}) => ({
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(new URLSearchParams(formFields(JSON.parse(textOf(payload)))).toString()),
    query: `?${new URLSearchParams({ secret }).toString()}`,
  }),
};

/** Fields of a form as PHP names them: `data[merges][FNAME]`. */
function formFields(value: unknown, name = ''): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[name, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) =>
    formFields(inner, name === '' ? key : `${name}[${key}]`),
  );
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}
