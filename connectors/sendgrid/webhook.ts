import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { limits } from '../../core/limits.js';
import { refuseSetup, sha256, singleHeader, timeProblem } from '../webhook/check.js';
import { textAt } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromSeconds } from '../webhook/times.js';
import { sendgridEmailEvents } from './email-events.js';

/**
 * The signed event webhook of SendGrid: ECDSA on P-256 over the time stamp and the body as sent, line breaks included.
 * Source: `@sendgrid/eventwebhook`.
 */
export const webhook: WebhookProvider = {
  title: 'SendGrid',
  checks: 'ECDSA P-256 over time stamp and body',
  secret: 'the verification key of the event webhook (a public key in base64)',
  createVerifier,
  events,
  emailEvents: sendgridEmailEvents,
};

function createVerifier({ source, secrets, toleranceMs }: WebhookSetup): WebhookVerifier {
  const keys = secrets.map((secret, index) => readKey(source, index, secret));
  const tolerance = toleranceMs ?? limits.webhookToleranceMs;
  return {
    begin({ headers, nowMs }) {
      const timestamp = singleHeader(headers, 'x-twilio-email-event-webhook-timestamp');
      const signature = singleHeader(headers, 'x-twilio-email-event-webhook-signature');
      if (timestamp === undefined || signature === undefined) return 'its signature headers are missing';
      if (!/^\d{1,12}$/.test(timestamp)) return 'its time stamp is not in seconds';
      const stale = timeProblem(Number(timestamp) * 1000, nowMs, tolerance);
      if (stale !== undefined) return stale;
      if (!/^[A-Za-z0-9+/]{80,108}={0,2}$/.test(signature)) return 'its signature has no known form';
      return (body) => {
        const content = Buffer.concat([Buffer.from(timestamp), body]);
        const bytes = Buffer.from(signature, 'base64');
        let isValid = false;
        for (const key of keys) if (verify('sha256', content, key, bytes)) isValid = true;
        if (!isValid) return { refused: 'no signature fits its bytes' };
        return { accepted: { id: sha256(body).toString('hex') } };
      };
    },
  };
}

function readKey(source: string, index: number, secret: string): KeyObject {
  const text = secret.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '');
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // Said below, for every key that is none.
  }
  return refuseSetup(source, `.secrets.${String(index)} must be a P-256 public key, as SendGrid shows it`);
}

function events({ body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body).map(({ bytes, value }) => {
    const occurredAt = isoFromSeconds(textAt(value, 'timestamp'));
    return {
      id: textAt(value, 'sg_event_id') ?? derivedId(Buffer.from(bytes).toString('utf8')),
      type: textAt(value, 'event') ?? 'unknown',
      objectType: 'message',
      objectId: textAt(value, 'sg_message_id'),
      version: occurredAt,
      occurredAt,
      bytes,
      value,
    };
  });
}
