import { limits } from '../../core/limits.js';
import {
  hmac,
  isSignedByAny,
  refuseSetup,
  sha256,
  signatureBytes,
  singleHeader,
  textKeys,
  timeProblem,
} from '../webhook/check.js';
import { textAt } from '../webhook/exact-json.js';
import type {
  BodyCheck,
  StoredDelivery,
  WebhookHead,
  WebhookProvider,
  WebhookSetup,
  WebhookVerifier,
} from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromMilliseconds } from '../webhook/times.js';

/**
 * HubSpot. Version 3 signs a time; 1 and 2 do not, so a delivery signed by them can be repeated for ever, and they are
 * taken only where the options say so. Source: HubSpot documentation, "Validating requests", and `@hubspot/api-client`.
 */
export const webhook: WebhookProvider = {
  title: 'HubSpot',
  checks: 'v3: HMAC-SHA256 over method, address, body and time; v1 and v2 (SHA-256) on request',
  secret: 'the client secret of the app, as text',
  needsPublicUrl: true,
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      versions: {
        type: 'array',
        minItems: 1,
        items: { enum: ['v1', 'v2', 'v3'] },
        description: 'Versions of the signature that are taken. Default: `["v3"]`.',
      },
    },
  },
  createVerifier,
  events,
};

function createVerifier(setup: WebhookSetup): WebhookVerifier {
  const { secrets, publicUrl } = setup;
  if (publicUrl === undefined)
    return refuseSetup(setup.source, '.publicUrl is missing: HubSpot signs the address it calls');
  const versions = (setup.options['versions'] as readonly string[] | undefined) ?? ['v3'];
  const toleranceMs = setup.toleranceMs ?? limits.webhookToleranceMs;
  const keys = textKeys(secrets);
  const signedUrl = decodeSigned(publicUrl);

  const checkV3 = ({ headers, nowMs }: WebhookHead): BodyCheck | string => {
    const timestamp = singleHeader(headers, 'x-hubspot-request-timestamp');
    const signature = signatureBytes(singleHeader(headers, 'x-hubspot-signature-v3'), 'base64', 32);
    if (timestamp === undefined || signature === undefined || !/^\d{1,15}$/.test(timestamp))
      return 'its v3 signature or its time is missing or has no known form';
    const stale = timeProblem(Number(timestamp), nowMs, toleranceMs);
    if (stale !== undefined) return stale;
    return (body) =>
      isSignedByAny(keys, (key) => hmac('sha256', key, 'POST', signedUrl, body, timestamp), signature)
        ? { accepted: { id: sha256(body).toString('hex') } }
        : { refused: 'no v3 signature fits its bytes and its address' };
  };

  const checkOld = ({ headers }: WebhookHead): BodyCheck | string => {
    const version = singleHeader(headers, 'x-hubspot-signature-version') ?? 'v1';
    const signature = signatureBytes(singleHeader(headers, 'x-hubspot-signature'), 'hex', 32);
    if (!versions.includes(version) || version === 'v3')
      return `signatures of version ${version} are not taken`;
    if (signature === undefined) return 'X-HubSpot-Signature is missing or no signature';
    const middle = version === 'v2' ? `POST${publicUrl}` : '';
    return (body) => {
      const rest = Buffer.concat([Buffer.from(middle), body]);
      const sign = (secret: string) => sha256(Buffer.concat([Buffer.from(secret), rest]));
      return isSignedByAny(secrets, sign, signature)
        ? { accepted: { id: sha256(body).toString('hex') } }
        : { refused: `no ${version} signature fits its bytes` };
    };
  };

  return {
    begin: (head) => {
      // A delivery that carries the better signature is never judged by the worse one.
      const isV3 = head.headers['x-hubspot-signature-v3'] !== undefined;
      return isV3 && versions.includes('v3') ? checkV3(head) : checkOld(head);
    },
  };
}

/** HubSpot decodes these escapes of an address before it signs. */
function decodeSigned(url: string): string {
  return url.replace(/%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi, (escape) => decodeURIComponent(escape));
}

function events({ body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body).map(({ bytes, value }) => {
    const occurredAt = isoFromMilliseconds(textAt(value, 'occurredAt'));
    const type = textAt(value, 'subscriptionType') ?? 'unknown';
    const eventId = textAt(value, 'eventId');
    const objectId = textAt(value, 'objectId');
    return {
      // An eventId alone is not promised to be unique, and two subscriptions may tell of one change.
      id: derivedId(eventId, textAt(value, 'subscriptionId'), objectId, occurredAt),
      type: [type, textAt(value, 'propertyName')].filter((part) => part !== undefined).join(':'),
      objectType: type.split('.', 1)[0],
      objectId,
      version: occurredAt,
      occurredAt,
      bytes,
      value,
    };
  });
}
