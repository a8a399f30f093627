import { basicCredentials } from '../webhook/credentials.js';
import { textAt } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider } from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromSeconds } from '../webhook/times.js';
import { mailjetEmailEvents } from './email-events.js';

/** Mailjet does not sign; one event or a group of them comes. Source: Mailjet documentation, "Event API". */
export const webhook: WebhookProvider = {
  ...basicCredentials('Mailjet'),
  events,
  emailEvents: mailjetEmailEvents,
};

function events({ body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body).map(({ bytes, value }) => {
    const type = textAt(value, 'event') ?? 'unknown';
    const messageId = textAt(value, 'MessageID');
    const occurredAt = isoFromSeconds(textAt(value, 'time'));
    return {
      id: derivedId(
        type,
        messageId,
        textAt(value, 'email'),
        textAt(value, 'time'),
        textAt(value, 'url') ?? textAt(value, 'error'),
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
