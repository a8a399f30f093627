import { beforeAll, describe, expect, test } from '@jest/globals';
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { InboxStreamReport } from '../../core/inbox-report.js';
import { emailSamples, seededRandom, type SignedDelivery } from '../../testing/index.js';
import { TestProject, waitUntil, type RunningProcess } from '../helpers/project.js';
import { deliverTo, fixtureOf, startFixtureGateway, type TestGateway } from '../webhooks/gateway.js';
import { emailDag, objectDag } from './webhook-dags.js';

const random = seededRandom(23);
let project: TestProject;
let gateway: TestGateway;

let worker: RunningProcess;

beforeAll(async () => {
  project = await TestProject.create({ 'mail.ts': emailDag, 'objects.ts': objectDag });
  await project.startTemporal();
  await project.json('deploy');
  worker = await project.startWorker();
  // In this process, because the providers' keys are served to it here and not by the providers.
  gateway = await startFixtureGateway({ inboxDirectory: `${project.folder}/.millrace/inbox` });
}, 240_000);

interface Outgoing {
  readonly provider: string;
  readonly delivery: SignedDelivery;
}

/** Sends each delivery once to three times, in a random order, some at the same moment. */
async function sendShuffled(deliveries: readonly Outgoing[]): Promise<void> {
  const all = random.shuffle(
    deliveries.flatMap((item) => Array.from({ length: random.integer(1, 3) }, () => item)),
  );
  while (all.length > 0) {
    const replies = await Promise.all(
      all.splice(0, 8).map(({ provider, delivery }) => deliverTo(gateway, provider, delivery)),
    );
    expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
  }
}

const count = async (sql: string): Promise<number> => {
  const outcome = await project.run('query', sql, '--json');
  if (outcome.code !== 0) return -1;
  return Number((JSON.parse(outcome.stdout) as { rows: { n: string }[] }).rows[0]?.n ?? -1);
};

describe('e-mail events of every service', () => {
  test('each is one row of one table, however often and in whatever order it came', async () => {
    const expected = new Map<string, number>();
    const deliveries = Object.entries(emailSamples).flatMap(([provider, samples]) => {
      const texts = new Set(samples.map(({ payload }) => JSON.stringify(payload)));
      expected.set(provider, texts.size);
      return samples.map(({ payload }, index): Outgoing => {
        const id = `${provider}-${String(index)}`;
        return { provider, delivery: fixtureOf(provider).sign(payload, { id }) };
      });
    });
    await sendShuffled(deliveries);
    const total = [...expected.values()].reduce((sum, rows) => sum + rows, 0);
    await waitUntil(
      'all rows are there',
      async () => (await count('SELECT count(*) AS n FROM email_events')) >= total,
      240_000,
    );
    const rows = await project.rows('SELECT provider, count(*) AS n FROM email_events GROUP BY 1');
    expect(new Map(rows.map(({ provider, n }) => [provider, Number(n)]))).toEqual(expected);
    expect(await count('SELECT count(*) AS n FROM _millrace_quarantine')).toBe(0);
    const bounces = await project.rows(
      `SELECT DISTINCT "bounceClass" AS c FROM email_events WHERE type = 'bounced' ORDER BY 1`,
    );
    expect(bounces.map(({ c }) => c)).toEqual(['block', 'hard', 'soft', 'undetermined']);
    expect(await count(`SELECT count(*) AS n FROM email_events WHERE "isMachineOpen"`)).toBeGreaterThan(5);
    expect(await count(`SELECT count(*) AS n FROM email_events WHERE "isScannerClick"`)).toBeGreaterThan(3);
  }, 240_000);

  test('an event of an unknown type is in the quarantine with its code, and a replay asks again', async () => {
    const delivery = fixtureOf('sendgrid').sign([
      { event: 'levitated', sg_event_id: 'e', email: 'a@example.com', timestamp: 1 },
    ]);
    await sendShuffled([{ provider: 'sendgrid', delivery }]);
    await waitUntil(
      'it is in the quarantine',
      async () =>
        (await count(`SELECT count(*) AS n FROM _millrace_quarantine WHERE code = 'EMAIL_EVENT_UNKNOWN'`)) ===
        1,
    );
    expect((await project.run('quarantine', 'replay', 'mail')).code).toBe(1);
    const rows = await project.rows('SELECT code, status, raw FROM _millrace_quarantine');
    for (const row of rows) {
      expect(row['code']).toBe('EMAIL_EVENT_UNKNOWN');
      expect(JSON.parse(String(row['raw']))).toMatchObject({
        provider: 'sendgrid',
        body: [{ event: 'levitated' }],
      });
    }
  }, 240_000);
});

