import { createCredentialVerifier, credentialOptions } from '../webhook/credentials.js';
import { textAt } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider } from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromSeconds } from '../webhook/times.js';
import { sparkpostEmailEvents, sparkpostEvent } from './email-events.js';

/** SparkPost does not sign; batches of up to some thousand events come. Source: SparkPost documentation, "Webhooks". */
export const webhook: WebhookProvider = {
  title: 'SparkPost',
  checks: 'Basic authentication, or a secret in a header of your choice',
  secret: '`user:password`, as given to SparkPost',
  options: { type: 'object', additionalProperties: false, properties: credentialOptions },
  createVerifier: (setup) => createCredentialVerifier(setup, 'basic'),
  events,
  emailEvents: sparkpostEmailEvents,
};

function events({ body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body).flatMap(({ bytes, value }) => {
    const event = sparkpostEvent(value);
    if (event === undefined && value !== undefined) return [];
    const occurredAt = isoFromSeconds(textAt(event, 'timestamp'));
    return [
      {
        id: textAt(event, 'event_id') ?? derivedId(Buffer.from(bytes).toString('utf8')),
        type: textAt(event, 'type') ?? 'unknown',
        objectType: 'message',
        objectId: textAt(event, 'message_id'),
        version: occurredAt,
        occurredAt,
        bytes,
        value,
      },
    ];
  });
}
