import { limits } from '../../core/limits.js';
import { createPublicKeys } from '../webhook/public-keys.js';
import { parseExact, textAt, type ExactValue } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';
import type { ProviderEvent } from '../webhook/provider-event.js';
import { refuseSetup, singleHeader, timeProblem } from '../webhook/check.js';
import { isoFromText } from '../webhook/times.js';
import { sesEmailEvents } from './email-events.js';
import { certificateUrl, isSignedBySns, subscribeUrl } from './sns-message.js';

/**
 * Amazon SES through an SNS topic. A valid signature proves Amazon, not your topic, so the topic is pinned; a
 * subscription is confirmed for a pinned topic only, after its signature was checked. Sources: Amazon SNS documentation,
 * "Verifying the signatures of Amazon SNS messages", and `sns-validator`.
 */
export const webhook: WebhookProvider = {
  title: 'Amazon SES through SNS',
  checks: 'RSA over the fields that SNS names, with a certificate of an SNS host; topic pinned',
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['topics'],
    properties: {
      topics: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', pattern: '^arn:aws[a-z-]*:sns:[a-z0-9-]+:\\d{12}:[A-Za-z0-9_.-]{1,256}$' },
        description: 'ARNs of the topics that may send. Their subscriptions are confirmed.',
      },
    },
  },
  createVerifier,
  events,
  emailEvents: sesEmailEvents,
};

const types = ['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation'];

function createVerifier(setup: WebhookSetup): WebhookVerifier {
  const topics = setup.options['topics'] as readonly string[] | undefined;
  if (topics === undefined) refuseSetup(setup.source, '.options.topics is missing');
  const keys = createPublicKeys(setup.fetchPublic);
  const toleranceMs = setup.toleranceMs ?? limits.webhookSnsToleranceMs;
  return {
    begin({ headers, nowMs }) {
      const headType = singleHeader(headers, 'x-amz-sns-message-type');
      if (headType === undefined || !types.includes(headType)) return 'x-amz-sns-message-type is missing';
      return async (body) => {
        const message = parseExact(body);
        const id = textAt(message, 'MessageId');
        const topic = textAt(message, 'TopicArn');
        if (textAt(message, 'Type') !== headType) return { refused: 'its type differs from the header' };
        if (id === undefined || id.length > limits.webhookIdMaxLength) return { refused: 'it has no id' };
        const headId = singleHeader(headers, 'x-amz-sns-message-id');
        if (headId !== undefined && headId !== id) return { refused: 'its id differs from the header' };
        if (topic === undefined || !topics.includes(topic)) return { refused: 'its topic is not configured' };
        const sentAt = Date.parse(isoFromText(textAt(message, 'Timestamp')) ?? '');
        const stale = timeProblem(sentAt, nowMs, toleranceMs, limits.webhookToleranceMs);
        if (stale !== undefined) return { refused: stale };
        const url = certificateUrl(textAt(message, 'SigningCertURL'));
        if (url === undefined) return { refused: 'its certificate is not at an SNS host' };
        if (!isSignedBySns(message, await keys.get(url, nowMs)))
          return { refused: 'its signature does not fit its fields' };
        if (headType === 'Notification') return { accepted: { id } };
        return headType === 'SubscriptionConfirmation'
          ? confirm(setup, message)
          : { answered: { unsubscribed: true } };
      };
    },
  };
}

/** Visits the address by which SNS wants to be told that the subscription is wanted. */
async function confirm(setup: WebhookSetup, message: ExactValue) {
  const url = subscribeUrl(textAt(message, 'SubscribeURL'), textAt(message, 'TopicArn') ?? '');
  if (url === undefined) return { refused: 'its SubscribeURL is not at the SNS host of its topic' };
  await setup.fetchPublic(url);
  return { answered: { subscribed: true } };
}

/** The note by which SES tries a topic out; it is no event. */
const trial = 'Successfully validated SNS topic for Amazon SES event publishing.';

function events({ id, body }: StoredDelivery): ProviderEvent[] {
  const text = textAt(parseExact(body), 'Message') ?? '';
  if (text === trial) return [];
  const bytes = Buffer.from(text);
  const value = parseExact(bytes);
  const mail = isoFromText(textAt(value, 'mail', 'timestamp'));
  return [
    {
      id,
      type: textAt(value, 'eventType') ?? textAt(value, 'notificationType') ?? 'unknown',
      objectType: 'message',
      objectId: textAt(value, 'mail', 'messageId'),
      version: isoFromText(textAt(parseExact(body), 'Timestamp')) ?? mail,
      occurredAt: isoFromText(textAt(parseExact(body), 'Timestamp')) ?? mail,
      // What is no JSON stays inside its message, which is.
      bytes: value === undefined ? body : bytes,
      value,
    },
  ];
}
