import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createSource } from '../../connectors/file/index.js';
import { source as hubspot } from '../../connectors/hubspot/index.js';
import { source as magento } from '../../connectors/magento/index.js';
import { source as salesforce } from '../../connectors/salesforce/index.js';
import { source as ga4 } from '../../connectors/ga4/index.js';
import { source as klaviyo } from '../../connectors/klaviyo/index.js';
import { source as mailchimp } from '../../connectors/mailchimp/index.js';
import { source as shop } from '../../connectors/shopify/index.js';
import purchaseHistory from '../../dags/purchase-history.js';
import type { Source } from '../../connectors/source.js';
import {
  createGa4Server,
  createHubspotServer,
  createKlaviyoServer,
  createMagentoServer,
  createMailchimpServer,
  createSalesforceServer,
  createShopServer,
  type KlaviyoServer,
  type MailchimpServer,
  type ShopServer,
} from '../../testing/index.js';
import { readAll } from './read-all.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

function validator(id: string): (record: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);
  const check = ajv.compile(
    JSON.parse(readFileSync(`${root}schemas/records/${id}.schema.json`, 'utf8')) as object,
  );
  return (record) => check(record);
}

test('every line of the purchase history fits purchase.v1', async () => {
  const check = validator('purchase.v1');
  const [extract] = purchaseHistory.spec.tasks;
  if (extract?.kind !== 'extract') throw new Error('the first task extracts');
  const { options } = extract.config.from;
  const { rows } = await readAll(createSource({ projectDirectory: root }), { options });
  const records = rows.map((row) => JSON.parse(row) as Record<string, unknown>);
  expect(records.length).toBe(69_659);
  expect(records.filter((record) => !check(record))).toEqual([]);
  for (const wrong of [
    { date: '1997-02-30' },
    { dollar_value: '1.1' },
    { number_of_cds: 'x' },
    { line: '2' },
  ]) {
    expect(check({ ...records[0], ...wrong })).toBe(false);
  }
});

test('every order of the fixture shop fits order.v1', async () => {
  const check = validator('order.v1');
  const server = await createShopServer({ seed: 11, orders: 300 });
  try {
    while (!server.isDone()) server.advance();
    const connection = { url: server.url, accessToken: server.accessToken };
    const { rows } = await readAll(shop, { stream: 'orders', connection });
    const records = rows.map((row) => JSON.parse(row) as Record<string, unknown>);
    expect(records.length).toBe(server.truth().length);
    expect(records.filter((record) => !check(record))).toEqual([]);
    for (const wrong of [
      { id: 'x' },
      { total_price: 1.5 },
      { currency: 'Euro' },
      { updated_at: 'yesterday' },
    ]) {
      expect(check({ ...records[0], ...wrong })).toBe(false);
    }
  } finally {
    await server.close();
  }
});

test('every contact of the fixture account fits hubspot-contact.v1', async () => {
  const check = validator('hubspot-contact.v1');
  const server = await createHubspotServer({ seed: 11, contacts: 80 });
  try {
    const connection = { url: server.url, accessToken: server.accessToken };
    const options = { associations: ['companies'] };
    const { rows } = await readAll(hubspot, { stream: 'contacts', connection, options });
    const records = rows.map((row) => JSON.parse(row) as Record<string, unknown>);
    expect(records.length).toBe(80);
    expect(records.filter((record) => !check(record))).toEqual([]);
    for (const wrong of [{ id: 1 }, { updatedAt: 'yesterday' }, { email: 1 }, { associations: [] }])
      expect(check({ ...records[0], ...wrong })).toBe(false);
  } finally {
    await server.close();
  }
});

test('every contact of the fixture org fits salesforce-contact.v1', async () => {
  const check = validator('salesforce-contact.v1');
  const server = await createSalesforceServer({ seed: 11, contacts: 80, pollsUntilDone: 0 });
  try {
    const connection = { url: server.url, accessToken: server.accessToken() };
    for (const options of [{}, { bulk: 'never' }]) {
      const { rows } = await readAll(salesforce, { stream: 'Contact', connection, options });
      const records = rows.map((row) => JSON.parse(row) as Record<string, unknown>);
      expect(records.length).toBe(80);
      expect(records.filter((record) => !check(record))).toEqual([]);
      for (const wrong of [{ Id: '001000000000001AAA' }, { SystemModstamp: 'yesterday' }, { Email: 1 }])
        expect(check({ ...records[0], ...wrong })).toBe(false);
    }
  } finally {
    await server.close();
  }
});

test.each([
  [
    'orders',
    'magento-order.v1',
    [{ entity_id: '1' }, { grand_total: '1.5' }, { updated_at: '2026-01-05 08:00:00' }],
  ],
  ['customers', 'magento-customer.v1', [{ id: 0 }, { email: null }, { created_at: '2026-01-05' }]],
])('all %s of the fixture Magento shop fit %s', async (stream, schema, wrongs) => {
  const check = validator(schema);
  const server = await createMagentoServer({ seed: 11, orders: 80 });
  try {
    const connection = { url: server.url, accessToken: server.accessToken(), allowPrivateNetwork: true };
    const { rows } = await readAll(magento, { stream, connection });
    const records = rows.map((row) => JSON.parse(row) as Record<string, unknown>);
    expect(records.length).toBe(server.truth(stream as 'orders').length);
    expect(records.filter((record) => !check(record))).toEqual([]);
    for (const wrong of wrongs) expect(check({ ...records[0], ...wrong })).toBe(false);
  } finally {
    await server.close();
  }
});

