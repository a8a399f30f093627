import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import {
  createGa4Server,
  createGraphqlServer,
  createHubspotServer,
  createMagentoServer,
  createRestServer,
  createSalesforceServer,
  createKlaviyoServer,
  createMailchimpServer,
  createShopServer,
  type Ga4Server,
  type GraphqlServer,
  type HubspotServer,
  type KlaviyoServer,
  type MagentoServer,
  type MailchimpServer,
  type RestServer,
  type SalesforceServer,
  type ShopServer,
} from '../../testing/index.js';
import { TestProject } from '../helpers/project.js';
import { triggerRun } from '../helpers/runs.js';
import { sideBySide } from '../helpers/side-by-side.js';
import { pullMailDag } from './pull-mail-dag.js';

const pullDag = `
import { defineDag, hubspot, magento, rest, salesforce } from 'millrace';
export default defineDag({
  id: 'pull',
  defaultArgs: { retries: 20, retryDelay: '200ms', maxRetryDelay: '1s' },
  tasks: ({ extract, validate, load }) => {
    const contacts = extract('contacts', {
      from: hubspot.contacts({ connection: 'crm', options: { associations: ['companies'], pageSize: 15 } }),
      cursor: { path: 'updatedAt', lag: '2m' },
    });
    load('merge-contacts', validate('check-contacts', contacts, { schema: 'hubspot-contact.v1', quarantineOver: 0 }), {
      into: 'contacts', key: ['id'], version: ['updatedAt'] });
    const items = extract('items', {
      from: rest({ connection: 'api', path: 'v1/cursor', dataSelector: 'data',
        paginator: { type: 'cursor', cursorPath: 'paging.next.after' },
        incremental: { startParam: 'since' } }),
      cursor: { path: 'updated_at', lag: '1s' },
    });
    load('merge-items', validate('check-items', items, { schema: 'item.v1', quarantineOver: 0 }), {
      into: 'items', key: ['id'], version: ['updated_at'] });
    const people = extract('people', {
      from: salesforce.contacts({ connection: 'org', options: { pageSize: 200 } }),
      cursor: { path: 'SystemModstamp', lag: '2m' },
    });
    load('merge-people', validate('check-people', people, { schema: 'salesforce-contact.v1', quarantineOver: 0 }), {
      into: 'people', key: ['Id'], version: ['SystemModstamp'] });
    const orders = extract('orders', {
      from: magento.orders({ connection: 'store', options: { pageSize: 15 } }),
      cursor: { path: 'updated_at', lag: '2m' },
    });
    load('merge-orders', validate('check-orders', orders, { schema: 'magento-order.v1', quarantineOver: 0 }), {
      into: 'orders', key: ['entity_id'], version: ['updated_at'] });
  },
});`;

const tags = { 'x-pii': 'none', 'x-purpose': ['analytics'], 'x-subject-key': false };
const itemSchema = JSON.stringify({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'item.v1',
  type: 'object',
  required: ['id', 'amount', 'updated_at'],
  properties: {
    id: { type: 'integer', 'x-type': 'int64', ...tags },
    amount: { type: 'number', 'x-type': 'decimal(38,20)', ...tags },
    label: { type: 'string', ...tags },
    updated_at: { type: 'string', format: 'date-time', 'x-type': 'timestamp', ...tags },
    updated_s: { type: 'integer', 'x-type': 'int64', ...tags },
  },
});

let project: TestProject;
let crm: HubspotServer;
let api: RestServer;
let org: SalesforceServer;
let store: MagentoServer;
let shop: ShopServer;
let mail: KlaviyoServer;
let list: MailchimpServer;
let web: Ga4Server;
let graph: GraphqlServer;
let tested: { name: string; isWorking: boolean }[];
let outcomes: Readonly<Partial<Record<keyof typeof stories, Promise<void>>>> = {};

