import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deliveryRows, type DeliveryShape } from '../../connectors/inbox/delivery-rows.js';
import { bounceClasses, emailEventTypes } from '../../connectors/webhook/email-event.js';
import { formJson } from '../../connectors/webhook/form-json.js';
import type { JsonObject } from '../../core/json.js';
import { compileSchema } from '../../schemas/ajv.js';
import { createWebhookFixtures, emailSamples } from '../../testing/index.js';
import { root } from '../architecture/source-tree.js';

const fixtures = createWebhookFixtures();
const samples = Object.entries(emailSamples).flatMap(([provider, list]) =>
  list.map((sample): [string, string, (typeof list)[number]] => [provider, sample.name, sample]),
);
const schema = (id: string) =>
  JSON.parse(readFileSync(join(root, 'schemas/records', `${id}.schema.json`), 'utf8')) as JsonObject;
const checks = {
  'email-event': compileSchema(schema('email-event.v2')),
  'webhook-event': compileSchema(schema('webhook-event.v1')),
};

/** The body that a signed payload leaves in the inbox. */
function keptBody(provider: string, payload: unknown): string {
  const body = fixtures.get(provider)!.sign(payload).body.toString('utf8');
  if (provider === 'mailchimp') return formJson(body)!.toString('utf8');
  return provider === 'mandrill' ? new URLSearchParams(body).get('mandrill_events')! : body;
}

const line = (provider: string, body: string) =>
  Buffer.from(
    `{"receivedAt":"2026-02-01T10:00:01.000Z","source":"mail","endpoint":"webhook","requestId":"r-1","provider":"${provider}","eventId":"d-1","body":${body}}\n`,
  );

async function read(provider: string, body: string, shape: DeliveryShape) {
  const { bytes, rowCount, rejects } = await deliveryRows(line(provider, body), shape);
  const rows = Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text) as Record<string, unknown>);
  expect(rows).toHaveLength(rowCount);
  return { rows, rejects };
}

describe('every documented event has one canonical row that fits its schema', () => {
  test.each(samples)('%s %s', async (provider, _name, { payload, meaning }) => {
    const body = keptBody(provider, payload);
    const { rows, rejects } = await read(provider, body, 'email-event');
    expect(rejects).toEqual([]);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ ...meaning, provider, requestId: 'r-1' });
    expect(checks['email-event'](rows[0])).toBeUndefined();
    expect((await read(provider, body, 'email-event')).rows[0]).toEqual(rows[0]);
    const plain = await read(provider, body, 'webhook-event');
    expect(checks['webhook-event'](plain.rows[0])).toBeUndefined();
  });

  test('together they reach every type and every class', () => {
    const meanings = samples.map(([, , { meaning }]) => meaning);
    expect(new Set(meanings.map(({ type }) => type))).toEqual(new Set(emailEventTypes));
    expect(new Set(meanings.flatMap(({ bounceClass }) => bounceClass ?? []))).toEqual(new Set(bounceClasses));
  });

  test('the types of schema and code are the same', () => {
    const { properties } = schema('email-event.v2') as { properties: Record<string, { enum: unknown[] }> };
    expect(properties['type']!.enum).toEqual([...emailEventTypes]);
    expect(properties['bounceClass']!.enum).toEqual([...bounceClasses, null]);
  });
});

test('different events of one provider have different ids', async () => {
  for (const [provider, list] of Object.entries(emailSamples)) {
    // Where the delivery gives the id, each delivery has another one.
    if (provider === 'resend' || provider === 'ses') continue;
    const rows = await Promise.all(
      list.map(({ payload }) => read(provider, keptBody(provider, payload), 'email-event')),
    );
    const ids = rows.map((found) => found.rows[0]!['eventId']);
    const texts = list.map(({ payload }) => keptBody(provider, payload));
    expect([provider, new Set(ids).size]).toEqual([provider, new Set(texts).size]);
  }
});

test('an event of a message to several has a row for each, or no recipient where none is named', async () => {
  const mail = {
    messageId: 'm',
    timestamp: '2026-02-01T10:00:00Z',
    destination: ['a@example.com', 'b@example.com'],
  };
  const sns = (event: object) =>
    JSON.stringify({ Message: JSON.stringify(event), Timestamp: '2026-02-01T10:00:00Z' });
  const delivered = await read(
    'ses',
    sns({ eventType: 'Delivery', mail, delivery: { recipients: ['a@example.com', 'b@example.com'] } }),
    'email-event',
  );
  expect(delivered.rows.map(({ recipient }) => recipient)).toEqual(['a@example.com', 'b@example.com']);
  expect(new Set(delivered.rows.map(({ eventId }) => eventId)).size).toBe(2);
  const opened = await read('ses', sns({ eventType: 'Open', mail, open: {} }), 'email-event');
  expect(opened.rows).toHaveLength(1);
  expect(opened.rows[0]).not.toHaveProperty('recipient');
});

