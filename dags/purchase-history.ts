import { defineDag, file } from 'millrace';

/** A real purchase history, one month a run; see `data/README.md`. */
export default defineDag({
  id: 'purchase-history',
  description: 'Purchases of an online music shop, 1997 to 1998, one month a run',
  owner: 'demo',
  tags: ['orders', 'history'],
  mode: 'batch',
  schedule: { cron: '0 0 1 * *', timezone: 'UTC', catchup: false },
  tasks: ({ extract, validate, transform, load }) => {
    const raw = extract('read', {
      from: file.records({
        path: 'dags/data/cdnow-purchases.txt',
        format: 'whitespace',
        intervalColumn: 'date',
        compactDates: ['date'],
      }),
      read: 'interval',
    });
    const clean = validate('check', raw, { schema: 'purchase.v1', quarantineOver: 0 });
    const rows = transform('shape', clean, {
      rename: { date: 'purchased_on', number_of_cds: 'cds', dollar_value: 'amount_usd' },
    });
    load('merge', rows, { into: 'purchases', key: ['line'], disposition: 'merge' });
  },
});
