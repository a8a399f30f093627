import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { hubspot } from '../../connectors/hubspot/reference.js';
import { source } from '../../connectors/hubspot/index.js';
import type { ReadRequest } from '../../connectors/source.js';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { createHubspotServer, type HubspotServer, type HubspotServerOptions } from '../../testing/index.js';
import { readAll, rejection, type ReadResult } from './read-all.js';
import { expectResumes } from './read-resumed.js';

const token = 'pat-canary-55e1';
const lagMs = 120_000;
const opened: HubspotServer[] = [];

async function account(options: HubspotServerOptions = {}): Promise<HubspotServer> {
  const server = await createHubspotServer({ seed: 5, contacts: 40, accessToken: token, ...options });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

function read(server: HubspotServer, more: Partial<ReadRequest> = {}): Promise<ReadResult> {
  return readAll(source, request(server, more));
}

function request(server: HubspotServer, more: Partial<ReadRequest> = {}): Partial<ReadRequest> {
  const connection = { connector: 'hubspot', url: server.url, accessToken: token };
  return { stream: 'contacts', connection, lagMs, ...more, options: { pageSize: 9, ...more.options } };
}

interface Row {
  readonly id: string;
  readonly updatedAt: string;
  readonly [name: string]: unknown;
}

const parsed = (lines: readonly string[]): Row[] => lines.map((line) => JSON.parse(line) as Row);
const idsOf = (lines: readonly string[]): string[] => parsed(lines).map(({ id }) => id);
const byNumber = (a: string, b: string): number => Number(a) - Number(b);
const searches = (server: HubspotServer) => server.requests().filter((line) => line.endsWith('/search'));

/** A table by key and version, deletions included; the warehouse's own merge has its own tests. */
function createTable() {
  const rows = new Map<string, { readonly at: string; readonly row: Row | undefined }>();
  const put = (row: Row, kept: Row | undefined): void => {
    const stored = rows.get(row.id);
    if (stored === undefined || row.updatedAt >= stored.at)
      rows.set(row.id, { at: row.updatedAt, row: kept });
  };
  return {
    merge(result: ReadResult): void {
      for (const row of parsed(result.rows)) put(row, row);
      for (const row of parsed(result.deletes)) put(row, undefined);
    },
    live: () => [...rows.values()].flatMap(({ row }) => (row === undefined ? [] : [row])),
  };
}

describe('a read of everything', () => {
  test('lists each object once, its properties beside its members', async () => {
    const server = await account();
    const { rows, deletes, cursor } = await read(server);
    const truth = server.truth('contacts');
    expect(idsOf(rows)).toEqual(truth.map(({ id }) => id));
    for (const [index, row] of parsed(rows).entries()) {
      const { properties, updatedAt } = truth[index] as (typeof truth)[number];
      expect(row).toMatchObject({ updatedAt, archived: false, email: properties['email'], phone: null });
      expect(row).toMatchObject({ lastmodifieddate: updatedAt, hs_object_id: row.id });
      expect(row).not.toHaveProperty('properties');
    }
    expect(deletes).toEqual([]);
    expect(cursor).toBe(
      truth
        .map(({ updatedAt }) => updatedAt)
        .sort()
        .at(-1),
    );
  });

  test.each(['companies', 'deals', 'tickets'] as const)(
    'of %s goes by hs_lastmodifieddate',
    async (stream) => {
      const server = await account();
      const { rows, cursor } = await read(server, { stream });
      expect(idsOf(rows).sort()).toEqual(
        server
          .truth(stream)
          .map(({ id }) => id)
          .sort(),
      );
      expect(parsed(rows)[0]).toHaveProperty('hs_lastmodifieddate');
      while (!server.isDone()) server.advance();
      const changed = await read(server, { stream, cursor: cursor ?? null });
      expect(changed.rows.length).toBeGreaterThan(0);
      expect(idsOf(changed.deletes).sort()).toEqual([...server.archivedIds(stream)].sort());
    },
  );

  test('its cursor does not pass the moment it began, so what changes behind it is read next time', async () => {
    const server = await account({ startAt: new Date(Date.now() + 3_600_000).toISOString() });
    server.advance();
    const { cursor } = await read(server);
    expect(Date.parse(String(cursor))).toBeLessThanOrEqual(Date.now());
  });

  test('an object without a time of change is delivered, and moves no cursor', async () => {
    const body = {
      results: [{ id: '1', properties: { hs_lastmodifieddate: null }, updatedAt: '2026-01-01T00:00:00Z' }],
    };
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
      const connection = { url, accessToken: token };
      const result = await readAll(source, { stream: 'deals', connection, options: { deletions: false } });
      expect(result.rows).toEqual([
        '{"id":"1","updatedAt":"2026-01-01T00:00:00Z","hs_lastmodifieddate":null}',
      ]);
      expect(result.cursor).toBeUndefined();
    } finally {
      server.close();
    }
  });

  test('associations: the ids of all, also of more than one answer holds; none is an empty list', async () => {
    const server = await account();
    const options = { associations: ['companies', 'deals'] };
    const { rows, cursor } = await read(server, { options });
    const lists = new Map(parsed(rows).map(({ id, associations }) => [id, associations]));
    const truth = server.truth('contacts');
    for (const { id, companies } of truth)
      expect(lists.get(id)).toEqual({ companies: [...companies].sort(byNumber), deals: [] });
    expect(new Set(truth.map(({ companies }) => companies.length))).toEqual(new Set([0, 1, 2, 3]));
    server.advance();
    const changed = await read(server, { options, cursor: cursor ?? null });
    expect(parsed(changed.rows)[0]).toHaveProperty('associations.companies');
  });
});

