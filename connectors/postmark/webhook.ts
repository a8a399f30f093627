import { basicCredentials } from '../webhook/credentials.js';
import { textAt, valueAt } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider } from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { postmarkEmailEvents, postmarkTime } from './email-events.js';

/** Postmark does not sign. Source: Postmark documentation, "Webhooks overview". */
export const webhook: WebhookProvider = {
  ...basicCredentials('Postmark'),
  events,
  emailEvents: postmarkEmailEvents,
};

function events({ body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body).map(({ bytes, value }) => {
    const type = textAt(value, 'RecordType') ?? 'unknown';
    const occurredAt = postmarkTime(value);
    const messageId = textAt(value, 'MessageID');
    const recipient = textAt(value, 'Email') ?? textAt(value, 'Recipient');
    return {
      id: derivedId(
        type,
        textAt(value, 'ID'),
        textAt(value, 'Type'),
        messageId,
        recipient,
        occurredAt,
        textAt(value, 'OriginalLink') ?? String(valueAt(value, 'SuppressSending') ?? ''),
      ),
      type,
      objectType: 'message',
      objectId: messageId,
      version: occurredAt,
      occurredAt,
      bytes,
      value,
    };
  });
}
