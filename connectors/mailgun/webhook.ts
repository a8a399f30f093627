import { limits } from '../../core/limits.js';
import { hmac, isSignedByAny, sha256, signatureBytes, textKeys, timeProblem } from '../webhook/check.js';
import { parseExact, textAt, valueAt } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';
import type { ProviderEvent } from '../webhook/provider-event.js';
import { isoFromSeconds } from '../webhook/times.js';
import { mailgunEmailEvents } from './email-events.js';

/**
 * Mailgun signs a time stamp and a token inside the body, not the body: a token that comes again with another body is a
 * forgery. Source: Mailgun documentation, "Securing webhooks".
 */
export const webhook: WebhookProvider = {
  title: 'Mailgun',
  checks: 'HMAC-SHA256 over time stamp and token; a token is good for one body',
  secret: 'the HTTP webhook signing key, as text',
  createVerifier,
  events,
  emailEvents: mailgunEmailEvents,
};

function createVerifier({ secrets, toleranceMs }: WebhookSetup): WebhookVerifier {
  const keys = textKeys(secrets);
  const tolerance = toleranceMs ?? limits.webhookToleranceMs;
  return {
    begin:
      ({ nowMs }) =>
      (body) => {
        const signed = valueAt(parseExact(body), 'signature');
        const timestamp = textAt(signed, 'timestamp');
        const token = textAt(signed, 'token');
        const signature = signatureBytes(textAt(signed, 'signature'), 'hex', 32);
        if (timestamp === undefined || token === undefined || signature === undefined)
          return { refused: 'its body holds no signature' };
        if (token.length > limits.webhookIdMaxLength) return { refused: 'its token is too long' };
        if (!/^\d{1,12}$/.test(timestamp)) return { refused: 'its time stamp is not in seconds' };
        const stale = timeProblem(Number(timestamp) * 1000, nowMs, tolerance);
        if (stale !== undefined) return { refused: stale };
        if (!isSignedByAny(keys, (key) => hmac('sha256', key, timestamp, token), signature))
          return { refused: 'its signature does not fit its time stamp and token' };
        return { accepted: { id: token, binding: sha256(body).toString('base64') } };
      },
  };
}

function events({ id, body }: StoredDelivery): ProviderEvent[] {
  const value = parseExact(body);
  const data = valueAt(value, 'event-data');
  const occurredAt = isoFromSeconds(textAt(data, 'timestamp'));
  const ownId = textAt(data, 'id');
  return [
    {
      // The event's own id is unique within a day.
      id: ownId === undefined || occurredAt === undefined ? id : `${occurredAt.slice(0, 10)}/${ownId}`,
      type: textAt(data, 'event') ?? 'unknown',
      objectType: 'message',
      objectId: textAt(data, 'message', 'headers', 'message-id'),
      version: occurredAt,
      occurredAt,
      bytes: body,
      value,
    },
  ];
}
