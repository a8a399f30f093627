import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { readBulkFile } from '../../connectors/shopify/bulk-file.js';
import { shopifyGraphql } from '../../connectors/shopify/graphql-api.js';
import { source } from '../../connectors/shopify/index.js';
import { shopify } from '../../connectors/shopify/reference.js';
import { searchChanged } from '../../connectors/shopify/search.js';
import { shopifySettings } from '../../connectors/shopify/settings.js';
import { shopifyStreams } from '../../connectors/shopify/streams.js';
import type { ReadRequest } from '../../connectors/source.js';
import type { JsonValue } from '../../core/json.js';
import { createShopServer, type ShopServer, type ShopServerOptions } from '../../testing/index.js';
import { readAll, rejection, type ReadResult } from './read-all.js';
import { expectResumes, readUntil } from './read-resumed.js';

const token = 'shop-canary-91c2';
const lagMs = 120_000;
const opened: ShopServer[] = [];

async function shop(options: ShopServerOptions = {}): Promise<ShopServer> {
  const server = await createShopServer({ seed: 4, orders: 90, steps: 5, accessToken: token, ...options });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

type Stream = keyof typeof shopify;

function request(server: ShopServer, stream: Stream, more: Partial<ReadRequest> = {}): Partial<ReadRequest> {
  const connection = { connector: 'shopify', url: server.url, accessToken: token };
  return { stream, connection, lagMs, ...more, options: { api: 'graphql', pageSize: 12, ...more.options } };
}

const read = (server: ShopServer, stream: Stream, more?: Partial<ReadRequest>): Promise<ReadResult> =>
  readAll(source, request(server, stream, more));

const paged = { options: { bulk: false } };
const idOf = (line: string): string => /^\{"id":(\d+)/.exec(line)?.[1] ?? '?';
const idsOf = (lines: readonly string[]): string[] => lines.map(idOf).sort();
const texts = (ids: readonly bigint[]): string[] => ids.map(String).sort();
const truthOf = (server: ShopServer, stream: Stream): string[] =>
  texts(stream === 'orders' ? server.truth().map(({ id }) => id) : server.ids(stream));
const instant = (text: unknown): string => new Date(String(text)).toISOString();

/** A line with its numbers as text and its times as UTC. */
function comparable(line: string): unknown {
  const exact = line.replace(/("(?:\w*_)?id"):(\d+)/g, '$1:"$2"');
  return JSON.parse(exact, (name, value: unknown) =>
    name.endsWith('_at') && value !== null ? instant(value) : value,
  );
}

describe('a read of everything', () => {
  test.each(['orders', 'customers', 'products', 'refunds'] as const)(
    'of %s has each object once',
    async (stream) => {
      const server = await shop({ nestedMaxObjects: 2 });
      while (!server.isDone()) server.advance();
      const { rows, cursor } = await read(server, stream);
      expect(idsOf(rows)).toEqual(truthOf(server, stream));
      expect(rows.length).toBeGreaterThan(2);
      expect(Date.parse(String(cursor))).toBeGreaterThan(0);
      expect(server.bulkStatuses()).toEqual(stream === 'refunds' ? [] : ['COMPLETED']);
    },
  );

  test.each([
    ['as a bulk operation, children joined to their parents', {}],
    ['page by page, with all elements of nested connections', paged],
  ])('of orders gives the rows of the REST API: %s', async (_name, more) => {
    const server = await shop({ nestedMaxObjects: 2 });
    while (!server.isDone()) server.advance();
    const rest = await read(server, 'orders', { options: { api: 'rest' } });
    const found = await read(server, 'orders', more);
    const byId = (rows: readonly string[]) => new Map(rows.map((row) => [idOf(row), comparable(row)]));
    expect(byId(found.rows)).toEqual(byId(rest.rows));
    expect(idsOf(found.deletes)).toEqual(texts(server.deletedIds()));
    expect(found.rows.join('')).toContain('"total_price":"');
  });

  test('the file of a bulk operation is asked for again where the connection broke', async () => {
    const server = await shop();
    const faults = [
      ...Array.from({ length: 3 }, () => ({ kind: 'none' as const })),
      { kind: 'truncated' as const },
    ];
    server.failNext(...faults, { kind: 'status', status: 503 });
    const { rows } = await read(server, 'orders');
    expect(idsOf(rows)).toEqual(truthOf(server, 'orders'));
    expect(server.requests().filter((path) => path.startsWith('/bulk/'))).toHaveLength(3);
  });

  test('a bulk file that lacks lines, or has strangers, is refused', async () => {
    const server = await shop();
    await read(server, 'products');
    const path = server.requests().find((line) => line.startsWith('/bulk/')) ?? '';
    const text = (await (await fetch(server.url + path)).text()).trim().split('\n');
    const lines = text.length;
    const drain = async (objectCount: number, from = server.url): Promise<void> => {
      const result = { url: from + path, objectCount, createdAtMs: 0 };
      const { signal } = new AbortController();
      for await (const { nodes } of readBulkFile(new URL(server.url), result, signal))
        expect(nodes.length).toBe(60);
    };
    await drain(lines);
    // Where lines came already, it goes on behind them.
    const parents = text.flatMap((line, index) => (line.includes('__parentId') ? [] : [index]));
    const { signal } = new AbortController();
    const result = { url: server.url + path, objectCount: lines, createdAtMs: 0 };
    for await (const rest of readBulkFile(new URL(server.url), result, signal, parents[50]))
      expect([rest.nodes.length, rest.lines]).toEqual([10, lines]);
    expect((await rejection(drain(lines + 1))).message).toContain(`has ${String(lines)} lines`);
    expect((await rejection(drain(lines, 'http://files.example.com'))).message).toContain('no https address');
  });

  test('a bulk operation is taken over', async () => {
    const server = await shop();
    while (!server.isDone()) server.advance();
    const whole = await read(server, 'orders');
    for (const places of [1, 2]) {
      const first = (await readUntil(source, request(server, 'orders'), places))!;
      expect(first.resume).toMatchObject({ bulk: { lines: 0 } });
      const operations = server.bulkStatuses().length;
      const rest = await read(server, 'orders', { resume: first.resume! });
      expect(rest).toMatchObject({ rows: whole.rows, deletes: whole.deletes, cursor: whole.cursor });
      expect(server.bulkStatuses()).toHaveLength(operations);
    }
  });

  test('one that has not completed, or is gone, is no place to go on', async () => {
    const server = await shop({ bulkPolls: 10_000 });
    const controller = new AbortController();
    const reading = readAll(source, request(server, 'orders'), controller.signal);
    while (!server.questions().some(({ variables }) => variables?.['id'] !== undefined)) await sleep(10);
    controller.abort(new Error('enough'));
    await rejection(reading);
    for (const id of ['gid://shopify/BulkOperation/720918', 'gid://shopify/BulkOperation/1']) {
      const error = await rejection(read(server, 'orders', { resume: { bulk: { id, lines: 0 } } }));
      expect(error['code']).toBe('SOURCE_RESUME');
    }
  });

  test('a bulk operation that nobody waits for is cancelled; one beside another waits for its turn', async () => {
    const server = await shop({ bulkPolls: 10_000 });
    const controller = new AbortController();
    const reading = readAll(source, request(server, 'orders'), controller.signal);
    while (server.bulkStatuses().length === 0) await sleep(10);
    const busy = await rejection(read(server, 'products'));
    expect(busy).toMatchObject({ code: 'SOURCE_RATE_LIMITED', retryable: true, retryAfterMs: 60_000 });
    controller.abort(new Error('enough'));
    expect((await rejection(reading)).message).toBe('enough');
    expect(server.bulkStatuses()).toEqual(['CANCELED']);
  });
});

describe('a read of changes', () => {
  test.each(['orders', 'customers', 'products'] as const)(
    'polled through its whole life, faults included, every one of %s ends as the shop holds it',
    async (stream) => {
      const server = await shop({ seed: 22, steps: 3, faults: true });
      const table = new Map<string, { readonly at: string; readonly line: string | undefined }>();
      const put = (line: string, kept: string | undefined): void => {
        const at = instant(/"updated_at":"([^"]+)"/.exec(line)?.[1]);
        if (at >= (table.get(idOf(line))?.at ?? '')) table.set(idOf(line), { at, line: kept });
      };
      let cursor: JsonValue | undefined;
      for (;;) {
        const result = await read(server, stream, cursor === undefined ? {} : { cursor });
        for (const line of result.rows) put(line, line);
        for (const line of result.deletes) put(line, undefined);
        cursor = result.cursor;
        if (server.isDone()) break;
        server.advance();
      }
      const live = [...table.values()].flatMap(({ line }) => (line === undefined ? [] : [line]));
      server.setFaults(false);
      const whole = await read(server, stream);
      expect(live.map(comparable)).toEqual(expect.arrayContaining(whole.rows.map(comparable)));
      expect(idsOf(live)).toEqual(truthOf(server, stream));
    },
  );

  test.each(['orders', 'products', 'refunds'] as const)(
    'of %s by interval: half-open, each in one of two adjoining ones',
    async (stream) => {
      const server = await shop();
      while (!server.isDone()) server.advance();
      const boundary = '2026-01-05T08:01:30.000Z';
      // One after the other: two at once would share the points of the account, and know nothing of each other.
      const before = await read(server, stream, {
        interval: { start: '2025-01-01T00:00:00.000Z', end: boundary },
      });
      const after = await read(server, stream, {
        interval: { start: boundary, end: '2027-01-01T00:00:00.000Z' },
      });
      expect([...idsOf(before.rows), ...idsOf(after.rows)].sort()).toEqual(truthOf(server, stream));
      expect(after.rows.length).toBeGreaterThan(0);
      for (const line of after.rows ?? [])
        expect(comparable(line)).toHaveProperty('updated_at', expect.anything());
      const gone = [...before.deletes, ...after.deletes];
      if (stream === 'products') expect(idsOf(gone)).toEqual(texts(server.deletedIds('Product')));
      expect(server.bulkStatuses()).toEqual([]);
    },
  );

  test.each(['orders', 'products', 'refunds'] as const)(
    'a read of %s that is cut behind any page goes on with the next one',
    async (stream) => {
      // Nothing is throttled, and so asked for twice.
      const server = await shop({ costBudget: { maximumAvailable: 1e6, restoreRate: 1e6 } });
      while (!server.isDone()) server.advance();
      const asked = () => server.questions().map(({ variables }) => JSON.stringify(variables));
      const all = request(server, stream, { ...paged, cursor: '2025-01-01T00:00:00.000Z' });
      expect(await expectResumes(source, all, asked)).toBeGreaterThan(2);
    },
  );

  test('a search goes on in another one before its pages end', async () => {
    const server = await shop();
    while (!server.isDone()) server.advance();
    const { signal } = new AbortController();
    const settings = shopifySettings({ url: server.url, accessToken: token }, {});
    const seen = new Set<string>();
    const span = { start: '2025-01-01T00:00:00.000Z' };
    for await (const { page } of searchChanged(
      shopifyGraphql(settings, signal),
      shopifyStreams.orders,
      10,
      span,
      30,
    ))
      for (const { parsed } of page) seen.add(String(parsed['legacyResourceId']));
    expect([...seen].sort()).toEqual(truthOf(server, 'orders'));
    const searches = new Set(server.questions().map(({ variables }) => variables?.['query']));
    expect(searches.size).toBeGreaterThan(2);
  });
});

describe('limits and faults', () => {
  test('the budget of points is waited for, so that a long read is never throttled', async () => {
    const server = await shop({ costBudget: { maximumAvailable: 900, restoreRate: 2_000 } });
    const { rows } = await read(server, 'orders', paged);
    expect(idsOf(rows)).toEqual(truthOf(server, 'orders'));
    expect(server.questions()).toHaveLength(5);
  });

  test('a query dearer than the budget says so', async () => {
    const server = await shop({ costBudget: { maximumAvailable: 50, restoreRate: 50 } });
    expect((await rejection(read(server, 'orders', paged))).message).toMatch(
      /budget holds 50: ask for smaller pages/,
    );
  });

  test.each(['loop', 'endless'] as const)('pages that never end are noticed: %s', async (kind) => {
    const server = await shop();
    server.failNext(...Array.from({ length: 40 }, () => ({ kind })));
    expect(await rejection(read(server, 'orders', paged))).toMatchObject({ code: 'SOURCE_PROTOCOL' });
    expect(server.requests().length).toBeLessThan(20);
  });

  test('a wrong token is SOURCE_AUTH at once, and the token is nowhere in the error', async () => {
    const server = await shop({ accessToken: 'another' });
    const error = await rejection(read(server, 'customers'));
    expect(error).toMatchObject({ code: 'SOURCE_AUTH', retryable: false });
    expect(server.requests()).toHaveLength(1);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token);
  });

  test('an unknown stream, and an unknown API, are told', async () => {
    const server = await shop();
    expect((await rejection(read(server, 'carts' as 'orders'))).message).toContain(
      'it has orders, customers',
    );
    const { options } = shopify.orders({ connection: 'shop', options: { api: 'soap' as 'rest' } });
    expect((await rejection(read(server, 'orders', { options }))).message).toContain('"api" must be');
  });
});
