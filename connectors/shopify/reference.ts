import type { SourceRef } from '../../core/dag-spec.js';

/** Options of `shopify.orders`. */
export interface ShopifyOrdersOptions {
  /** Entry of `connections` in the configuration. */
  readonly connection: string;
  readonly options?: {
    /** Orders per page, 1 to 250 (the API's own bound); default 250. */
    readonly pageSize?: number;
    /** Also read the deletions of orders; default true. Needs the key `id` and the version `updated_at` in the load. */
    readonly deletions?: boolean;
    /** Quarterly version of the Admin API, `YYYY-MM`; default is the connection's, then `2026-07`. */
    readonly apiVersion?: string;
  };
}

/** References to the streams of a Shopify shop. Plain data: nothing is read before a run asks for it. */
export const shopify = {
  /** Orders of every status, by `updated_at`, and their deletions. */
  orders({ connection, options = {} }: ShopifyOrdersOptions): SourceRef {
    return { connector: 'shopify', stream: 'orders', connection, options: { ...options } };
  },
} as const;
