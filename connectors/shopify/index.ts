import { PipelineError } from '../../core/errors/index.js';
import { protocolFailure } from '../http/index.js';
import type { Source } from '../source.js';
import { readOrders } from './orders.js';
import { adminUrl, shopifyGet } from './pages.js';
import { readShopifyGraphql } from './read-graphql.js';
import { shopifySettings } from './settings.js';
import { shopifyStreams, type ShopifyStreamName } from './streams.js';

/**
 * Shopify's Admin APIs. Connection: `shop` or `url`, `accessToken` (or `auth` of type `oauth2` with the
 * header `x-shopify-access-token`), optionally `apiVersion`. Streams: `orders` (REST, or GraphQL), `customers`, `products`
 * and `refunds` (GraphQL). Source of outside facts: Shopify developer documentation, "REST Admin API: Order, Event,
 * pagination, rate limits"; "GraphQL Admin API: orders, customers, products, events, BulkOperation"; "Perform bulk
 * operations with the GraphQL Admin API"; "API limits".
 */
export const source: Source = {
  name: 'shopify',

  read(request, context) {
    if (!Object.hasOwn(shopifyStreams, request.stream)) {
      const known = Object.keys(shopifyStreams).join(', ');
      throw new PipelineError('CONFIG_INVALID', {
        problems: `connector "shopify" has no stream "${request.stream}"; it has ${known}`,
      });
    }
    const settings = shopifySettings(request.connection, request.options, request.credentials);
    if (request.stream === 'orders' && settings.api === 'rest') return readOrders(settings, request, context);
    const stream = shopifyStreams[request.stream as ShopifyStreamName];
    return readShopifyGraphql(settings, stream, request, context);
  },

  async test(connection, { signal, credentials }) {
    const settings = shopifySettings(connection, {}, credentials);
    const { body } = await shopifyGet(settings, adminUrl(settings, 'shop'), signal);
    const name = shopName(body);
    return { detail: `shop ${name}, API ${settings.apiVersion}` };
  },
};

function shopName(body: Uint8Array): string {
  try {
    const { shop } = JSON.parse(new TextDecoder().decode(body)) as { shop: { name: unknown } };
    return String(shop.name);
  } catch {
    throw protocolFailure('shopify', 'the answer names no shop');
  }
}
