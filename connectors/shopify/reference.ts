import type { SourceRef } from '../../core/dag/dag-spec.js';
import type { ShopifyStreamName } from './streams.js';

/** Options of a read of a Shopify shop. */
export interface ShopifyReadOptions {
  /** Entry of `connections` in the configuration. */
  readonly connection: string;
  readonly options?: {
    /** Objects per page, 1 to 250 (the API's own bound). Of GraphQL the default is as many as one query can pay for. */
    readonly pageSize?: number;
    /** Also read deletions, of orders and products; default true. Needs the key `id` and the version `updated_at` in the load. */
    readonly deletions?: boolean;
    /** Whether a first read by GraphQL may be a bulk operation; default true. */
    readonly bulk?: boolean;
    /** Quarterly version of the Admin API, `YYYY-MM`; default is the connection's, then `2026-07`. */
    readonly apiVersion?: string;
  };
}

/** Options of `shopify.orders`. */
export interface ShopifyOrdersOptions extends ShopifyReadOptions {
  readonly options?: ShopifyReadOptions['options'] & {
    /** Which Admin API is asked, default `rest`. Both give the same columns; of REST there are all that it sends. */
    readonly api?: 'rest' | 'graphql';
  };
}

const stream =
  (name: ShopifyStreamName) =>
  ({ connection, options = {} }: ShopifyOrdersOptions): SourceRef => ({
    connector: 'shopify',
    stream: name,
    connection,
    options: { ...options },
  });

/** A stream that only one API has. */
const graphqlStream: (name: ShopifyStreamName) => (options: ShopifyReadOptions) => SourceRef = stream;

/** References to the streams of a Shopify shop. Plain data: nothing is read before a run asks for it. */
export const shopify = {
  /** Orders of every status, by `updated_at`, and their deletions. */
  orders: stream('orders'),
  /** Customers by `updated_at`. No API tells of those that were deleted or redacted; the webhooks do. */
  customers: graphqlStream('customers'),
  /** Products with their variants by `updated_at`, and their deletions. */
  products: graphqlStream('products'),
  /** Refunds with their line items, of the orders that changed. */
  refunds: graphqlStream('refunds'),
} as const;
