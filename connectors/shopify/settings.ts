import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import { takesSecrets } from '../http/secret-destination.js';
import type { Credentials } from '../http/index.js';

/** Version of the Admin API that is asked for when nobody names one. */
const defaultApiVersion = '2026-07';
/** The bound of both APIs (Shopify REST Admin API, "Order", parameter `limit`; GraphQL Admin API, argument `first`). */
export const pageMaxOrders = 250;

/** A Shopify connection and the options of one read, checked. */
export interface ShopifySettings {
  readonly baseUrl: URL;
  /** Absent where `credentials` authorise instead. */
  readonly accessToken?: string;
  readonly credentials?: Credentials;
  readonly apiVersion: string;
  /** Absent where nobody says. */
  readonly pageSize?: number;
  readonly deletions: boolean;
  /** Which of the two Admin APIs is asked for orders; there is one for all else. */
  readonly api: 'rest' | 'graphql';
  /** Whether a read of everything by GraphQL may be a bulk operation. */
  readonly bulk: boolean;
}

/**
 * Checks a connection (`shop` or `url`, and `accessToken` or credentials) together with the options of a read.
 *
 * @throws PipelineError CONFIG_INVALID naming every problem, never a value.
 */
export function shopifySettings(
  connection: JsonObject,
  options: JsonObject,
  credentials?: Credentials,
): ShopifySettings {
  const problems: string[] = [];
  const baseUrl = shopUrl(connection);
  if (baseUrl === undefined) {
    problems.push(
      'a Shopify connection needs "shop" (the name before .myshopify.com) or "url" (https, or http on this machine)',
    );
  }
  const { accessToken } = connection;
  if (credentials === undefined && (typeof accessToken !== 'string' || accessToken === '')) {
    problems.push('a Shopify connection needs "accessToken", or "auth" of type oauth2');
  }
  const apiVersion = options['apiVersion'] ?? connection['apiVersion'] ?? defaultApiVersion;
  if (typeof apiVersion !== 'string' || !/^(\d{4}-(01|04|07|10)|unstable)$/.test(apiVersion)) {
    problems.push('"apiVersion" must be a quarterly version such as 2026-07');
  }
  const { pageSize, api = 'rest' } = options;
  const isPageSize =
    typeof pageSize === 'number' && Number.isInteger(pageSize) && pageSize >= 1 && pageSize <= pageMaxOrders;
  if (pageSize !== undefined && !isPageSize) {
    problems.push(`"pageSize" must be a whole number from 1 to ${pageMaxOrders}`);
  }
  if (api !== 'rest' && api !== 'graphql') problems.push('"api" must be "rest" or "graphql"');
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return {
    baseUrl: baseUrl as URL,
    ...(credentials === undefined ? { accessToken: accessToken as string } : { credentials }),
    apiVersion: apiVersion as string,
    ...(isPageSize && { pageSize }),
    deletions: options['deletions'] !== false,
    api: api as 'rest' | 'graphql',
    bulk: options['bulk'] !== false,
  };
}

function shopUrl({ shop, url }: JsonObject): URL | undefined {
  if (typeof shop === 'string' && /^[a-z0-9][a-z0-9-]*$/i.test(shop)) {
    return new URL(`https://${shop}.myshopify.com`);
  }
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  return takesSecrets(parsed) ? parsed : undefined;
}