describe('a read of changes', () => {
  test('polled through its whole life, faults included, every object ends as HubSpot holds it', async () => {
    const server = await account({ seed: 21, steps: 4, imported: 3, faults: true });
    const table = createTable();
    let cursor: JsonValue | undefined;
    for (;;) {
      const result = await read(server, cursor === undefined ? {} : { cursor });
      table.merge(result);
      cursor = result.cursor;
      if (server.isDone()) break;
      server.advance();
    }
    const truth = server.truth('contacts');
    const row = ({ id, updatedAt, city }: Row) => [id, updatedAt, city];
    expect(table.live().map(row).sort()).toEqual(
      truth.map(({ id, updatedAt, properties }) => [id, updatedAt, properties['city']]).sort(),
    );
    expect(server.archivedIds('contacts').length).toBe(4);
  });

  test('ends where it began: no search goes past the greatest number of results, or repeats', async () => {
    const server = await account({ contacts: 30, imported: 25, steps: 3, searchMaxResults: 9 });
    const { cursor } = await read(server);
    while (!server.isDone()) server.advance();
    const { rows } = await read(server, { cursor: cursor ?? null });
    const from = Date.parse(String(cursor)) - lagMs;
    const expected = server.truth('contacts').filter(({ updatedAt }) => Date.parse(updatedAt) >= from);
    expect(expected.length).toBeGreaterThan(75);
    expect(idsOf(rows).sort(byNumber)).toEqual(expected.map(({ id }) => id).sort(byNumber));
  });

  test('an object that changes while pages are read pushes no other out of sight', async () => {
    const server = await account({ contacts: 60, steps: 30 });
    const before = server.truth('contacts').map(({ id }) => id);
    const seen = new Set<string>();
    const start = '2026-01-01T00:00:00.000Z';
    const whole = { waitMs: 0, ...request(server, { cursor: start, lagMs: 0 }) } as ReadRequest;
    const context = {
      signal: new AbortController().signal,
      staging: undefined as never,
      heartbeat: () => server.advance(),
    };
    for await (const batch of source.read(whole, context)) {
      const lines = Buffer.from(batch.bytes ?? [])
        .toString()
        .split('\n');
      for (const id of idsOf(lines.filter((line) => line !== ''))) seen.add(id);
    }
    expect(before.filter((id) => !seen.has(id))).toEqual([]);
    expect(searches(server).length).toBeGreaterThan(6);
  });

  test('by interval: half-open, deletions too', async () => {
    const server = await account({ steps: 4 });
    while (!server.isDone()) server.advance();
    const boundary = '2026-01-05T08:01:01.000Z';
    const before = await read(server, { interval: { start: '2025-01-01T00:00:00.000Z', end: boundary } });
    const after = await read(server, { interval: { start: boundary, end: '2027-01-01T00:00:00.000Z' } });
    expect(before.rows.length + after.rows.length).toBe(server.truth('contacts').length);
    expect([before.deletes.length, after.deletes.length]).toEqual([1, 3]);
    expect(parsed(after.deletes).every(({ updatedAt }) => updatedAt >= boundary)).toBe(true);
    expect(Object.keys(parsed(after.deletes)[0] ?? {})).toEqual(['id', 'updatedAt']);
    const kept = await read(server, { options: { deletions: false } });
    expect(kept.deletes).toEqual([]);
  });
});

