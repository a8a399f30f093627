import { afterEach, describe, expect, test } from '@jest/globals';
import { stringify } from 'lossless-json';
import {
  createShopServer,
  seededRandom,
  type ShopServer,
  type ShopServerOptions,
} from '../../testing/index.js';

const opened: ShopServer[] = [];

async function shop(options: ShopServerOptions = {}): Promise<ShopServer> {
  const server = await createShopServer({ orders: 80, steps: 8, ...options });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

async function get(server: ShopServer, path: string, token = server.accessToken) {
  const response = await fetch(`${server.url}/admin/api/2026-07/${path}`, {
    headers: { 'x-shopify-access-token': token },
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

describe('the script', () => {
  test('is the same for the same seed, and another for another', async () => {
    const [a, b, c] = await Promise.all([shop({ seed: 5 }), shop({ seed: 5 }), shop({ seed: 6 })]);
    const state = (server: ShopServer) => stringify([server.truth(), server.deletedIds()]);
    while (!a.isDone()) {
      expect(state(b)).toBe(state(a));
      expect(state(c)).not.toBe(state(a));
      for (const server of [a, b, c]) server.advance();
    }
    const final = state(a);
    a.advance();
    expect(state(a)).toBe(final);
  });

  test('ends with every order placed or deleted, some corrected, some late', async () => {
    const server = await shop({ seed: 5 });
    const before = new Map(server.truth().map((order) => [order.id, order.updated_at]));
    while (!server.isDone()) server.advance();
    expect(server.truth().length + server.deletedIds().length).toBe(80);
    expect(server.deletedIds().length).toBeGreaterThan(1);
    expect(
      server.truth().some((order) => before.has(order.id) && before.get(order.id) !== order.updated_at),
    ).toBe(true);
    expect(server.truth().some((order) => order.customer === null)).toBe(true);
    for (const order of server.truth()) expect(order.total_price).toMatch(/^\d+\.\d{2}$/);
  });
});

describe('the API', () => {
  test('shows open orders by default, fifty a page, and refuses filters beside page_info', async () => {
    const server = await shop({ seed: 5, orders: 300 });
    while (!server.isDone()) server.advance();
    const page = await get(server, 'orders.json');
    const orders = (JSON.parse(page.text) as { orders: { cancelled_at: null }[] }).orders;
    expect(orders.length).toBe(50);
    expect(orders.every((order) => order.cancelled_at === null)).toBe(true);
    const next = /page_info=([^>&]+)/.exec(page.headers.get('link') ?? '')?.[1] ?? '';
    expect((await get(server, `orders.json?page_info=${next}`)).status).toBe(200);
    expect((await get(server, `orders.json?page_info=${next}&status=any`)).status).toBe(400);
    expect((await get(server, 'orders.json?limit=251')).status).toBe(400);
    expect((await get(server, 'nothing.json')).status).toBe(404);
    expect((await get(server, 'orders.json', 'wrong')).status).toBe(401);
  });

  test('answers 429 with Retry-After when the bucket is full', async () => {
    const server = await shop({ callLimit: { size: 3, leakPerSecond: 0.01 } });
    const answers = [];
    for (let call = 0; call < 4; call += 1) answers.push(await get(server, 'shop.json'));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 429]);
    expect(answers[3]?.headers.get('retry-after')).toBe('1');
    expect(answers[2]?.headers.get('x-shopify-shop-api-call-limit')).toBe('3/3');
  });

  test('close() ends requests that hang', async () => {
    const server = await shop();
    server.failNext({ kind: 'hang' });
    const hanging = get(server, 'orders.json').catch(() => 'ended');
    while (server.requests().length === 0) await new Promise((resolve) => setImmediate(resolve));
    await server.close();
    expect(await hanging).toBe('ended');
  });
});

test('seeded numbers stay in their bounds and spread', () => {
  const random = seededRandom(42);
  const found = Array.from({ length: 3_000 }, () => random.integer(1, 6));
  expect(new Set(found)).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  expect(found.reduce((sum, value) => sum + value, 0) / found.length).toBeCloseTo(3.5, 0);
  expect(() => random.pick([])).toThrow(RangeError);
  expect(seededRandom(42).next()).toBe(seededRandom(42).next());
});
