import { afterEach, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { BudgetReader } from '../../connectors/http/budget-reader.js';
import { httpDownload, httpRequest, inRequestScope } from '../../connectors/http/index.js';
import type { RateRule } from '../../core/rates/rate-state.js';
import { openOpsStore, type OpsPlace, type OpsStore } from '../../ops/store.js';
import { root } from '../architecture/source-tree.js';
import { waitUntil } from '../helpers/project.js';
import { rejection } from '../sources/read-all.js';
import { kindsOfPlaces, placeText } from './places.js';
import { startLimitedServer, type LimitedServer } from './rate-server.js';

interface Work {
  readonly place: OpsPlace;
  readonly url: string;
  readonly dag: string;
  readonly count: number;
  readonly rules?: readonly RateRule[];
  readonly sliceMs?: number;
}

const children: ChildProcess[] = [];
const servers: LimitedServer[] = [];
const stores: OpsStore[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  for (const store of stores.splice(0)) await store.close();
  for (const server of servers.splice(0)) await server.close();
});

async function server(limit: Parameters<typeof startLimitedServer>[0]): Promise<LimitedServer> {
  const started = await startLimitedServer(limit);
  servers.push(started);
  return started;
}

async function open(place: OpsPlace): Promise<OpsStore> {
  const store = await openOpsStore(place);
  stores.push(store);
  return store;
}

/** A worker process of its own. */
function work({ place, ...others }: Work) {
  const argument = JSON.stringify({ ...others, place: JSON.parse(placeText(place)) as unknown });
  const child = spawn(process.execPath, [join(root, 'tests', 'ops', 'rate-child.mjs'), argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  children.push(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const ended = once(child, 'close');
  return { child, outcome: () => ended.then(() => text) };
}

/** One request of a reader in this process. */
function ask(store: OpsStore, { url }: LimitedServer, dag: string, isFirstTry = true) {
  const { signal } = new AbortController();
  return inRequestScope(
    { budgets: store.rates, connection: 'shop', dag, holder: randomUUID(), isFirstTry },
    () => httpRequest({ source: 'test', url: new URL(`${url}?dag=${dag}`), signal }),
  );
}

describe.each(kindsOfPlaces)('on %s', (_kind, makePlaces) => {
  const places = makePlaces();

  test.each([
    ['declared', { requests: 5, perMs: 250, tells: false }, [{ units: 5, perMs: 250 }]],
    ['learned from answers', { requests: 12, perMs: 1_000, tells: true }, undefined],
  ])('processes together stay within a limit that is %s, and none starves', async (_how, limit, rules) => {
    const place = await places.fresh();
    const limited = await server(limit);
    const share = { place, url: limited.url, count: 16, ...(rules !== undefined && { rules }) };
    const workers = ['one', 'two'].flatMap((dag) => [work({ ...share, dag }), work({ ...share, dag })]);
    for (const worker of workers) expect(await worker.outcome()).toBe('ready\ndone\n');
    expect(limited.refused).toBe(0);
    expect(Object.fromEntries(limited.taken)).toEqual({ one: 32, two: 32 });
  });

  test('what a killed process held comes back', async () => {
    const place = await places.fresh();
    const limited = await server({ requests: 1, perMs: 200, tells: false });
    const share = { place, url: limited.url, rules: [{ units: 1, perMs: 200 }], sliceMs: 300 };
    limited.gate = new Promise(() => undefined);
    const { child } = work({ ...share, dag: 'killed', count: 1 });
    await waitUntil('it has sent a request', () => limited.taken.has('killed'));
    child.kill('SIGKILL');
    await once(child, 'exit');
    limited.gate = Promise.resolve();
    expect(await work({ ...share, dag: 'other', count: 3 }).outcome()).toBe('ready\ndone\n');
    expect(limited.refused).toBe(0);
  });

  test('a 429 that one worker was answered holds the others back, without a request', async () => {
    const place = await places.fresh();
    const [first, second] = [await open(place), await open(place)];
    const limited = await server({ requests: 1_000, perMs: 1_000, tells: false });
    limited.instead = (response) => {
      const nowMs = Date.parse('2026-01-01T00:00:00Z');
      // Both by a clock that is far from this machine's.
      response.setHeader('date', new Date(nowMs).toUTCString());
      response.setHeader('retry-after', new Date(nowMs + 600_000).toUTCString());
      response.statusCode = 429;
      response.end();
    };
    const refusal = { code: 'SOURCE_RATE_LIMITED' };
    expect(await rejection(ask(first, limited, 'one'))).toMatchObject({ ...refusal, retryAfterMs: 600_000 });
    expect(await rejection(ask(second, limited, 'two'))).toMatchObject(refusal);
    expect(Object.fromEntries(limited.taken)).toEqual({ one: 1 });
    const [view] = await second.rates.views('shop');
    expect(view).toMatchObject({ connection: 'shop', bucket: 'requests', waiting: [], held: 0 });
    expect(view?.heldUntilMs).toBeDefined();
  });

  test('a reader that waits is seen, and a cancelled one leaves its place', async () => {
    const store = await open(await places.fresh());
    const key = { connection: 'shop', account: 'shop.example', bucket: 'requests' };
    const others = { budgets: store.rates, key, rules: [{ units: 1, perMs: 1_000 }], sliceMs: 600_000 };
    const wait = { units: 1, source: 'test', maxWaitMs: 60_000 };
    const first = new BudgetReader({ ...others, holder: 'first', dag: 'one' });
    await first.take({ ...wait, signal: new AbortController().signal });
    const controller = new AbortController();
    const second = new BudgetReader({ ...others, holder: 'second', dag: 'two' });
    const waiting = rejection(second.take({ ...wait, signal: controller.signal }));
    const waiters = async () => (await store.rates.views('shop'))[0]?.waiting;
    await waitUntil('it waits', async () => (await waiters())?.length === 1);
    expect(await waiters()).toEqual([{ dag: 'two', readers: 1 }]);
    controller.abort(new Error('cancelled'));
    expect((await waiting).message).toBe('cancelled');
    expect(await waiters()).toEqual([]);
    await first.close();
  });

  test('repeats of a task add up with its tries, and do not multiply', async () => {
    const store = await open(await places.fresh());
    const limited = await server({ requests: 1_000, perMs: 1_000, tells: false });
    limited.instead = (response) => {
      response.statusCode = 503;
      response.end();
    };
    for (let attempt = 1; attempt <= 5; attempt += 1)
      expect(await rejection(ask(store, limited, 'one', attempt === 1))).toMatchObject({
        code: 'SOURCE_UNAVAILABLE',
      });
    expect(limited.taken.get('one')).toBe(3 + 4);
    const { signal } = new AbortController();
    const url = new URL(`${limited.url}?dag=file`);
    const download = async () => {
      for await (const _chunk of httpDownload({ source: 'test', url, signal }));
    };
    for (let attempt = 1; attempt <= 5; attempt += 1)
      await rejection(
        inRequestScope(
          {
            budgets: store.rates,
            connection: 'shop',
            dag: 'file',
            holder: randomUUID(),
            isFirstTry: attempt === 1,
          },
          download,
        ),
      );
    expect(limited.taken.get('file')).toBe(3 + 4);
  });
});
