import { afterEach, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { emailRows } from '../../connectors/klaviyo/email-events.js';
import { source } from '../../connectors/klaviyo/index.js';
import { klaviyo } from '../../connectors/klaviyo/reference.js';
import type { ReadRequest, SourceBatch } from '../../connectors/source.js';
import type { JsonValue } from '../../core/json.js';
import { createKlaviyoServer, type KlaviyoServer, type KlaviyoServerOptions } from '../../testing/index.js';
import { readAll, rejection, type ReadResult } from './read-all.js';
import { expectResumes } from './read-resumed.js';

const apiKey = 'pk_canary_31d8';
const lagMs = 120_000;
const opened: KlaviyoServer[] = [];

async function account(options: KlaviyoServerOptions = {}): Promise<KlaviyoServer> {
  const server = await createKlaviyoServer({ seed: 6, profiles: 40, apiKey, ...options });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

function request(
  server: KlaviyoServer,
  stream: string,
  more: Partial<ReadRequest> = {},
): Partial<ReadRequest> {
  const connection = { connector: 'klaviyo', url: server.url, apiKey };
  return { stream, connection, lagMs, ...more, options: { pageSize: 9, ...more.options } };
}

const read = (server: KlaviyoServer, stream: string, more?: Partial<ReadRequest>): Promise<ReadResult> =>
  readAll(source, request(server, stream, more));

interface Row {
  readonly id: string;
  readonly [name: string]: unknown;
}

const parsed = (lines: readonly string[]): Row[] => lines.map((line) => JSON.parse(line) as Row);
const idsOf = (lines: readonly string[]): string[] =>
  parsed(lines)
    .map(({ id }) => id)
    .sort();
const sorted = (records: readonly { readonly id: string }[]): string[] => records.map(({ id }) => id).sort();

describe('a read of everything', () => {
  test('has each profile once, its attributes beside its id', async () => {
    const server = await account();
    const { rows, cursor } = await read(server, 'profiles');
    expect(idsOf(rows)).toEqual(sorted(server.profiles()));
    const emails = new Map(server.profiles().map(({ id, email }) => [id, email]));
    for (const row of parsed(rows)) {
      expect(row).toMatchObject({ email: emails.get(row.id), phone_number: null, last_name: 'Example' });
      expect(row['subscriptions']).toMatchObject({ email: { marketing: { consent: 'SUBSCRIBED' } } });
      expect(row).not.toHaveProperty('attributes');
    }
    expect(Date.parse(String(cursor))).toBe(Math.max(...server.profiles().map(({ updatedMs }) => updatedMs)));
    expect(server.requests()[0]).toContain('sort=updated');
  });

  test('has each event once, with the name of its metric and the address of its profile', async () => {
    const server = await account();
    const { rows } = await read(server, 'events');
    expect(idsOf(rows)).toEqual(sorted(server.events()));
    const emails = new Map(server.profiles().map(({ id, email }) => [id, email]));
    for (const row of parsed(rows)) {
      expect(row['profile_email']).toBe(emails.get(String(row['profile_id'])));
      expect(row['metric_name']).toMatch(/Email|Order/);
      expect(row).toHaveProperty('event_properties.$message', '01KCAMPAIGN');
    }
  });

  test('its cursor does not pass the moment it began', async () => {
    const server = await account({ startAt: new Date(Date.now() + 3_600_000).toISOString() });
    server.advance();
    const { cursor } = await read(server, 'profiles');
    expect(Date.parse(String(cursor))).toBeLessThanOrEqual(Date.now());
  });
});

test.each(['profiles', 'events', 'email-events'])(
  'a read of %s that is cut behind any page goes on with the next one',
  async (stream) => {
    const server = await account();
    expect(await expectResumes(source, request(server, stream), () => server.requests())).toBeGreaterThan(2);
  },
);

describe('a read of changes', () => {
  test.each(['profiles', 'events'] as const)(
    'polled through its whole life, faults included, no record of %s is missed',
    async (stream) => {
      const server = await account({ seed: 31, steps: 4, faults: true });
      const table = new Map<string, Row>();
      let cursor: JsonValue | undefined;
      for (;;) {
        server.failNext({ kind: 'duplicate' });
        const result = await read(server, stream, cursor === undefined ? {} : { cursor });
        for (const row of parsed(result.rows)) table.set(row.id, row);
        cursor = result.cursor;
        if (server.isDone()) break;
        server.advance();
      }
      expect([...table.keys()].sort()).toEqual(
        sorted(stream === 'profiles' ? server.profiles() : server.events()),
      );
      if (stream === 'profiles')
        for (const { id, consent } of server.profiles())
          expect(table.get(id)).toHaveProperty('subscriptions.email.marketing.consent', consent);
    },
  );

  test('asks from the cursor less the lag, the very moment included, though its lower bound is exclusive', async () => {
    const server = await account({ steps: 2 });
    const { cursor } = await read(server, 'profiles');
    while (!server.isDone()) server.advance();
    const { rows } = await read(server, 'profiles', { cursor: cursor ?? null, lagMs: 0 });
    const from = Date.parse(String(cursor));
    const due = server.profiles().filter(({ updatedMs }) => updatedMs >= from);
    expect(idsOf(rows)).toEqual(expect.arrayContaining(sorted(due)));
    expect(rows.length).toBeLessThan(server.profiles().length / 2);
    expect(decodeURIComponent(server.requests().at(-1) ?? '')).toContain('filter=greater-than(updated,');
  });

  test.each(['profiles', 'events'] as const)('of %s by interval: half-open', async (stream) => {
    const server = await account({ steps: 4 });
    while (!server.isDone()) server.advance();
    const boundary = '2026-01-05T08:01:00.000Z';
    const before = await read(server, stream, {
      interval: { start: '2025-01-01T00:00:00.000Z', end: boundary },
    });
    const after = await read(server, stream, {
      interval: { start: boundary, end: '2027-01-01T00:00:00.000Z' },
    });
    const all = sorted(stream === 'profiles' ? server.profiles() : server.events());
    expect([...idsOf(before.rows), ...idsOf(after.rows)].sort()).toEqual(all);
    expect(after.rows.length).toBeGreaterThan(0);
  });
});

describe('e-mail events', () => {
  test('are those of e-mail alone, in the canonical form', async () => {
    const server = await account();
    const { rows } = await read(server, 'email-events');
    const expected = server.events().filter(({ metricId }) => metricId !== 'M00005');
    expect(
      parsed(rows)
        .map(({ eventId }) => String(eventId))
        .sort(),
    ).toEqual(sorted(expected));
    const types = new Set(parsed(rows).map(({ type }) => type));
    expect(types).toEqual(new Set(['delivered', 'opened', 'clicked', 'bounced', 'unsubscribed']));
    for (const row of parsed(rows)) {
      expect(row).toMatchObject({
        provider: 'klaviyo',
        campaignId: '01KCAMPAIGN',
        subject: 'News of the week',
      });
      expect(row['raw']).toHaveProperty('id', row['eventId']);
      if (row['type'] === 'bounced') expect(['hard', 'soft']).toContain(row['bounceClass']);
      if (row['type'] === 'clicked') expect(row['url']).toBe('https://shop.example.com/records');
    }
    const machines = parsed(rows).filter(({ isMachineOpen }) => isMachineOpen === true);
    expect(machines.length).toBeGreaterThan(0);
  });

  test('one that cannot be read is set aside, and is delivered once it can', async () => {
    const line = '{"id":"e1","datetime":null,"metric_name":"Opened Email","profile_email":"a@example.com"}\n';
    const reshape = (text: string): Promise<SourceBatch | readonly SourceBatch[] | undefined> =>
      source.reshape?.(Buffer.from(text), { stream: 'email-events', options: {} }) ??
      Promise.resolve(undefined);
    const set = await reshape(line);
    expect(set).toMatchObject({
      rowCount: 0,
      rejects: [{ code: 'EMAIL_EVENT_INCOMPLETE', raw: line.trim() }],
    });
    const mended = await reshape(line.replace('null', '"2026-01-05T08:00:00+00:00"'));
    expect(mended).toMatchObject({ rowCount: 1, rejects: [] });
  });
});

describe('limits and faults', () => {
  test('a spent limit is waited for, so that a long read is never refused', async () => {
    const server = await account({ rateLimit: { requests: 3, windowMs: 400 } });
    expect((await read(server, 'profiles')).rows).toHaveLength(40);
    expect(server.requests()).toHaveLength(5);
  });

  test('a 429 tells how long to wait', async () => {
    const server = await account({ rateLimit: { requests: 0, windowMs: 60_000 } });
    const error = await rejection(read(server, 'profiles'));
    expect(error).toMatchObject({ code: 'SOURCE_RATE_LIMITED', retryable: true, retryAfterMs: 60_000 });
  });

  test('an outage, and cut bodies, end with their codes; nothing of them is delivered', async () => {
    const server = await account();
    server.failNext(...[500, 502, 503].map((status) => ({ kind: 'status' as const, status })));
    expect(await rejection(read(server, 'events'))).toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      retryable: true,
    });
    server.failNext(...Array.from({ length: 3 }, () => ({ kind: 'truncated' as const })));
    expect(await rejection(read(server, 'events'))).toMatchObject({ retryable: true });
  });

  test.each(['loop', 'endless'] as const)('pages that never end are noticed: %s', async (kind) => {
    const server = await account();
    server.failNext(...Array.from({ length: 40 }, () => ({ kind })));
    expect(await rejection(read(server, 'profiles'))).toMatchObject({ code: 'SOURCE_PROTOCOL' });
    expect(server.requests().length).toBeLessThan(20);
  });

  test('a wrong key is SOURCE_AUTH at once, and the key is nowhere in the error', async () => {
    const server = await account({ apiKey: 'another' });
    const error = await rejection(read(server, 'profiles'));
    expect(error).toMatchObject({ code: 'SOURCE_AUTH', retryable: false });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(apiKey);
  });

  test('test() names the account with one request', async () => {
    const server = await account();
    const { signal } = new AbortController();
    const { detail } = await source.test(request(server, 'profiles').connection ?? {}, { signal });
    expect(detail).toBe('Klaviyo account FxTr62');
    expect(server.requests()).toEqual(['/api/accounts']);
  });

  test('every problem is named at once; a key is never sent in clear text to another machine', async () => {
    const { options } = klaviyo.profiles({
      connection: 'mail',
      options: { pageSize: 500, additionalFields: ['lists' as 'subscriptions'] },
    });
    const connection = { url: 'http://a.klaviyo.com', token: 'x', revision: 'latest' };
    const error = await rejection(readAll(source, { stream: 'profiles', connection, options }));
    expect(error['code']).toBe('CONFIG_INVALID');
    for (const part of ['pageSize', 'additionalFields', 'apiKey', '"token"', 'revision', 'connection.url'])
      expect(error.message).toContain(part);
    expect((await rejection(readAll(source, { stream: 'lists', connection }))).message).toContain('"lists"');
  });
});

test.each([
  [{ machine_open: true }, true],
  [{ 'Apple Privacy Open': true }, true],
  [{ 'Apple Privacy Open': false }, false],
  [{}, false],
])('an open with %j: prefetched %j', (properties, isPrefetch) => {
  const row = {
    id: 'e1',
    metric_name: 'Opened Email',
    datetime: '2026-01-05T08:00:00+00:00',
    profile_email: 'a@example.com',
    event_properties: properties,
  };
  const { lines } = emailRows([Buffer.from(JSON.stringify(row))]);
  const [event] = lines.map((line) => JSON.parse(Buffer.from(line).toString()) as { openVia?: string });
  expect(event?.openVia === 'prefetch').toBe(isPrefetch);
});