beforeAll(async () => {
  crm = await createHubspotServer({ seed: 9, contacts: 60, steps: 3, imported: 4, faults: true });
  api = await createRestServer({ seed: 9, records: 60, faults: true });
  org = await createSalesforceServer({
    seed: 9,
    contacts: 60,
    steps: 3,
    imported: 4,
    pageMaxRecords: 15,
    faults: true,
  });
  store = await createMagentoServer({ seed: 9, orders: 60, steps: 3, imported: 4, faults: true });
  shop = await createShopServer({ seed: 9, orders: 60, steps: 3, nestedMaxObjects: 3, faults: true });
  mail = await createKlaviyoServer({ seed: 9, profiles: 40, steps: 3, faults: true });
  list = await createMailchimpServer({ seed: 9, members: 40, steps: 3, imported: 20, faults: true });
  web = await createGa4Server({ seed: 9, days: 4, steps: 4 });
  graph = await createGraphqlServer({ seed: 10, records: 40, faults: true });
  project = await TestProject.create(
    { 'pull.ts': pullDag, 'pull-mail.ts': pullMailDag },
    {
      security: { keys: [`test:${randomBytes(32).toString('base64')}`] },
      connections: {
        shop: { connector: 'shopify', url: shop.url, accessToken: shop.accessToken },
        mail: { connector: 'klaviyo', url: mail.url, apiKey: mail.apiKey },
        web: web.connection,
        list: { connector: 'mailchimp', url: list.url, apiKey: list.apiKey },
        graph: {
          connector: 'graphql',
          baseUrl: graph.url,
          auth: { type: 'bearer', token: graph.token },
          allowPrivateNetwork: true,
        },
        crm: { connector: 'hubspot', url: crm.url, accessToken: crm.accessToken },
        api: {
          connector: 'rest',
          baseUrl: api.url,
          auth: { type: 'bearer', token: api.token },
          allowPrivateNetwork: true,
          testPath: 'v1/single_page',
        },
        // Its address comes with the token.
        org: {
          connector: 'salesforce',
          auth: {
            type: 'oauth2',
            grant: 'client_credentials',
            tokenUrl: org.tokenUrl,
            clientId: org.clientId,
            clientSecret: org.clientSecret,
          },
        },
        store: {
          connector: 'magento',
          url: store.url,
          auth: { type: 'oauth1', ...store.keys },
          allowPrivateNetwork: true,
        },
      },
    },
  );
  project.write('schemas/item.v1.schema.json', itemSchema);
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
  tested = (await project.json<{ connections: typeof tested }>('connections', 'test')).connections;
  outcomes = sideBySide(stories);
}, 240_000);

afterAll(async () => {
  await Promise.allSettled(Object.values(outcomes));
  await Promise.all([crm, api, org, store, shop, mail, list, web, graph].map((server) => server.close()));
});

/** Runs the DAG, which must succeed, and tells how many records each extract task delivered. */
async function pull(): Promise<Record<string, number>> {
  const { result } = await triggerRun(project, 'pull');
  expect(result.state).toBe('success');
  return Object.fromEntries(
    result.tasks
      .filter(({ taskId }) => taskId.startsWith('merge-'))
      .map(({ taskId, counts }) => [taskId, counts?.extracted ?? -1]),
  );
}

