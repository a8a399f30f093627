import type { IncomingHttpHeaders } from 'node:http';
import { hmac, isSignedByAny, signatureBytes, singleHeader, textKeys } from '../webhook/check.js';
import { textAt } from '../webhook/exact-json.js';
import type { StoredDelivery, WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';
import { bodyElements, derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromText } from '../webhook/times.js';

const families = ['shopify-', 'x-shopify-'] as const;

/**
 * Shopify, with the headers of webhooks (`X-Shopify-…`) and of events (`shopify-…`). Only the body is signed: the topic and
 * the ids are not, so a repeat under another id is known by the signature itself, and the state of a table is decided by
 * `id` and `updated_at` in the body. Source: Shopify documentation, "Verify webhook deliveries", and `@shopify/shopify-api`.
 */
export const webhook: WebhookProvider = {
  title: 'Shopify',
  checks: 'HMAC-SHA256 over the body, both families of headers; optionally the shop',
  secret: 'the client secret of the app, as text',
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      shops: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', pattern: '^[a-z0-9-]+\\.myshopify\\.com$' },
        description: 'Shops that may send (`name.myshopify.com`); without it, every shop of the app.',
      },
    },
  },
  createVerifier,
  events,
};

function createVerifier({ secrets, options }: WebhookSetup): WebhookVerifier {
  const keys = textKeys(secrets);
  const shops = options['shops'] as readonly string[] | undefined;
  return {
    begin({ headers }) {
      const family = families.find((prefix) => headers[`${prefix}hmac-sha256`] !== undefined);
      if (family === undefined) return 'X-Shopify-Hmac-Sha256 is missing';
      const signature = signatureBytes(singleHeader(headers, `${family}hmac-sha256`), 'base64', 32);
      if (signature === undefined) return `${family}hmac-sha256 is no signature`;
      const kept = keepHeaders(headers, family);
      const { topic, shop } = kept;
      if (topic === undefined) return `${family}topic is missing`;
      if (shops !== undefined && !shops.includes(shop ?? ''))
        return 'its shop is not among the configured ones';
      return (body) => {
        if (!isSignedByAny(keys, (key) => hmac('sha256', key, body), signature))
          return { refused: 'no signature fits its bytes' };
        const repeatKey = `${signature.toString('base64')} ${topic} ${shop ?? ''}`;
        return { accepted: { id: kept['eventId'] ?? derivedId(repeatKey), repeatKey, kept } };
      };
    },
  };
}

const keptHeaders = {
  topic: 'topic',
  shop: 'shop-domain',
  eventId: 'event-id',
  webhookId: 'webhook-id',
  triggeredAt: 'triggered-at',
  apiVersion: 'api-version',
  action: 'action',
  resourceId: 'resource-id',
} as const;

function keepHeaders(headers: IncomingHttpHeaders, family: string): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, header] of Object.entries(keptHeaders)) {
    const value = singleHeader(headers, `${family}${header}`);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

function events({ id, kept, body }: StoredDelivery): ProviderEvent[] {
  return bodyElements(body).map(({ bytes, value }) => {
    const triggeredAt = isoFromText(kept['triggeredAt']);
    const updatedAt = isoFromText(textAt(value, 'updated_at'));
    return {
      id,
      type: kept['topic'] ?? 'unknown',
      objectType: kept['topic']?.split('/', 1)[0],
      objectId: textAt(value, 'id') ?? kept['resourceId'],
      version: updatedAt ?? triggeredAt,
      occurredAt: triggeredAt ?? updatedAt,
      bytes,
      value,
    };
  });
}
