import { verify, type KeyObject } from 'node:crypto';
import { textAt, valueAt, type ExactValue } from '../webhook/exact-json.js';

const host = /^sns\.([a-z0-9-]{3,32})\.amazonaws\.com(\.cn)?$/;

/** Fields that are signed, in their order; one that is absent is left out. */
const notificationFields = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'];
const subscriptionFields = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];

/** Whether the key's owner signed the message: SHA1 for version 1, SHA256 for version 2. */
export function isSignedBySns(message: ExactValue, key: KeyObject): boolean {
  const algorithm = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' }[textAt(message, 'SignatureVersion') ?? ''];
  const signature = textAt(message, 'Signature');
  if (algorithm === undefined || signature === undefined || key.asymmetricKeyType !== 'rsa') return false;
  const fields = textAt(message, 'Type') === 'Notification' ? notificationFields : subscriptionFields;
  const lines = fields.flatMap((name) => {
    const value = valueAt(message, name);
    return typeof value === 'string' ? [`${name}\n${value}\n`] : [];
  });
  return verify(algorithm, Buffer.from(lines.join('')), key, Buffer.from(signature, 'base64'));
}

/** The address of a certificate, if it is one of SNS. */
export function certificateUrl(text: string | undefined): URL | undefined {
  const url = snsUrl(text);
  return url?.pathname.endsWith('.pem') === true && url.search === '' ? url : undefined;
}

/** The address that confirms a subscription, if it is at the SNS host of the topic's own region and about this topic. */
export function subscribeUrl(text: string | undefined, topicArn: string): URL | undefined {
  const url = snsUrl(text);
  if (url === undefined || host.exec(url.hostname)?.[1] !== topicArn.split(':')[3]) return undefined;
  const isConfirmation =
    url.searchParams.get('Action') === 'ConfirmSubscription' && url.searchParams.get('TopicArn') === topicArn;
  return isConfirmation ? url : undefined;
}

/** HTTPS, an SNS host, its usual port, nobody's name in it. */
function snsUrl(text: string | undefined): URL | undefined {
  if (text === undefined || text.length > 2_048 || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlain = url.username === '' && url.password === '' && url.port === '';
  return url.protocol === 'https:' && host.test(url.hostname) && isPlain ? url : undefined;
}
