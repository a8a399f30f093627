import type { SourceRef } from '../../core/dag/dag-spec.js';
import type { MagentoStream } from './streams.js';

/** Options of a read of a shop that runs Magento or Adobe Commerce. */
export interface MagentoReadOptions {
  /** Entry of `connections` in the configuration. */
  readonly connection: string;
  readonly options?: {
    /** Members of a record to ask for, such as `increment_id`; all where they are left out. Id and `updated_at` always come. */
    readonly fields?: readonly string[];
    /** Code of the store view whose names, texts and prices products have; default: that of the connection, else `all`. */
    readonly store?: string;
    /** Records per page, to 300; default 100. */
    readonly pageSize?: number;
  };
}

function stream(name: MagentoStream) {
  return ({ connection, options = {} }: MagentoReadOptions): SourceRef => ({
    connector: 'magento',
    stream: name,
    connection,
    options: {
      ...options,
      ...(options.fields !== undefined && { fields: [...options.fields] }),
    } as SourceRef['options'],
  });
}

/**
 * References to orders, customers, products and credit memos (refunds) of a shop. Plain data: nothing is read before a run
 * asks for it.
 */
export const magento = {
  orders: stream('orders'),
  customers: stream('customers'),
  products: stream('products'),
  creditmemos: stream('creditmemos'),
} as const;