describe('what cannot be mapped goes to the quarantine with a code', () => {
  const providers = Object.keys(emailSamples);

  test.each(providers)('%s: a type that nobody knows', async (provider) => {
    const { payload } = emailSamples[provider]![0]!;
    const name = emailSamples[provider]![0]!.name;
    const body = keptBody(provider, payload).replaceAll(name, 'something_new');
    const { rows, rejects } = await read(provider, body, 'email-event');
    expect(rows).toEqual([]);
    expect(rejects).toEqual([
      expect.objectContaining({ code: 'EMAIL_EVENT_UNKNOWN', raw: expect.stringContaining('something_new') }),
    ]);
  });

  test('a rejected delivery is read again from its own text', async () => {
    const known = keptBody('sendgrid', emailSamples['sendgrid']![0]!.payload);
    const two = `[${known.slice(1, -1)},{"event":"something_new","email":"x@example.com","timestamp":1}]`;
    const { rows, rejects } = await read('sendgrid', two, 'email-event');
    expect([rows.length, rejects.length]).toEqual([1, 1]);
    const again = await deliveryRows(Buffer.from(`${rejects[0]!.raw}\n`), 'email-event');
    expect(again.rejects).toEqual(rejects);
  });

  test('an event that names no time', async () => {
    const { rejects } = await read('brevo', '{"event":"delivered","email":"a@example.com"}', 'email-event');
    expect(rejects).toEqual([expect.objectContaining({ code: 'EMAIL_EVENT_INCOMPLETE' })]);
  });

  test('a provider that sends no e-mail', async () => {
    const { rejects } = await read('shopify', '{"id":1}', 'email-event');
    expect(rejects).toEqual([expect.objectContaining({ code: 'EMAIL_EVENT_UNKNOWN' })]);
  });

  test.each(providers)(
    '%s: whatever JSON comes, each event is a row that fits or a reject',
    async (provider) => {
      const { payload } = emailSamples[provider]![0]!;
      const leaf = fc.oneof(fc.jsonValue(), fc.constantFrom('', '1769940000', 'open', 'Bounce', -1, 1e400));
      const mutated = fc
        .tuple(fc.nat(), leaf, fc.boolean())
        .map(([at, value, isWhole]) => (isWhole ? value : mutate(provider, payload, at, value)));
      await fc.assert(
        fc.asyncProperty(mutated, async (value) => {
          const body = JSON.stringify(value) ?? 'null';
          const { rows, rejects } = await read(provider, body, 'email-event');
          for (const row of rows) expect([row, checks['email-event'](row)]).toEqual([row, undefined]);
          for (const { code } of rejects)
            expect(['EMAIL_EVENT_UNKNOWN', 'EMAIL_EVENT_INCOMPLETE', 'WEBHOOK_EVENT_INVALID']).toContain(
              code,
            );
          // These deliver one event at a time, whatever it looks like.
          const isSingle = ['mailgun', 'ses', 'mailchimp'].includes(provider);
          const elements = Array.isArray(value) && !isSingle ? value.length : 1;
          // These send trials that are no events, or changes that are none of an e-mail.
          const isQuiet = ['sparkpost', 'mailersend', 'mailchimp'].includes(provider);
          if (!isQuiet) expect(rows.length + rejects.length).toBeGreaterThanOrEqual(elements);
        }),
        { numRuns: 60, seed: 4 },
      );
    },
  );
});

/** The kept body of a payload with one member, however deep, replaced by a value. */
function mutate(provider: string, payload: unknown, at: number, value: unknown): unknown {
  const body = JSON.parse(keptBody(provider, payload)) as unknown;
  const places: [Record<string, unknown>, string][] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const name of Object.keys(node)) {
      places.push([node as Record<string, unknown>, name]);
      walk((node as Record<string, unknown>)[name]);
    }
  };
  walk(body);
  const [holder, name] = places[at % places.length]!;
  holder[name] = value;
  return body;
}
