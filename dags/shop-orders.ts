import { defineDag, shopify } from 'millrace';

/** Orders of a shop by polling: late ones are found by the lag, corrected ones win by `updated_at`, deleted ones go. */
export default defineDag({
  id: 'shop-orders',
  description: 'Orders of the shop, polled every ten seconds',
  owner: 'demo',
  tags: ['orders'],
  mode: 'near-real-time',
  schedule: { every: '10s', overlap: 'skip', catchupWindow: '1m' },
  tasks: ({ extract, validate, transform, load }) => {
    const raw = extract('pull', {
      from: shopify.orders({ connection: 'shop' }),
      cursor: { path: 'updated_at', lag: '2m' },
    });
    const clean = validate('check', raw, { schema: 'order.v1', quarantineOver: 0.05 });
    const rows = transform('shape', clean, {
      extract: { customer_id: { from: 'customer', path: '$.id', type: 'int64' } },
      normalise: { email: ['email'] },
    });
    load('merge', rows, { into: 'orders', key: ['id'], version: ['updated_at'], disposition: 'merge' });
  },
});
