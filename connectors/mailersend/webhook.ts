import { hmac, isSignedByAny, signatureBytes, singleHeader, textKeys } from '../webhook/check.js';
import { textAt } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromText } from '../webhook/times.js';
import { mailersendEmailEvents } from './email-events.js';

/** MailerSend. No time is signed. Source: MailerSend documentation, "Webhooks", section "Security". */
export const webhook: WebhookProvider = {
  title: 'MailerSend',
  checks: 'HMAC-SHA256 over the body',
  secret: 'the signing secret of the webhook, as text',
  createVerifier,
  events,
  emailEvents: mailersendEmailEvents,
};

function createVerifier({ secrets }: WebhookSetup): WebhookVerifier {
  const keys = textKeys(secrets);
  return {
    begin({ headers }) {
      const signature = signatureBytes(singleHeader(headers, 'signature'), 'hex', 32);
      if (signature === undefined) return 'the header Signature is missing or no signature';
      return (body) =>
        isSignedByAny(keys, (key) => hmac('sha256', key, body), signature)
          ? { accepted: { id: signature.toString('hex') } }
          : { refused: 'no signature fits its bytes' };
    },
  };
}

function events({ body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body)
    .filter(({ value }) => textAt(value, 'type') !== 'webhook.test')
    .map(({ bytes, value }) => {
      const occurredAt = isoFromText(textAt(value, 'created_at') ?? textAt(value, 'data', 'created_at'));
      const type = textAt(value, 'type') ?? 'unknown';
      return {
        id: textAt(value, 'data', 'id') ?? derivedId(Buffer.from(bytes).toString('utf8')),
        type,
        objectType: 'message',
        objectId: textAt(value, 'data', 'message_id') ?? textAt(value, 'data', 'email', 'message', 'id'),
        version: occurredAt,
        occurredAt,
        bytes,
        value,
      };
    });
}