describe('events of objects', () => {
  const orders = Array.from({ length: 12 }, (_, index) => 820_982_911_946_154_500n + BigInt(index));
  const at = (minute: number) => `2026-02-01T10:${String(minute).padStart(2, '0')}:00Z`;
  const body = (id: bigint, minute: number, price: string) =>
    `{"id":${String(id)},"updated_at":"${at(minute)}","total_price":"${price}"}`;

  test('the latest state of an object wins, however the deliveries are shuffled; one change under two ids is one row', async () => {
    const { sign } = fixtureOf('shopify');
    const deliveries = orders.flatMap((id, index) =>
      [1, 2, 3].flatMap((minute) => {
        // "updated" is sent before and after "create", each change under two event ids.
        const topic = minute === 1 ? 'orders/create' : 'orders/updated';
        return ['a', 'b'].map((half): Outgoing => ({
          provider: 'shopify',
          delivery: sign(body(id, minute, `${String(minute)}.${String(index)}0`), {
            id: `${String(id)}-${String(minute)}-${half}`,
            extra: { topic, 'webhook-id': `${String(minute)}${half}` },
          }),
        }));
      }),
    );
    await sendShuffled(deliveries);
    // The gateway knows a repeat by its signature; started anew it does not, and the table must.
    await gateway.close();
    gateway = await startFixtureGateway({ inboxDirectory: `${project.folder}/.millrace/inbox` });
    await sendShuffled(deliveries);
    const others: Outgoing[] = [
      {
        provider: 'hubspot',
        delivery: fixtureOf('hubspot').sign([
          {
            eventId: 1,
            subscriptionId: 2,
            subscriptionType: 'contact.propertyChange',
            propertyName: 'email',
            objectId: 301,
            occurredAt: 1_769_940_000_000,
          },
        ]),
      },
      {
        provider: 'segment',
        delivery: fixtureOf('segment').sign({
          type: 'track',
          event: 'E',
          messageId: 'm-1',
          timestamp: at(1),
        }),
      },
      {
        provider: 'adobe-io',
        delivery: fixtureOf('adobe-io').sign({
          id: 'e-1',
          type: 'com.adobe.commerce.observer.sales_order_save_after',
          time: at(1),
          data: { value: { entity_id: 12, updated_at: '2026-02-01 10:01:00' } },
        }),
      },
      ...['standard-webhooks', 'generic-hmac', 'generic-bearer', 'generic-basic'].map(
        (provider): Outgoing => ({
          provider,
          delivery: fixtureOf(provider).sign({
            type: 'order.paid',
            timestamp: at(1),
            data: { id: `o-${provider}` },
          }),
        }),
      ),
    ];
    await sendShuffled(others);
    await waitUntil(
      'all changes are there',
      async () => (await count('SELECT count(*) AS n FROM changes')) >= orders.length * 3 + others.length,
      240_000,
    );
    await waitUntil(
      'all orders are there',
      async () => (await count('SELECT count(*) AS n FROM orders_now')) >= orders.length,
      240_000,
    );
    expect(await count('SELECT count(*) AS n FROM changes')).toBe(orders.length * 3 + others.length);
    await waitUntil(
      'the latest state is there',
      async () =>
        (await count(
          `SELECT count(*) AS n FROM orders_now WHERE version = TIMESTAMP '2026-02-01 10:03:00'`,
        )) === orders.length,
    );
    const rows = await project.rows(
      `SELECT "objectId" AS id, type, json_extract_string(body, '$.total_price') AS price FROM orders_now ORDER BY 1`,
    );
    expect(rows).toEqual(
      orders.map((id, index) => ({ id: String(id), type: 'orders/updated', price: `3.${String(index)}0` })),
    );
    const providers = await project.rows('SELECT DISTINCT provider FROM changes ORDER BY 1');
    expect(providers.map(({ provider }) => provider)).toEqual([
      'adobe-io',
      'generic-basic',
      'generic-bearer',
      'generic-hmac',
      'hubspot',
      'segment',
      'shopify',
      'standard-webhooks',
    ]);
  }, 240_000);
});

test('a worker removes what is loaded and old from the inbox, and says what stays', async () => {
  const directory = `${project.folder}/.millrace/inbox/webhooks/shopify`;
  const segments = () => readdirSync(directory).filter((name) => name.endsWith('.ndjson'));
  const [present = ''] = segments().sort();
  const old = `${String(Date.now() - 90 * 86_400_000)}000${present.slice(20)}`.padStart(present.length, '0');
  copyFileSync(join(directory, present), join(directory, old));
  const before = segments().length;
  await worker.end();
  worker = await project.startWorker();
  await waitUntil('the old segment is gone', () => !segments().includes(old));
  expect(segments()).toHaveLength(before - 1);
  await waitUntil('the report is there', async () => {
    const { streams } = await project.json<{ streams: InboxStreamReport[] }>('inbox', 'list');
    const shopify = streams.find(({ stream }) => stream === 'webhooks/shopify');
    return shopify?.removedSegments === 1 && shopify.readers.length === 2;
  });
}, 240_000);
