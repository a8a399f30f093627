import { isSignedByAny, hmac, signatureBytes, singleHeader, textKeys } from '../webhook/check.js';
import { textAt } from '../webhook/exact-json.js';
import { sliceElements } from '../json-slices.js';
import type { StoredDelivery, WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromText } from '../webhook/times.js';

/**
 * The webhook destination of Segment. It signs a single event whole, and of a batch the first event only, so a batch is
 * refused unless its unsigned rest is accepted on purpose. Source: `segmentio/action-destinations`, destination "webhook".
 */
export const webhook: WebhookProvider = {
  title: 'Segment (webhook destination)',
  checks: 'HMAC-SHA1 over the body',
  secret: 'the shared secret of the destination, as text',
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      acceptBatches: {
        type: 'boolean',
        description:
          'Take batches, of which Segment signs the first event only: whoever has seen one delivery can then put events of their own behind its first one.',
      },
    },
  },
  createVerifier,
  events,
};

function createVerifier({ secrets, options }: WebhookSetup): WebhookVerifier {
  const keys = textKeys(secrets);
  const acceptBatches = options['acceptBatches'] === true;
  return {
    begin({ headers }) {
      const signature = signatureBytes(singleHeader(headers, 'x-signature'), 'hex', 20);
      if (signature === undefined) return 'X-Signature is missing or no signature';
      return (body) => {
        const id = signature.toString('hex');
        const isSigned = (bytes: Uint8Array) =>
          isSignedByAny(keys, (key) => hmac('sha1', key, bytes), signature);
        if (isSigned(body)) return { accepted: { id } };
        const [first] = acceptBatches && body[0] === 0x5b ? sliceElements(body) : [];
        if (first !== undefined && isSigned(first))
          return { accepted: { id: derivedId(body.toString('utf8')) } };
        const hint = body[0] === 0x5b && !acceptBatches ? '; batches need the option acceptBatches' : '';
        return { refused: `no signature fits its bytes${hint}` };
      };
    },
  };
}

function events({ body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body).map(({ bytes, value }) => {
    const occurredAt = isoFromText(textAt(value, 'timestamp'));
    const id = textAt(value, 'messageId') ?? derivedId(Buffer.from(bytes).toString('utf8'));
    return {
      id,
      type: textAt(value, 'type') ?? 'unknown',
      objectType: 'event',
      objectId: id,
      version: occurredAt,
      occurredAt,
      bytes,
      value,
    };
  });
}
