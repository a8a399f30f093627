import { createGraphqlApi, type GraphqlApi } from '../graphql/api.js';
import type { ShopifySettings } from './settings.js';

/** One session with the GraphQL Admin API of a shop. */
export function shopifyGraphql(settings: ShopifySettings, signal: AbortSignal): GraphqlApi {
  const { accessToken, apiVersion, baseUrl, credentials } = settings;
  return createGraphqlApi(
    {
      source: 'shopify',
      url: new URL(`/admin/api/${apiVersion}/graphql.json`, baseUrl),
      headers: accessToken === undefined ? {} : { 'x-shopify-access-token': accessToken },
      ...(credentials !== undefined && { credentials }),
      hasCosts: true,
    },
    signal,
  );
}
