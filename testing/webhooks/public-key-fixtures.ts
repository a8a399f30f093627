import { createHash, createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createTestCertificate } from './certificate.js';
import { jsonHeaders, secondsOf, textOf, type WebhookFixture } from './fixture.js';

/** SendGrid's signed event webhook, with a key of its own. */
export function createSendgridFixture(): WebhookFixture {
  const pairs = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }));
  const publicTexts = pairs.map(({ publicKey }) =>
    publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  );
  const former = publicTexts[1] ?? '';
  return {
    provider: 'sendgrid',
    settings: { provider: 'sendgrid', secrets: publicTexts },
    formerSecret: former,
    publicFiles: {},
    sign(payload, { at, secret } = {}) {
      const body = textOf(payload);
      const timestamp = secondsOf(at);
      const known = secret === undefined ? 0 : publicTexts.indexOf(secret);
      const key =
        pairs[known]?.privateKey ?? generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
      return {
        headers: {
          ...jsonHeaders,
          'x-twilio-email-event-webhook-timestamp': timestamp,
          'x-twilio-email-event-webhook-signature': sign(
            'sha256',
            Buffer.from(timestamp + body),
            key,
          ).toString('base64'),
        },
        body: Buffer.from(body),
      };
    },
  };
}

const region = 'eu-west-1';
const topicArn = `arn:aws:sns:${region}:123456789012:ses-events`;
const snsHost = `https://sns.${region}.amazonaws.com`;

/** Amazon SES through SNS. The payload is the event of SES; `extra` may change fields of the message. */
export function createSesFixture(): WebhookFixture {
  const { cert, key } = createTestCertificate({ name: 'sns.amazonaws.com' });
  const privateKey = createPrivateKey(key);
  const certificate = `${snsHost}/SimpleNotificationService-fixture.pem`;
  return {
    provider: 'ses',
    settings: { provider: 'ses', options: { topics: [topicArn] } },
    publicFiles: { [certificate]: cert },
    sign(payload, { id, at = new Date(), extra } = {}) {
      const text = textOf(payload);
      const type = extra?.['Type'] ?? 'Notification';
      const isSubscription = type !== 'Notification';
      const topic = extra?.['TopicArn'] ?? topicArn;
      const fields: Record<string, string> = {
        Type: type,
        MessageId: id ?? uuidOf(text),
        TopicArn: topic,
        Message: text,
        Timestamp: at.toISOString(),
        SignatureVersion: '2',
        SigningCertURL: certificate,
        ...(isSubscription && {
          Token: 'fixture-token',
          SubscribeURL: `${snsHost}/?Action=ConfirmSubscription&TopicArn=${encodeURIComponent(topic)}&Token=fixture-token`,
        }),
        ...extra,
      };
      const signature = signSns(fields, privateKey);
      return {
        headers: {
          // SNS calls its JSON a plain text.
          'content-type': 'text/plain; charset=UTF-8',
          'x-amz-sns-message-type': type,
          'x-amz-sns-message-id': fields['MessageId'] ?? '',
        },
        body: Buffer.from(JSON.stringify({ ...fields, Signature: signature })),
      };
    },
  };
}

function signSns(fields: Readonly<Record<string, string>>, key: KeyObject): string {
  const names =
    fields['Type'] === 'Notification'
      ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  const lines = names.filter((name) => name in fields).map((name) => `${name}\n${fields[name] ?? ''}\n`);
  const algorithm = fields['SignatureVersion'] === '1' ? 'RSA-SHA1' : 'RSA-SHA256';
  return sign(algorithm, Buffer.from(lines.join('')), key).toString('base64');
}

/** Adobe I/O Events. The payload is the event without its recipient, or its exact text. */
export function createAdobeFixture(): WebhookFixture {
  const clientId = 'fixtureclientid0123456789';
  const pairs = [1, 2].map((number) => ({
    path: `/prod/keys/pub-key-fixture-${String(number)}.pem`,
    ...generateKeyPairSync('rsa', { modulusLength: 2048 }),
  }));
  return {
    provider: 'adobe-io',
    settings: { provider: 'adobe-io', options: { clientId } },
    publicFiles: Object.fromEntries(
      pairs.map(({ path, publicKey }) => [
        `https://static.adobeioevents.com${path}`,
        publicKey.export({ type: 'spki', format: 'pem' }) as string,
      ]),
    ),
    sign(payload, { extra } = {}) {
      const recipient = extra?.['recipient'] ?? clientId;
      const text =
        typeof payload === 'string'
          ? payload
          : JSON.stringify({ ...(payload as object), recipient_client_id: recipient });
      const headers: Record<string, string> = { ...jsonHeaders };
      for (const [index, { path, privateKey }] of pairs.entries()) {
        const signature = sign('sha256', Buffer.from(text), privateKey).toString('base64');
        headers[`x-adobe-public-key${String(index + 1)}-path`] = path;
        headers[`x-adobe-digital-signature-${String(index + 1)}`] = signature;
      }
      return { headers, body: Buffer.from(text) };
    },
  };
}

function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
