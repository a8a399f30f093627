/** What can be read of a shop. */
export const magentoStreams = ['orders', 'customers', 'products', 'creditmemos'] as const;

/** One of them. */
export type MagentoStream = (typeof magentoStreams)[number];

interface StreamFacts {
  /** Path below `V1/`. */
  readonly path: string;
  /** Member of a record that holds what filters call `entity_id`. */
  readonly idMember: 'entity_id' | 'id';
}

/** What differs from stream to stream (Adobe Commerce web API documentation, "REST endpoints"). */
export const streamFacts: Readonly<Record<MagentoStream, StreamFacts>> = {
  orders: { path: 'orders', idMember: 'entity_id' },
  customers: { path: 'customers/search', idMember: 'id' },
  products: { path: 'products', idMember: 'id' },
  creditmemos: { path: 'creditmemos', idMember: 'entity_id' },
};
