import { afterEach, describe, expect, test } from '@jest/globals';
import { LosslessNumber, stringify } from 'lossless-json';
import { inspect } from 'node:util';
import { source } from '../../connectors/magento/index.js';
import { magento } from '../../connectors/magento/reference.js';
import type { ReadRequest } from '../../connectors/source.js';
import type { JsonValue } from '../../core/json.js';
import {
  createMagentoServer,
  type MagentoFixtureStream,
  type MagentoServer,
  type MagentoServerOptions,
} from '../../testing/index.js';
import { readAll, rejection, type ReadResult } from './read-all.js';
import { expectResumes } from './read-resumed.js';

const token = 'canary-9b02';
const lagMs = 300_000;
const always = '2025-01-01T00:00:00.000Z';
const opened: MagentoServer[] = [];

async function shop(options: MagentoServerOptions = {}): Promise<MagentoServer> {
  const server = await createMagentoServer({ seed: 5, orders: 40, accessToken: token, ...options });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

function request(server: MagentoServer, more: Partial<ReadRequest> = {}): Partial<ReadRequest> {
  const connection = { connector: 'magento', url: server.url, accessToken: token, allowPrivateNetwork: true };
  return { stream: 'orders', connection, lagMs, ...more, options: { pageSize: 9, ...more.options } };
}

function read(server: MagentoServer, more: Partial<ReadRequest> = {}): Promise<ReadResult> {
  return readAll(source, request(server, more));
}

interface Row {
  readonly entity_id: number;
  readonly updated_at: string;
  readonly [name: string]: unknown;
}

const parsed = (lines: readonly string[]): Row[] => lines.map((line) => JSON.parse(line) as Row);
const idsOf = (lines: readonly string[]): number[] =>
  parsed(lines).map(({ entity_id, id }) => entity_id ?? id);
const truthIds = (server: MagentoServer, stream: MagentoFixtureStream = 'orders'): unknown[] =>
  server.truth(stream).map((record) => record['entity_id'] ?? record['id']);
const iso = (time: unknown): string => `${String(time).replace(' ', 'T')}.000Z`;
const numerically = (a: number, b: number): number => a - b;

describe('a read of everything', () => {
  test('lists each record once, to the digit; times have their zone', async () => {
    const server = await shop();
    const { rows, deletes, cursor } = await read(server);
    const truth = server.truth('orders');
    expect(idsOf(rows)).toEqual(truthIds(server));
    for (const [index, line] of rows.entries()) {
      const order = truth[index] as (typeof truth)[number];
      const total = order['grand_total'];
      expect(line).toContain(`"grand_total":${total instanceof LosslessNumber ? total.value : '?'},`);
      expect(JSON.parse(line)).toMatchObject({
        increment_id: order['increment_id'],
        updated_at: iso(order['updated_at']),
        created_at: iso(order['created_at']),
      });
    }
    expect(deletes).toEqual([]);
    expect(cursor).toBe(
      truth
        .map((order) => iso(order['updated_at']))
        .sort()
        .at(-1),
    );
  });

  test.each(['customers', 'products', 'creditmemos'] as const)('of %s, then its changes', async (stream) => {
    const server = await shop();
    const { rows, cursor } = await read(server, { stream, options: { pageSize: 3 } });
    expect(idsOf(rows)).toEqual(truthIds(server, stream));
    while (!server.isDone()) server.advance();
    const changed = await read(server, { stream, cursor: cursor ?? null });
    const all = new Set([...idsOf(rows), ...idsOf(changed.rows)]);
    expect([...all].sort(numerically)).toEqual(truthIds(server, stream));
  });

  test('ends where a full page is the last one, however the shop counts; a page behind the end is never asked for', async () => {
    const server = await shop({ orders: 36 });
    const wrong = (count: number) => ({ kind: 'wrong-count', count }) as const;
    for (const faults of [[], [wrong(9)], [wrong(900), wrong(900), wrong(900), wrong(900)]]) {
      server.failNext(...faults);
      expect(idsOf((await read(server)).rows)).toEqual(truthIds(server));
    }
    const pages = server.requests().map((line) => new URL(line.slice(4), server.url).searchParams);
    expect(new Set(pages.map((query) => query.get('searchCriteria[currentPage]')))).toEqual(new Set(['1']));
  });

  test('the fixture repeats its last page behind the end, as shops do', async () => {
    const server = await shop({ orders: 10 });
    const url = `${server.url}/rest/all/V1/orders?searchCriteria[pageSize]=4&searchCriteria[currentPage]=`;
    const page = async (number: number): Promise<unknown> => {
      const answer = await fetch(`${url}${String(number)}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return ((await answer.json()) as { items: unknown }).items;
    };
    expect(await page(7)).toEqual(await page(3));
  });

  test('its cursor does not pass the moment it began', async () => {
    const server = await shop({ startAt: new Date(Date.now() + 3_600_000).toISOString() });
    server.advance();
    expect(Date.parse(String((await read(server)).cursor))).toBeLessThanOrEqual(Date.now());
  });

  test('takes the members that were asked for', async () => {
    const server = await shop();
    const { rows } = await read(server, { options: { fields: ['status', 'grand_total'] } });
    expect(Object.keys(parsed(rows)[0] ?? {}).sort()).toEqual([
      'entity_id',
      'grand_total',
      'status',
      'updated_at',
    ]);
  });
});

describe('a read of changes', () => {
  test('polled through its whole life, faults and late commits included, every order ends as the shop holds it', async () => {
    const server = await shop({ seed: 21, steps: 5, imported: 3, faults: true });
    const table = new Map<number, Row>();
    let cursor: JsonValue | undefined;
    for (;;) {
      const result = await read(server, cursor === undefined ? {} : { cursor });
      for (const row of parsed(result.rows)) table.set(row.entity_id, row);
      cursor = result.cursor;
      if (server.isDone()) break;
      server.advance();
    }
    expect(
      [...table.values()]
        .sort((a, b) => a.entity_id - b.entity_id)
        .map((row) => [row.updated_at, row['status']]),
    ).toEqual(server.truth('orders').map((order) => [iso(order['updated_at']), order['status']]));
  });

  test('more orders of one second than a page holds all come, once', async () => {
    const server = await shop({ imported: 25, steps: 3 });
    const { cursor } = await read(server);
    while (!server.isDone()) server.advance();
    const { rows } = await read(server, { cursor: cursor ?? null });
    const from = new Date(Date.parse(String(cursor)) - lagMs).toISOString();
    const expected = server.truth('orders').filter((order) => iso(order['updated_at']) >= from);
    expect(expected.length).toBeGreaterThan(75);
    expect(idsOf(rows).sort(numerically)).toEqual(expected.map((order) => order['entity_id']));
  });

  test('an order that changes while pages are read pushes no other out of sight', async () => {
    const server = await shop({ orders: 60, steps: 30 });
    const before = truthIds(server) as number[];
    const seen = new Set<number>();
    const whole = { waitMs: 0, ...request(server, { cursor: always, lagMs: 0 }) } as ReadRequest;
    const context = {
      signal: new AbortController().signal,
      staging: undefined as never,
      heartbeat: () => server.advance(),
    };
    for await (const batch of source.read(whole, context))
      for (const id of idsOf(
        Buffer.from(batch.bytes ?? [])
          .toString()
          .split('\n')
          .slice(0, -1),
      ))
        seen.add(id);
    expect(before.filter((id) => !seen.has(id))).toEqual([]);
    expect(server.requests().length).toBeGreaterThan(6);
  });

  test('by interval: half-open, to the fraction of a second', async () => {
    const server = await shop({ steps: 4 });
    while (!server.isDone()) server.advance();
    const all = server.truth('orders').length;
    const middle = iso(server.truth('orders')[20]?.['updated_at']);
    for (const boundary of [middle, middle.replace('.000Z', '.500Z'), '2026-01-05T08:01:05.000Z']) {
      const before = await read(server, { interval: { start: always, end: boundary } });
      const after = await read(server, { interval: { start: boundary, end: '2027-01-01T00:00:00.000Z' } });
      expect(before.rows.length + after.rows.length).toBe(all);
      expect(parsed(before.rows).every(({ updated_at }) => updated_at < boundary)).toBe(true);
      expect(parsed(after.rows).every(({ updated_at }) => updated_at >= boundary)).toBe(true);
    }
  });
});

test.each([
  ['id', {}],
  ['change', { cursor: always }],
])('a read by %s that is cut behind any page goes on with the next one', async (_way, more) => {
  const server = await shop({ orders: 20, imported: 11 });
  // One second has more orders than a page.
  server.advance();
  const read = request(server, { ...more, options: { pageSize: 5 } });
  expect(await expectResumes(source, read, () => server.requests())).toBeGreaterThan(3);
});

describe('credentials', () => {
  const signed = (server: MagentoServer, keys = {}) => ({
    url: server.url,
    auth: { type: 'oauth1', ...server.keys, ...keys },
    allowPrivateNetwork: true,
  });

  test('keys of an integration sign each request and each try anew', async () => {
    const server = await shop();
    server.failNext({ kind: 'status', status: 502 }, { kind: 'none' }, { kind: 'truncated' });
    const { rows } = await read(server, { connection: signed(server), cursor: always });
    expect(idsOf(rows).sort(numerically)).toEqual(truthIds(server));
    expect(server.requests().some((line) => line.includes('%20'))).toBe(true);
  });

  test('wrong ones are SOURCE_AUTH at once, and in no error', async () => {
    const server = await shop();
    for (const connection of [
      signed(server, { accessTokenSecret: token }),
      { url: server.url, accessToken: `${token}-old`, allowPrivateNetwork: true },
    ]) {
      const before = server.requests().length;
      const error = await rejection(read(server, { connection }));
      expect(error).toMatchObject({ code: 'SOURCE_AUTH', retryable: false });
      expect(server.requests()).toHaveLength(before + 1);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token);
    }
  });

  test('a store view is part of the address; another deployment has its own', async () => {
    const server = await shop();
    await read(server, { options: { store: 'fr' } });
    const connection = {
      restUrl: server.restUrl,
      accessToken: token,
      headers: { Store: 'fr' },
      allowPrivateNetwork: true,
    };
    expect((await read(server, { connection })).rows).toHaveLength(40);
    const paths = server.requests().map((line) => line.slice(4).split('?')[0]);
    expect(new Set(paths)).toEqual(new Set(['/rest/fr/V1/orders', '/tenant-1/V1/orders']));
  });

  test('test() names the store views with one request', async () => {
    const server = await shop();
    const { signal } = new AbortController();
    const { detail } = await source.test(signed(server), { signal });
    expect(detail).toBe(`Magento at ${new URL(server.url).host}, store views default, fr`);
    expect(server.requests()).toHaveLength(1);
  });
});

test('the script is the same for the same seed, and another for another', async () => {
  const [a, b, c] = [await shop({ seed: 4 }), await shop({ seed: 4 }), await shop({ seed: 6 })];
  const state = (server: MagentoServer): string => stringify(server.truth('orders')) ?? '';
  while (!a.isDone()) {
    for (const server of [a, b, c]) server.advance();
    expect(state(a)).toBe(state(b));
    expect(state(a)).not.toBe(state(c));
  }
});

test('a 429 is waited for as long as it says', async () => {
  const server = await shop();
  server.failNext({ kind: 'rate-limit', retryAfter: '120' });
  expect(await rejection(read(server))).toMatchObject({ code: 'SOURCE_RATE_LIMITED', retryAfterMs: 120_000 });
  expect(server.requests()).toHaveLength(1);
});

test('an address of a private network is not asked, unless the connection allows it', async () => {
  const server = await shop();
  const connection = { url: server.url, accessToken: token };
  expect(await rejection(read(server, { connection }))).toMatchObject({ code: 'SOURCE_PRIVATE_NETWORK' });
  expect(server.requests()).toEqual([]);
});

test('every problem is named at once; a token is never sent in clear text to another machine', async () => {
  const { options } = magento.orders({
    connection: 'shop',
    options: { pageSize: 5_000, store: 'fr/../x', fields: ['items]'] },
  });
  const connection = {
    url: 'http://shop.example.com',
    restUrl: 'x',
    apiKey: 'x',
    headers: { AUTHORIZATION: 'y' },
  };
  const error = await rejection(readAll(source, { stream: 'carts', connection, options }));
  expect(error['code']).toBe('CONFIG_INVALID');
  for (const part of [
    '"carts"',
    'pageSize',
    'store',
    'fields',
    'apiKey',
    'connection.url',
    'restUrl',
    'AUTHORIZATION',
    'oauth1',
  ])
    expect(error.message).toContain(part);
});
