import { limits } from '../../core/limits.js';
import { isSecretText, refuseSetup, sha256 } from '../webhook/check.js';
import { parseExact, textAt } from '../webhook/exact-json.js';
import { formJson } from '../webhook/form-json.js';
import type { StoredDelivery, WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';
import { derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromText } from '../webhook/times.js';
import { mailchimpAudienceEvents } from './audience-events.js';

/**
 * Changes of an audience of Mailchimp: a form for each. Nothing is signed; Mailchimp advises a secret in the address. It asks
 * for the address by GET before it takes it. Source: https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/
 */
export const webhook: WebhookProvider = {
  title: 'Mailchimp',
  checks: 'a secret in the query of the address',
  secret: `what stands in the address given to Mailchimp: \`/webhooks/<source>?secret=…\`, at least ${String(limits.webhookKeyMinBytes)} bytes`,
  body: 'form',
  createVerifier,
  events,
  emailEvents: mailchimpAudienceEvents,
};

function createVerifier({ source, secrets }: WebhookSetup): WebhookVerifier {
  secrets.forEach((secret, index) => {
    if (Buffer.byteLength(secret) < limits.webhookKeyMinBytes)
      refuseSetup(
        source,
        `.secrets.${String(index)} must have at least ${String(limits.webhookKeyMinBytes)} bytes`,
      );
  });
  const known = secrets.map(sha256);
  const isKnown = (query: URLSearchParams) => {
    const given = query.getAll('secret');
    return given.length === 1 && isSecretText(known, given[0] ?? '');
  };
  return {
    begin({ query }) {
      if (!isKnown(query)) return 'its address has no secret, or not the one that is configured';
      return (body) => {
        const json = formJson(body.toString('utf8'));
        if (json === undefined) return { refused: 'its form says one thing twice, or is too large' };
        // A delivery has no id of its own; a repeat has the same bytes.
        return { accepted: { id: sha256(body).toString('hex'), json } };
      };
    },
    challenge: (query) => (isKnown(query) ? {} : undefined),
  };
}

function events({ body }: StoredDelivery): ProviderEvent[] {
  const value = parseExact(body);
  const type = textAt(value, 'type') ?? 'unknown';
  return [
    {
      id: derivedId(Buffer.from(body).toString('utf8')),
      type,
      objectType: type === 'campaign' ? 'campaign' : 'member',
      objectId:
        textAt(value, 'data', 'id') ?? textAt(value, 'data', 'new_id') ?? textAt(value, 'data', 'email'),
      occurredAt: firedAt(value),
      bytes: body,
      value,
    },
  ];
}

/** `fired_at` in UTC, as all times of Mailchimp's API are; it names no zone, and no part of a second. */
function firedAt(value: ProviderEvent['value']): string | undefined {
  return isoFromText(`${textAt(value, 'fired_at') ?? ''}Z`);
}
