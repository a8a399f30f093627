import { basicCredentials } from '../webhook/credentials.js';
import { textAt } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider } from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { brevoEmailEvents, brevoTime } from './email-events.js';

/** Brevo does not sign. Source: Brevo documentation, "Secure webhook calls" and "Transactional webhooks". */
export const webhook: WebhookProvider = {
  ...basicCredentials('Brevo'),
  events,
  emailEvents: brevoEmailEvents,
};

function events({ body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body).map(({ bytes, value }) => {
    const type = textAt(value, 'event') ?? 'unknown';
    const occurredAt = brevoTime(value);
    const messageId = textAt(value, 'message-id');
    return {
      id: derivedId(type, messageId, textAt(value, 'email'), occurredAt, textAt(value, 'link')),
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