test.each([
  ['the list', {}],
  ['searches', { cursor: '2025-01-01T00:00:00.000Z' }],
])('a read by %s that is cut behind any page goes on with the next one', async (_way, more) => {
  const server = await account({ contacts: 20, steps: 2, imported: 11 });
  server.advance();
  // One second has more objects than a page, and some are archived.
  const read = request(server, { ...more, options: { pageSize: 5, deletions: true } });
  expect(await expectResumes(source, read, () => server.requests())).toBeGreaterThan(4);
});

describe('limits and faults', () => {
  test('a limit with nothing left is waited for, so that a long read is never refused', async () => {
    const server = await account({ rateLimit: { requests: 3, windowMs: 500 } });
    const { rows } = await read(server);
    expect(rows).toHaveLength(40);
    expect(server.requests()).toHaveLength(6);
  });

  test.each([
    ['TEN_SECONDLY_ROLLING', 10_000],
    ['DAILY', limits.retryAfterMaxMs],
  ] as const)('%s is left to the scheduler, with its wait', async (policyName, retryAfterMs) => {
    const server = await account();
    server.failNext({ kind: 'limit', policyName });
    const error = await rejection(read(server));
    expect(error).toMatchObject({ code: 'SOURCE_RATE_LIMITED', retryable: true, retryAfterMs });
    expect(server.requests()).toHaveLength(1);
  });

  test('the limit of a second is waited for on the spot', async () => {
    const server = await account();
    server.failNext({ kind: 'limit', policyName: 'SECONDLY' });
    expect((await read(server)).rows).toHaveLength(40);
  });

  test('an outage longer than the tries ends as SOURCE_UNAVAILABLE, and nothing of a cut body is delivered', async () => {
    const server = await account();
    server.failNext(...[500, 502, 503].map((status) => ({ kind: 'status' as const, status })));
    expect(await rejection(read(server))).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
    server.failNext(...Array.from({ length: 3 }, () => ({ kind: 'truncated' as const })));
    expect(await rejection(read(server))).toMatchObject({ code: 'SOURCE_PROTOCOL', retryable: true });
    expect(server.requests()).toHaveLength(6);
  });

  test.each(['loop', 'endless'] as const)(
    'pages that never end are noticed, of lists and searches: %s',
    async (kind) => {
      for (const more of [{}, { cursor: '2026-01-01T00:00:00.000Z' }]) {
        const server = await account();
        server.failNext(...Array.from({ length: 40 }, () => ({ kind })));
        const error = await rejection(read(server, more));
        expect(error).toMatchObject({ code: 'SOURCE_PROTOCOL' });
        expect(server.requests().length).toBeLessThan(20);
      }
    },
  );

  test('a wrong token is SOURCE_AUTH at once, and the token is nowhere in the error', async () => {
    const server = await account({ accessToken: 'another' });
    const error = await rejection(read(server));
    expect(error).toMatchObject({ code: 'SOURCE_AUTH', retryable: false });
    expect(server.requests()).toHaveLength(1);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token);
  });

  test('test() names the account with one request', async () => {
    const server = await account();
    const { signal } = new AbortController();
    const { detail } = await source.test(request(server).connection ?? {}, { signal });
    expect(detail).toBe('HubSpot account 62515');
    expect(server.requests()).toEqual(['GET /account-info/v3/details']);
  });

  test('every problem is named at once; a token is never sent in clear text to another machine', async () => {
    const { options } = hubspot.contacts({
      connection: 'crm',
      options: { properties: ['email', 'id'], pageSize: 500, associations: ['orders' as 'deals'] },
    });
    const connection = { url: 'http://api.example.com', apiKey: 'x' };
    const error = await rejection(readAll(source, { stream: 'orders', connection, options }));
    expect(error['code']).toBe('CONFIG_INVALID');
    for (const part of [
      '"orders"',
      'pageSize',
      'associations',
      '"id"',
      'accessToken',
      'apiKey',
      'connection.url',
    ])
      expect(error.message).toContain(part);
  });
});
