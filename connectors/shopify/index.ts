import { PipelineError } from '../../core/errors/index.js';
import { protocolFailure } from '../http/index.js';
import type { Source } from '../source.js';
import { readOrders } from './orders.js';
import { adminUrl, shopifyGet } from './pages.js';
import { shopifySettings } from './settings.js';

/**
 * Shopify's REST Admin API. Connection: `shop` or `url`, `accessToken` (or `auth` of type `oauth2` with the
 * header `x-shopify-access-token`), optionally `apiVersion`. Streams: `orders`.
 * Source of outside facts: Shopify developer documentation, "REST Admin API: Order, Event, pagination, rate limits".
 */
export const source: Source = {
  name: 'shopify',

  read(request, context) {
    if (request.stream !== 'orders') {
      throw new PipelineError('CONFIG_INVALID', {
        problems: `connector "shopify" has no stream "${request.stream}"; it has "orders"`,
      });
    }
    return readOrders(
      shopifySettings(request.connection, request.options, request.credentials),
      request,
      context,
    );
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
