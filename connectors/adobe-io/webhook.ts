import { verify } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { createPublicKeys } from '../webhook/public-keys.js';
import { refuseSetup, singleHeader } from '../webhook/check.js';
import { parseExact, textAt, valueAt, type ExactValue } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromText } from '../webhook/times.js';

const keyHost = 'https://static.adobeioevents.com';
const keyPath = /^\/[a-z0-9-]{1,32}\/keys\/pub-key-[A-Za-z0-9-]{1,64}\.pem$/;

/**
 * Adobe I/O Events, by which Adobe Commerce sends. Each delivery has two signatures, of which one must fit; the keys lie
 * at a fixed host, and the body must name the project it is for. No time is signed. Sources: Adobe documentation,
 * "Signature verification for events", `adobe/aio-lib-events`, `adobe/aio-lib-java`.
 */
export const webhook: WebhookProvider = {
  title: 'Adobe I/O Events (Adobe Commerce)',
  checks: 'RSA-SHA256 over the body with a key of static.adobeioevents.com; recipient pinned',
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['clientId'],
    properties: {
      clientId: {
        type: 'string',
        pattern: '^[A-Za-z0-9_-]{8,128}$',
        description: 'Client id (API key) of the Adobe project; events for another one are refused.',
      },
    },
  },
  createVerifier,
  events,
};

function createVerifier(setup: WebhookSetup): WebhookVerifier {
  const { clientId } = setup.options;
  if (typeof clientId !== 'string') refuseSetup(setup.source, '.options.clientId is missing');
  const keys = createPublicKeys(setup.fetchPublic);
  return {
    begin({ headers, nowMs }) {
      const signatures = readSignatures(headers);
      if (signatures.length === 0)
        return 'its signature or the path of its key is missing or has no known form';
      return async (body) => {
        const value = parseExact(body);
        if (recipientOf(value) !== clientId) return { refused: 'it is for another client id' };
        for (const { path, bytes } of signatures) {
          const key = await keys.get(new URL(path, keyHost), nowMs);
          if (key.asymmetricKeyType === 'rsa' && verify('sha256', body, key, bytes)) {
            const id = idOf(value) ?? derivedId(body.toString('utf8'));
            return { accepted: { id } };
          }
        }
        return { refused: 'no signature fits its bytes' };
      };
    },
    challenge(query) {
      const challenge = query.get('challenge');
      return challenge !== null && /^[\w-]{1,128}$/.test(challenge) ? { challenge } : undefined;
    },
  };
}

function readSignatures(headers: IncomingHttpHeaders): { path: string; bytes: Buffer }[] {
  return ['1', '2'].flatMap((number) => {
    const path = singleHeader(headers, `x-adobe-public-key${number}-path`);
    const signature = singleHeader(headers, `x-adobe-digital-signature-${number}`);
    if (path === undefined || !keyPath.test(path)) return [];
    if (signature === undefined || !/^[A-Za-z0-9+/]{340,690}={0,2}$/.test(signature)) return [];
    return [{ path, bytes: Buffer.from(signature, 'base64') }];
  });
}

/** CloudEvents carry it beside their data, older ones inside their event. */
function recipientOf(value: ExactValue): string | undefined {
  return textAt(value, 'recipient_client_id') ?? textAt(value, 'recipientclientid');
}

function idOf(value: ExactValue): string | undefined {
  return textAt(value, 'event_id') ?? textAt(value, 'id') ?? textAt(value, 'event', '@id');
}

function events({ body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body).map(({ bytes, value }) => {
    const data = valueAt(value, 'data', 'value') ?? valueAt(value, 'event', 'data', 'value');
    const occurredAt = isoFromText(textAt(value, 'time'));
    // Commerce tells times of a row in UTC, without saying so.
    const updatedAt = textAt(data, 'updated_at');
    return {
      id: idOf(value) ?? derivedId(Buffer.from(bytes).toString('utf8')),
      type: textAt(value, 'type') ?? textAt(value, 'event', 'metadata', 'event', 'type') ?? 'unknown',
      objectType: textAt(value, 'type')?.split('.').at(-1),
      objectId: textAt(data, 'entity_id') ?? textAt(data, 'id'),
      version: isoFromText(updatedAt === undefined ? undefined : `${updatedAt}Z`) ?? occurredAt,
      occurredAt,
      bytes,
      value,
    };
  });
}
