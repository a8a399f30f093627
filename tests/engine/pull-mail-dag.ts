/** A DAG that pulls from Shopify by GraphQL, from Klaviyo, from Mailchimp, from the export of GA4, and from any GraphQL API. */
export const pullMailDag = `
import { defineDag, ga4, graphql, klaviyo, mailchimp, shopify } from 'millrace';
export default defineDag({
  id: 'pull-mail',
  defaultArgs: { retries: 20, retryDelay: '200ms', maxRetryDelay: '1s' },
  tasks: ({ extract, validate, load }) => {
    const read = (table, from, path, schema, key) => {
      const rows = extract('read-' + table, { from, cursor: { path, lag: '2m' } });
      const checked = validate('check-' + table, rows, { schema, quarantineOver: 0 });
      return load('merge-' + table, checked, { into: table, key: [key], version: [path] });
    };
    const orders = read('shop_orders',
      shopify.orders({ connection: 'shop', options: { api: 'graphql', pageSize: 20 } }), 'updated_at', 'order.v1', 'id');
    // A shop allows one bulk operation at a time in the fixture.
    const products = extract('read-shop_products', {
      from: shopify.products({ connection: 'shop' }), cursor: { path: 'updated_at', lag: '2m' }, after: [orders] });
    load('merge-shop_products', validate('check-shop_products', products, { schema: 'shopify-product.v1', quarantineOver: 0 }), {
      into: 'shop_products', key: ['id'], version: ['updated_at'] });
    read('mail_profiles', klaviyo.profiles({ connection: 'mail', options: { pageSize: 15 } }), 'updated', 'klaviyo-profile.v1', 'id');
    read('mail_events', klaviyo.emailEvents({ connection: 'mail', options: { pageSize: 25 } }), 'occurredAt', 'email-event.v2', 'eventId');
    read('list_members', mailchimp.members({ connection: 'list', options: { listId: 'a1b2c3d4e5', pageSize: 15 } }),
      'last_changed', 'mailchimp-member.v1', 'contact_id');
    read('list_campaigns', mailchimp.campaigns({ connection: 'list' }), 'create_time', 'mailchimp-campaign.v1', 'id');
    read('list_events', mailchimp.emailEvents({ connection: 'list' }), 'occurredAt', 'email-event.v2', 'eventId');
    const visits = extract('read-web_events', {
      from: ga4.events({ connection: 'web', options: { pageSize: 50 } }), cursor: { path: 'exported_at', lag: '1m' } });
    load('merge-web_events', validate('check-web_events', visits, { schema: 'ga4-event.v1', quarantineOver: 0 }), {
      into: 'web_events', key: ['event_id'], version: ['exported_at'], strategy: 'delete-insert', mergeKey: ['event_date'] });
    read('graph_items', graphql({
      connection: 'graph',
      query: \`query($after: String, $since: String) {
        items(first: 15, after: $after, since: $since) {
          nodes { id amount label updated_at updated_s } pageInfo { hasNextPage endCursor } } }\`,
      dataSelector: 'items.nodes',
      paginator: { type: 'relay' },
      incremental: { startVariable: 'since' },
    }), 'updated_at', 'item.v1', 'id');
  },
});`;