test('every event of the fixture property fits ga4-event.v1', async () => {
  const check = validator('ga4-event.v1');
  const server = await createGa4Server({ seed: 11, days: 2 });
  try {
    const { rows } = await readAll(ga4, { stream: 'events', connection: server.connection });
    const records = rows.map((row) => JSON.parse(row) as Record<string, unknown>);
    expect(records.length).toBeGreaterThan(20);
    expect(records.filter((record) => !check(record))).toEqual([]);
    for (const wrong of [
      { event_id: '' },
      { event_date: '20260105' },
      { params: null },
      { export: 'weekly' },
    ])
      expect(check({ ...records[0], ...wrong })).toBe(false);
  } finally {
    await server.close();
  }
});

describe('streams with a schema', () => {
  type Server = ShopServer | KlaviyoServer | MailchimpServer;
  const shopServer = (): Promise<Server> => createShopServer({ seed: 11, orders: 120 });
  const accountServer = (): Promise<Server> => createKlaviyoServer({ seed: 11, profiles: 30 });
  const audienceServer = (): Promise<Server> => createMailchimpServer({ seed: 11, members: 30 });
  const streams: readonly [string, string, Source, () => Promise<Server>, object, object][] = [
    ['orders', 'order.v1', shop, shopServer, { id: 'x' }, { total_price: 1.5 }],
    ['customers', 'shopify-customer.v1', shop, shopServer, { id: null }, { email: 1 }],
    ['products', 'shopify-product.v1', shop, shopServer, { title: null }, { variants: {} }],
    ['refunds', 'shopify-refund.v1', shop, shopServer, { order_id: null }, { total_refunded: '1' }],
    ['profiles', 'klaviyo-profile.v1', klaviyo, accountServer, { id: 1 }, { updated: 'yesterday' }],
    ['events', 'klaviyo-event.v1', klaviyo, accountServer, { metric_id: null }, { datetime: 1 }],
    ['email-events', 'email-event.v2', klaviyo, accountServer, { eventId: '' }, { type: 'seen' }],
    ['members', 'mailchimp-member.v1', mailchimp, audienceServer, { status: null }, { last_changed: 1 }],
    ['campaigns', 'mailchimp-campaign.v1', mailchimp, audienceServer, { id: 7 }, { create_time: '' }],
    ['email-events', 'email-event.v2', mailchimp, audienceServer, { eventId: '' }, { type: 'seen' }],
  ];

  test.each(streams)(
    '%s of the fixture servers fit %s',
    async (stream, schema, source, create, ...wrongs) => {
      const check = validator(schema);
      const server = await create();
      try {
        while (!server.isDone()) server.advance();
        const secret = 'apiKey' in server ? { apiKey: server.apiKey } : { accessToken: server.accessToken };
        const options = {
          ...(source === shop && { api: 'graphql' }),
          ...(stream === 'members' && 'listId' in server && { listId: server.listId }),
        };
        const { rows } = await readAll(source, {
          stream,
          connection: { url: server.url, ...secret },
          options,
        });
        const records = rows.map((row) => JSON.parse(row) as Record<string, unknown>);
        expect(records.length).toBeGreaterThan(2);
        expect(records.filter((record) => !check(record))).toEqual([]);
        for (const wrong of wrongs) expect(check({ ...records[0], ...wrong })).toBe(false);
      } finally {
        await server.close();
      }
    },
  );
});

describe('site-event.v1', () => {
  const check = validator('site-event.v1');
  const event = {
    messageId: 'm-1',
    type: 'track',
    event: 'Order Completed',
    timestamp: '2026-02-01T10:00:01.000Z',
    receivedAt: '2026-02-01T10:00:05.000Z',
    properties: { order_id: '5001' },
  };

  test('needs a user or an anonymous id', () => {
    expect(check({ ...event, userId: 'u' })).toBe(true);
    expect(check({ ...event, anonymousId: 'a' })).toBe(true);
    expect(check({ ...event, anonymousId: 'a', userId: null })).toBe(true);
    expect(check(event)).toBe(false);
    expect(check({ ...event, userId: null })).toBe(false);
    expect(check({ ...event, userId: '' })).toBe(false);
  });

  test('refuses what is no event', () => {
    for (const wrong of [
      { type: 'other' },
      { messageId: '' },
      { messageId: 'x'.repeat(101) },
      { timestamp: 'now' },
    ]) {
      expect(check({ ...event, userId: 'u', ...wrong })).toBe(false);
    }
  });
});

test('email-event.v1 takes a received webhook', () => {
  const check = validator('email-event.v1');
  const received = {
    eventId: 'msg_1',
    receivedAt: '2026-02-01T10:00:05.000Z',
    source: 'email',
    body: { type: 'email.opened' },
  };
  expect(check(received)).toBe(true);
  expect(check({ ...received, body: 'text' })).toBe(false);
  expect(check({ ...received, eventId: null })).toBe(false);
});