/** They go on side by side: each has services of its own, and most of each is waiting. */
const stories = {
  async pull() {
    expect(await pull()).toEqual({
      'merge-contacts': 60,
      'merge-items': 60,
      'merge-people': 60,
      'merge-orders': 60,
    });
    const before = crm.requests().length;
    while (!crm.isDone()) crm.advance();
    for (let step = 0; step < 2; step += 1) api.advance();
    for (const server of [org, store]) while (!server.isDone()) server.advance();
    org.failNext({ kind: 'session-ended' });
    const queries = org.requests().length;
    const second = await pull();
    // Three steps of the account and two of the other, and what the lags read again.
    expect(second['merge-contacts']).toBeLessThan(50);
    expect(second['merge-items']).toBeLessThan(30);
    expect(second['merge-people']).toBeLessThan(50);
    expect(second['merge-orders']).toBeLessThan(50);
    expect(
      org
        .requests()
        .slice(queries)
        .some((line) => line.includes('/queryAll?')),
    ).toBe(true);
    expect(
      org
        .requests()
        .slice(queries)
        .some((line) => line.includes('/jobs/query')),
    ).toBe(false);
    const asked = crm.requests().slice(before);
    expect(asked.some((line) => line === 'POST /crm/v3/objects/contacts/search')).toBe(true);
    expect(asked.some((line) => line.includes('/contacts?') && line.includes('archived=false'))).toBe(false);

    const contacts = await project.rows('SELECT id, email, city, associations FROM contacts ORDER BY id');
    expect(contacts.map(({ id, email, city }) => [id, email, city])).toEqual(
      crm.truth('contacts').map(({ id, properties }) => [id, properties['email'], properties['city']]),
    );
    expect(crm.archivedIds('contacts')).toHaveLength(3);
    const items = await project.rows('SELECT id, amount::VARCHAR AS amount FROM items ORDER BY id');
    expect(items).toEqual(api.truth().map(({ id, amount }) => ({ id: String(id), amount: String(amount) })));

    const people = await project.rows('SELECT "Id", "MailingCity", "Email" FROM people ORDER BY "Id"');
    expect(people).toEqual(
      org.truth('Contact').map(({ id, fields }) => ({
        Id: id,
        MailingCity: fields['MailingCity'],
        Email: fields['Email'],
      })),
    );
    expect(org.deletedIds('Contact')).toHaveLength(3);
    const orders = await project.rows(
      'SELECT entity_id, status, grand_total::VARCHAR AS total, updated_at::VARCHAR AS at FROM orders ORDER BY entity_id',
    );
    expect(orders).toEqual(
      store.truth('orders').map((order) => ({
        entity_id: String(order['entity_id']),
        status: order['status'],
        total: String(order['grand_total']),
        at: order['updated_at'],
      })),
    );

    const { reports } = await project.json<{
      reports: { table: string; status: string; sourceRows: number }[];
    }>('reconcile', 'pull');
    expect(reports.map(({ table, status }) => [table, status]).sort()).toEqual([
      ['contacts', 'clean'],
      ['items', 'clean'],
      ['orders', 'clean'],
      ['people', 'clean'],
    ]);

    // Of a time: the APIs are asked for it, and what they give is what the tables have of it.
    const [middle] = await project.rows(
      `SELECT strftime(min("SystemModstamp"), '%Y-%m-%dT%H:%M:%SZ') AS "from", strftime(max("SystemModstamp"), '%Y-%m-%dT%H:%M:%SZ') AS "to"
       FROM (FROM people ORDER BY "SystemModstamp" LIMIT 40 OFFSET 20)`,
    );
    const { from, to } = middle as { from: string; to: string };
    const [stored] = await project.rows(
      `SELECT count(*) AS n FROM people WHERE "SystemModstamp" >= '${from.slice(0, -1)}' AND "SystemModstamp" < '${to.slice(0, -1)}'`,
    );
    const ofTime = await project.json<{
      reports: { table: string; status: string; way: string; sourceRows: number; warehouseRows: number }[];
    }>('reconcile', 'pull', '--from', from, '--to', to);
    expect(ofTime.reports.map(({ status, way }) => [status, way])).toEqual(
      Array.from({ length: 4 }, () => ['clean', 're-read']),
    );
    const report = ofTime.reports.find(({ table }) => table === 'people');
    expect(report?.sourceRows).toBe(Number(stored?.['n']));
    expect(report?.sourceRows).toBeLessThan(report?.warehouseRows ?? 0);
  },

  async pullMail() {
    web.advance();
    web.failNext({ kind: 'none' }, { kind: 'truncated' }, { kind: 'none' }, { kind: 'status', status: 503 });
    expect((await triggerRun(project, 'pull-mail')).result.state).toBe('success');
    expect(shop.bulkStatuses()).toEqual(['COMPLETED', 'COMPLETED']);
    while (!shop.isDone()) shop.advance();
    for (const server of [mail, list, web]) while (!server.isDone()) server.advance();
    graph.advance();
    expect((await triggerRun(project, 'pull-mail')).result.state).toBe('success');
    expect(shop.bulkStatuses()).toHaveLength(2);

    const textsOf = async (sql: string): Promise<string[]> =>
      (await project.rows(sql)).map((row) => Object.values(row).map(String).join(' '));
    expect(await textsOf('SELECT id::VARCHAR, total_price FROM shop_orders ORDER BY id')).toEqual(
      shop.truth().map(({ id, total_price }) => `${String(id)} ${total_price}`),
    );
    expect(await textsOf('SELECT id::VARCHAR FROM shop_products ORDER BY id')).toEqual(
      shop.ids('products').map(String).sort(),
    );
    expect(shop.deletedIds().length + shop.deletedIds('Product').length).toBeGreaterThan(0);
    expect(await textsOf('SELECT id FROM mail_profiles ORDER BY id')).toEqual(
      mail
        .profiles()
        .map(({ id }) => id)
        .sort(),
    );
    const events = mail.events().filter(({ metricId }) => metricId !== 'M00005');
    // In one row, because there are more than a query shows.
    const ids = `SELECT string_agg("eventId", ' ' ORDER BY "eventId") AS ids FROM mail_events`;
    expect(await textsOf(ids)).toEqual([
      events
        .map(({ id }) => id)
        .sort()
        .join(' '),
    ]);
    expect(await textsOf('SELECT contact_id, status FROM list_members ORDER BY contact_id')).toEqual(
      list
        .members()
        .map(({ contactId, status }) => `${contactId} ${status}`)
        .sort(),
    );
    expect(await textsOf('SELECT id FROM list_campaigns ORDER BY id')).toEqual(
      list
        .campaigns()
        .map(({ id }) => id)
        .sort(),
    );
    expect(await textsOf('SELECT count(*)::VARCHAR FROM list_events')).toEqual([
      String(list.activities().length),
    ]);
    // The day that streamed in has its daily table now, in which one event is missing.
    const days = `SELECT event_date::VARCHAR, export, count(*)::VARCHAR FROM web_events GROUP BY ALL ORDER BY 1`;
    expect(await textsOf(days)).toEqual(
      web
        .tables()
        .map(({ name, events }) => {
          const [, year, month, day] = /(\d{4})(\d\d)(\d\d)$/.exec(name) ?? [];
          return `${String(year)}-${String(month)}-${String(day)} daily ${String(events.length)}`;
        })
        .sort(),
    );
    expect(await textsOf('SELECT id::VARCHAR, amount::VARCHAR FROM graph_items ORDER BY id')).toEqual(
      graph.truth().map(({ id, amount }) => `${String(id)} ${String(amount)}`),
    );

    const { reports } = await project.json<{ reports: { table: string; status: string }[] }>(
      'reconcile',
      'pull-mail',
    );
    expect(reports.map(({ table, status }) => [table, status]).sort()).toEqual(
      [
        'graph_items',
        'list_campaigns',
        'list_events',
        'list_members',
        'mail_events',
        'mail_profiles',
        'shop_orders',
        'shop_products',
        'web_events',
      ].map((table) => [table, 'clean']),
    );
  },
};

test('connections test proves each of them', () => {
  expect(tested.map(({ name, isWorking }) => [name, isWorking])).toEqual([
    ['api', true],
    ['crm', true],
    ['graph', true],
    ['list', true],
    ['mail', true],
    ['org', true],
    ['shop', true],
    ['store', true],
    ['web', true],
  ]);
});

describe('everything, then changes only, with faults on; deletions arrive, and the sources hold nothing else', () => {
  test('HubSpot, Salesforce, Magento and any JSON API', async () => {
    await outcomes.pull;
  }, 400_000);

  test('Shopify by GraphQL, Klaviyo, Mailchimp, GA4 and any GraphQL API', async () => {
    await outcomes.pullMail;
  }, 400_000);
});
