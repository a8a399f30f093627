import { afterEach, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { source } from '../../connectors/shopify/index.js';
import type { ReadRequest } from '../../connectors/source.js';
import { createShopServer, type ShopServer, type ShopServerOptions } from '../../testing/index.js';
import { readAll, rejection } from './read-all.js';
import { expectResumes } from './read-resumed.js';

const token = 'shpat_canary_7f3a9c';
const opened: ShopServer[] = [];

async function shop(options: ShopServerOptions = {}): Promise<ShopServer> {
  const server = await createShopServer({ seed: 7, orders: 60, accessToken: token, ...options });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

function orders(server: ShopServer, request: Partial<ReadRequest> = {}): Partial<ReadRequest> {
  return {
    stream: 'orders',
    connection: { url: server.url, accessToken: token },
    options: { pageSize: 7 },
    ...request,
  };
}

const idOf = (line: string): string => /"(?:id)":(\d+)/.exec(line)?.[1] ?? '';
const updatedAt = (line: string): number =>
  Date.parse((JSON.parse(line) as { updated_at: string }).updated_at);

describe('reading orders', () => {
  test('follows the next links through every page and keeps ids beyond 2^53 and money to the digit', async () => {
    const server = await shop();
    const { rows } = await readAll(source, orders(server));
    const truth = server.truth();
    expect(rows.map(idOf).sort()).toEqual(truth.map((order) => String(order.id)).sort());
    expect(truth.every((order) => order.id > BigInt(Number.MAX_SAFE_INTEGER))).toBe(true);
    for (const order of truth) {
      const line = rows.find((row) => idOf(row) === String(order.id)) ?? '';
      expect(line).toContain(`"total_price":"${order.total_price}"`);
      expect(line).toContain(`"line_items":[{"id":${order.line_items[0]?.id},`);
    }
    const pages = server.requests().filter((path) => path.includes('/orders.json'));
    expect(pages.length).toBe(Math.ceil(truth.length / 7));
    expect(pages[0]).toContain('status=any');
    for (const page of pages.slice(1)) expect(page).toMatch(/\?limit=7&page_info=[^&]+$/);
  });

  test('asks from the cursor less the lag, so that orders that became visible late are found', async () => {
    const server = await shop({ steps: 12 });
    const seen = new Map<string, string>();
    let cursor = (await readAll(source, orders(server, { lagMs: 120_000 }))).cursor;
    let late = 0;
    while (!server.isDone()) {
      server.advance();
      const result = await readAll(
        source,
        orders(server, { lagMs: 120_000, ...(cursor !== undefined && { cursor }) }),
      );
      late += result.rows.filter(
        (row) => !seen.has(idOf(row)) && updatedAt(row) < Date.parse(String(cursor)),
      ).length;
      for (const row of result.rows) seen.set(idOf(row), row);
      expect(Date.parse(String(result.cursor))).toBeGreaterThanOrEqual(Date.parse(String(cursor)));
      cursor = result.cursor;
    }
    expect(late).toBeGreaterThan(0);
    const first = await readAll(source, orders(server));
    const missed = first.rows.filter(
      (row) => updatedAt(row) > Date.parse('2026-01-05T08:00:00Z') && !seen.has(idOf(row)),
    );
    expect(missed).toEqual([]);
  });

  test('a read without lag misses late orders: the lag is what finds them', async () => {
    const server = await shop({ steps: 12 });
    const seen = new Set<string>();
    let cursor = (await readAll(source, orders(server))).cursor;
    while (!server.isDone()) {
      server.advance();
      const result = await readAll(source, orders(server, cursor === undefined ? {} : { cursor }));
      for (const row of result.rows) seen.add(idOf(row));
      cursor = result.cursor;
    }
    const all = (await readAll(source, orders(server))).rows;
    const after = all.filter((row) => updatedAt(row) > Date.parse('2026-01-05T08:00:00Z'));
    expect(after.some((row) => !seen.has(idOf(row)))).toBe(true);
  });

  test('the cursor is the greatest instant of all orders, whatever their offsets', async () => {
    const server = await shop({ steps: 6 });
    while (!server.isDone()) server.advance();
    const { rows, cursor } = await readAll(source, orders(server));
    expect(Date.parse(String(cursor))).toBe(Math.max(...rows.map(updatedAt)));
    expect(new Set(rows.map((row) => /"updated_at":"[^"]{19}([^"]*)"/.exec(row)?.[1])).size).toBeGreaterThan(
      2,
    );
  });

  test('by interval: half-open, so that neighbouring intervals neither share nor lose an order', async () => {
    const server = await shop();
    const all = (await readAll(source, orders(server))).rows;
    const boundary = new Date(updatedAt(all[20] ?? '')).toISOString();
    const start = '2025-01-01T00:00:00.000Z';
    const end = '2027-01-01T00:00:00.000Z';
    const before = await readAll(source, orders(server, { interval: { start, end: boundary } }));
    const after = await readAll(source, orders(server, { interval: { start: boundary, end } }));
    expect(before.rows.length + after.rows.length).toBe(all.length);
    expect(before.rows.length).toBe(20);
    expect(after.rows.map(idOf)).toContain(idOf(all[20] ?? ''));
  });

  test('orders that change while pages are read are delivered at least once', async () => {
    const server = await shop({ steps: 40 });
    const request = orders(server, { options: { pageSize: 5 } });
    const connection = request.connection ?? {};
    const delivered = new Set<string>();
    const before = new Set(server.truth().map((order) => String(order.id)));
    const whole = { lagMs: 0, waitMs: 0, stream: 'orders', options: { pageSize: 5 }, connection };
    const context = {
      signal: new AbortController().signal,
      staging: undefined as never,
      heartbeat: () => server.advance(),
    };
    for await (const batch of source.read(whole, context)) {
      for (const line of Buffer.from(batch.bytes ?? [])
        .toString()
        .split('\n'))
        if (line) delivered.add(idOf(line));
    }
    expect([...before].filter((id) => !delivered.has(id))).toEqual([]);
  });

  test('a read that is cut behind any page goes on with the next one, deletions included', async () => {
    const server = await shop({ steps: 12 });
    while (!server.isDone()) server.advance();
    const read = orders(server, { options: { pageSize: 15 } });
    expect(await expectResumes(source, read, () => server.requests())).toBeGreaterThan(3);
  });

  test('deletions come as key and version, from the events, newer than the cursor less the lag', async () => {
    const server = await shop({ steps: 20 });
    const first = await readAll(source, orders(server));
    expect(first.deletes).toEqual([]);
    while (!server.isDone()) server.advance();
    const cursor = first.cursor ?? null;
    const { deletes, rows } = await readAll(source, orders(server, { lagMs: 120_000, cursor }));
    expect(server.deletedIds().length).toBeGreaterThan(3);
    expect(deletes.map(idOf)).toEqual(server.deletedIds().map(String));
    expect(Object.keys(JSON.parse(deletes[0] ?? '') as object)).toEqual(['id', 'updated_at']);
    expect(rows.map(idOf).filter((id) => server.deletedIds().includes(BigInt(id)))).toEqual([]);
    const withoutDeletions = await readAll(source, orders(server, { options: { deletions: false } }));
    expect(withoutDeletions.deletes).toEqual([]);
  });
});

/** What a merge by `updated_at` with tombstones makes of deliveries; the warehouse's own merge has its own tests. */
function merged(
  table: Map<string, { at: number; line: string | undefined }>,
  lines: readonly string[],
  isDelete: boolean,
) {
  for (const line of lines) {
    const at = updatedAt(line);
    const stored = table.get(idOf(line));
    if (stored === undefined || at >= stored.at)
      table.set(idOf(line), { at, line: isDelete ? undefined : line });
  }
}

test('polled through its whole life, faults included, every order ends as the shop holds it', async () => {
  const server = await shop({ seed: 21, orders: 150, steps: 10, faults: true });
  const table = new Map<string, { at: number; line: string | undefined }>();
  let cursor: ReadRequest['cursor'];
  const poll = async (): Promise<void> => {
    const request = orders(server, {
      lagMs: 120_000,
      options: { pageSize: 40 },
      ...(cursor !== undefined && { cursor }),
    });
    const result = await readAll(source, request);
    merged(table, result.rows, false);
    merged(table, result.deletes, true);
    cursor = result.cursor;
  };
  await poll();
  while (!server.isDone()) {
    server.advance();
    await poll();
  }
  const held = [...table].filter(([, { line }]) => line !== undefined);
  expect(held.map(([id]) => id).sort()).toEqual(
    server
      .truth()
      .map((order) => String(order.id))
      .sort(),
  );
  for (const order of server.truth()) {
    const line = table.get(String(order.id))?.line ?? '';
    expect(line).toContain(`"updated_at":"${order.updated_at}"`);
    expect(line).toContain(`"total_price":"${order.total_price}"`);
  }
  expect(server.deletedIds().length).toBeGreaterThan(2);
});

describe('when the shop misbehaves', () => {
  test('a storm of seeded faults changes nothing in what is delivered', async () => {
    const calm = await shop({ orders: 300 });
    const stormy = await shop({ orders: 300, faults: true });
    const options = { pageSize: 30 };
    const expected = await readAll(source, orders(calm, { options }));
    const found = await readAll(source, orders(stormy, { options }));
    expect(found.rows).toEqual(expected.rows);
    expect(stormy.requests().length).toBeGreaterThan(calm.requests().length);
  });

  test('a nearly full call bucket is waited for, so that a long read is never refused', async () => {
    const server = await shop({ callLimit: { size: 2, leakPerSecond: 4 } });
    const { rows } = await readAll(source, orders(server, { options: { pageSize: 10, deletions: false } }));
    expect(rows.length).toBe(30);
    expect(server.requests().length).toBe(3);
  });

  test('an outage longer than the tries ends as SOURCE_UNAVAILABLE, for Temporal to try again', async () => {
    const server = await shop();
    server.failNext(...[500, 502, 503].map((status) => ({ kind: 'status' as const, status })));
    const error = await rejection(readAll(source, orders(server)));
    expect(error).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
    expect(server.requests().length).toBe(3);
  });

  test.each(['loop', 'endless'] as const)('pages that never end are noticed: %s', async (kind) => {
    const server = await shop();
    server.failNext(...Array.from({ length: 40 }, () => ({ kind })));
    const error = await rejection(readAll(source, orders(server)));
    expect(error['code']).toBe('SOURCE_PROTOCOL');
    expect(server.requests().length).toBeLessThan(20);
  });

  test('a wrong token is SOURCE_AUTH at once, and the token is nowhere in the error', async () => {
    const server = await shop({ accessToken: 'another' });
    const error = await rejection(readAll(source, orders(server)));
    expect(error).toMatchObject({ code: 'SOURCE_AUTH', retryable: false });
    expect(server.requests().length).toBe(1);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token);
  });

  test('a token that is no header value is told without repeating it', async () => {
    const server = await shop();
    const accessToken = `${token}\nx: y`;
    const error = await rejection(
      readAll(source, orders(server, { connection: { url: server.url, accessToken } })),
    );
    expect(error['code']).toBe('CONFIG_INVALID');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token);
  });

  test('an order that is no object passes on to the schema check instead of stopping the rest', async () => {
    const body =
      '{"orders":[ {"id":1,\n"updated_at":"2026-01-01T00:00:00Z"}, null, {"id":9007199254740993} ]}';
    const { createServer } = await import('node:http');
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const connection = { url: `http://127.0.0.1:${port}`, accessToken: token };
      const request = { stream: 'orders', connection, options: { deletions: false } };
      const { rows, cursor } = await readAll(source, request);
      expect(rows).toEqual([
        '{"id":1, "updated_at":"2026-01-01T00:00:00Z"}',
        'null',
        '{"id":9007199254740993}',
      ]);
      expect(cursor).toBe('2026-01-01T00:00:00.000Z');
    } finally {
      server.close();
    }
  });
});

describe('the connection', () => {
  test('test() proves the token with one request', async () => {
    const server = await shop();
    const { signal } = new AbortController();
    const { detail } = await source.test({ url: server.url, accessToken: token }, { signal });
    expect(detail).toContain('Fixture Records');
    expect(server.requests()).toEqual(['/admin/api/2026-07/shop.json']);
  });

  test('every problem is named at once; a token is never sent in clear text to another machine', async () => {
    const connection = { url: 'http://shop.example.com', apiVersion: 'latest' };
    const error = await rejection(
      readAll(source, { stream: 'orders', connection, options: { pageSize: 0 } }),
    );
    expect(error['code']).toBe('CONFIG_INVALID');
    for (const name of ['url', 'accessToken', 'apiVersion', 'pageSize'])
      expect(error.message).toContain(name);
  });
});
