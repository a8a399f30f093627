import {
  hmac,
  isSignedByAny,
  refuseSetup,
  signatureBytes,
  singleHeader,
  textKeys,
} from '../webhook/check.js';
import { textAt } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromSeconds } from '../webhook/times.js';
import { mandrillEmailEvents } from './email-events.js';

/**
 * Mandrill (Mailchimp Transactional) posts a form with one field, a JSON array, and signs the registered address with all
 * fields. No time is signed. Source: Mailchimp Transactional documentation, "Authenticating webhook requests".
 */
export const webhook: WebhookProvider = {
  title: 'Mandrill',
  checks: 'HMAC-SHA1 over the registered address and the form',
  secret: 'the authentication key of the webhook, as text',
  needsPublicUrl: true,
  body: 'form',
  createVerifier,
  events,
  emailEvents: mandrillEmailEvents,
};

function createVerifier({ source, secrets, publicUrl }: WebhookSetup): WebhookVerifier {
  if (publicUrl === undefined)
    return refuseSetup(source, '.publicUrl is missing: Mandrill signs the address it calls');
  const keys = textKeys(secrets);
  return {
    begin({ headers }) {
      const signature = signatureBytes(singleHeader(headers, 'x-mandrill-signature'), 'base64', 20);
      if (signature === undefined) return 'X-Mandrill-Signature is missing or no signature';
      return (body) => {
        const fields = [...new URLSearchParams(body.toString('utf8'))];
        const names = fields.map(([name]) => name);
        if (names.length > 8 || new Set(names).size < names.length)
          return { refused: 'a field of its form comes twice, or it has too many' };
        const sorted = fields.sort(([a], [b]) => (a < b ? -1 : 1)).flat();
        if (!isSignedByAny(keys, (key) => hmac('sha1', key, publicUrl, ...sorted), signature))
          return { refused: 'no signature fits its form and its address' };
        const json = fields.find(([name]) => name === 'mandrill_events')?.[1];
        if (json === undefined) return { refused: 'its form has no field mandrill_events' };
        return { accepted: { id: signature.toString('hex'), json: Buffer.from(json) } };
      };
    },
  };
}

function events({ body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body).map(({ bytes, value }) => {
    const type = textAt(value, 'event') ?? textAt(value, 'type') ?? 'unknown';
    const occurredAt = isoFromSeconds(textAt(value, 'ts'));
    const messageId = textAt(value, '_id') ?? textAt(value, 'msg', '_id');
    return {
      id: derivedId(type, messageId, textAt(value, 'ts'), textAt(value, 'url')),
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
