import { afterEach, describe, expect, test } from '@jest/globals';
import { stringify } from 'lossless-json';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { rest } from '../../connectors/rest/reference.js';
import type { RestOptions } from '../../connectors/rest/reference.js';
import type { RestPaginator } from '../../connectors/rest/options.js';
import { source } from '../../connectors/rest/index.js';
import type { ReadRequest } from '../../connectors/source.js';
import type { JsonObject } from '../../core/json.js';
import { createRestServer, type RestServer, type RestServerOptions } from '../../testing/index.js';
import { readAll, rejection } from './read-all.js';
import { expectResumes, readUntil } from './read-resumed.js';

const token = 'rest_canary_91d2';
const opened: RestServer[] = [];

async function api(options: RestServerOptions = {}): Promise<RestServer> {
  const server = await createRestServer({ seed: 7, records: 45, token, ...options });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

const bearer = { type: 'bearer', token };

/** A read of a fixture's records by one way of paging. */
function request(
  server: RestServer,
  options: Partial<RestOptions> & { readonly path: string },
  more: Partial<ReadRequest> & { readonly auth?: JsonObject } = {},
): Partial<ReadRequest> {
  const { auth = bearer, ...read } = more;
  const from = rest({ connection: 'api', dataSelector: 'data', ...options });
  return {
    stream: from.stream,
    options: from.options,
    connection: { connector: 'rest', baseUrl: `${server.url}/v1`, auth, allowPrivateNetwork: true },
    ...read,
  };
}

interface Way {
  readonly name: string;
  readonly path: string;
  readonly paginator: RestPaginator;
  readonly more?: Partial<RestOptions>;
}

const ways: readonly Way[] = [
  { name: 'header_link', path: 'header_link', paginator: { type: 'header_link' } },
  { name: 'json_link', path: 'json_link', paginator: { type: 'json_link', nextUrlPath: 'links.next' } },
  { name: 'offset', path: 'offset', paginator: { type: 'offset', limit: 50, totalPath: 'total' } },
  { name: 'page_number', path: 'page_number', paginator: { type: 'page_number', totalPath: 'pages' } },
  {
    name: 'cursor in the query',
    path: 'cursor',
    paginator: { type: 'cursor', cursorPath: 'paging.next.after', hasMorePath: 'has_more' },
  },
  {
    name: 'cursor in the body',
    path: 'cursor',
    paginator: { type: 'cursor', cursorPath: 'paging.next.after', cursorBodyPath: 'page.after' },
    more: { method: 'POST', json: { page: { size: 10 } } },
  },
];

/** What a server holds, as its lines must read. */
const truthOf = (server: RestServer): string[] => server.truth().map((record) => stringify(record) ?? '');
const idOf = (line: string): string => /"id":(\d+)/.exec(line)?.[1] ?? '';

test('a place of another form, or on another server, is SOURCE_RESUME before anything is asked', async () => {
  const [server, other] = [await api(), await api()];
  const read = request(server, { path: 'offset', paginator: { type: 'offset', limit: 10 } });
  const elsewhere = request(other, { path: 'offset', paginator: { type: 'offset', limit: 10 } });
  const { resume } = (await readUntil(source, elsewhere, 1))!;
  for (const place of [resume!, { page: 3 }, 'x']) {
    const error = await rejection(readAll(source, { ...read, resume: place }));
    expect(error['code']).toBe('SOURCE_RESUME');
    expect(error.message).not.toContain(other.url);
  }
  expect(server.requests()).toEqual([]);
});

describe.each(ways)('paginator $name', ({ path, paginator, more }) => {
  test('reads every record once, to the digit', async () => {
    const server = await api();
    const { rows, heartbeats } = await readAll(source, request(server, { path, paginator, ...more }));
    expect(rows).toEqual(truthOf(server));
    expect(rows[0]).toContain('"id":9007199254740993,');
    expect(heartbeats).toBe(5);
  });

  test('a read that is cut behind any page goes on with the next one', async () => {
    const server = await api();
    const read = request(server, { path, paginator, ...more, incremental: { cursorPath: 'updated_at' } });
    expect(await expectResumes(source, read, () => server.requests())).toBe(4);
  });

  test('seeded faults change nothing in what is delivered', async () => {
    const server = await api({ seed: 12, faults: true });
    const { rows } = await readAll(source, request(server, { path, paginator, ...more }));
    expect(rows).toEqual(truthOf(server));
    expect(server.requests().length).toBeGreaterThan(5);
  });

  test.each(['loop', 'endless'] as const)('notices pages that never end: %s', async (kind) => {
    const server = await api();
    server.failNext(...Array.from({ length: 40 }, () => ({ kind })));
    const error = await rejection(readAll(source, request(server, { path, paginator, ...more })));
    expect(error['code']).toBe('SOURCE_PROTOCOL');
    expect(server.requests().length).toBeLessThan(20);
  });
});

describe('records', () => {
  test('single_page: a list, an object, null and the whole body; nothing else', async () => {
    const server = await api({ records: 3 });
    expect((await readAll(source, request(server, { path: 'single_page' }))).rows).toEqual(truthOf(server));
    const whole = rest({ connection: 'api', path: 'single_page' }).options;
    const { rows } = await readAll(source, { ...request(server, { path: 'single_page' }), options: whole });
    expect(rows).toHaveLength(1);
    const error = await rejection(
      readAll(source, request(server, { path: 'single_page', dataSelector: 'items' })),
    );
    expect(error).toMatchObject({ code: 'SOURCE_PROTOCOL' });
    expect(error.message).toContain('no list "items"');
  });

  test('a server that gives fewer records than asked for loses none', async () => {
    const server = await api({ pageMaxRecords: 4 });
    const paginator: RestPaginator = { type: 'offset', limit: 100 };
    expect((await readAll(source, request(server, { path: 'offset', paginator }))).rows).toEqual(
      truthOf(server),
    );
  });

  test('more pages than maximumPages are an error, not a short read', async () => {
    const server = await api();
    const paginator: RestPaginator = { type: 'header_link' };
    const error = await rejection(
      readAll(source, request(server, { path: 'header_link', paginator, maximumPages: 3 })),
    );
    expect(error['code']).toBe('SOURCE_PROTOCOL');
    expect(server.requests()).toHaveLength(4);
  });
});

describe('incremental', () => {
  const since = { startParam: 'since', endParam: 'until' } as const;

  test.each([
    ['iso', 'updated_at', {}, /since=2026-01-05T\d\d%3A\d\d%3A\d\d.000Z/],
    ['epoch_seconds', 'updated_s', { unit: 's' }, /since=\d{10}(&|$)/],
    ['epoch_ms', 'updated_at', { unit: 'ms' }, /since=\d{13}(&|$)/],
  ] as const)(
    '%s: asks from the cursor less the lag, and moves it',
    async (format, cursorPath, params, asked) => {
      const server = await api();
      const options = {
        path: 'cursor',
        params,
        paginator: { type: 'cursor', cursorPath: 'paging.next.after' },
        incremental: { ...since, format },
      } as const;
      const first = await readAll(source, request(server, options, { cursorPath, lagMs: 60_000 }));
      expect(first.rows).toHaveLength(45);
      const newest = Math.max(...server.truth().map(({ updated_s }) => updated_s * 1000));
      expect(Date.parse(String(first.cursor))).toBe(newest);
      server.advance();
      const cursor = first.cursor ?? null;
      const second = await readAll(source, request(server, options, { cursorPath, lagMs: 60_000, cursor }));
      expect(server.requests().at(-1)).toMatch(asked);
      const expected = server.truth().filter(({ updated_s }) => updated_s * 1000 >= newest - 60_000);
      expect(second.rows).toEqual(expected.map((record) => stringify(record)));
      expect(second.rows.length).toBeLessThan(20);
    },
  );

  test('without startParam all is read, and what lies before the cursor is left out', async () => {
    const server = await api();
    const options = {
      path: 'json_link',
      paginator: { type: 'json_link', nextUrlPath: 'links.next' },
    } as const;
    const cursorPath = 'updated_at';
    const { cursor } = await readAll(source, request(server, options, { cursorPath }));
    server.advance();
    const second = await readAll(source, request(server, options, { cursorPath, cursor: cursor ?? null }));
    const changed = server.truth().filter(({ updated_s }) => updated_s * 1000 > Date.parse(String(cursor)));
    expect(second.rows.map(idOf)).toEqual(expect.arrayContaining(changed.map(({ id }) => String(id))));
    expect(second.rows).toHaveLength(changed.length + 1);
  });

  test('by interval: half-open though the API is not, so that neighbours neither share nor lose a record', async () => {
    const server = await api();
    const instants = server
      .truth()
      .map(({ updated_s }) => updated_s * 1000)
      .sort((a, b) => a - b);
    const boundary = new Date(instants[20] ?? 0).toISOString();
    const options = { path: 'single_page', incremental: { ...since, cursorPath: 'updated_at' } } as const;
    const read = (start: string, end: string) =>
      readAll(source, request(server, options, { interval: { start, end } }));
    const before = await read('2026-01-01T00:00:00.000Z', boundary);
    const after = await read(boundary, '2027-01-01T00:00:00.000Z');
    expect([before.rows.length, after.rows.length]).toEqual([20, 25]);
  });

  test('the cursor never passes the moment at which the read began', async () => {
    const ahead = new Date(Date.now() + 3_600_000).toISOString();
    const body = JSON.stringify([
      { id: 1, at: '2026-01-01T00:00:00Z' },
      { id: 2, at: ahead },
    ]);
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const baseUrl = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
      const { cursor } = await readAll(source, {
        connection: { connector: 'rest', baseUrl, allowPrivateNetwork: true },
        options: rest({ connection: 'api', path: '' }).options,
        cursorPath: 'at',
      });
      expect(Date.parse(String(cursor))).toBeLessThanOrEqual(Date.now());
      const unreadable = readAll(source, {
        connection: { connector: 'rest', baseUrl, allowPrivateNetwork: true },
        options: rest({ connection: 'api', path: '' }).options,
        cursorPath: 'nowhere',
      });
      expect((await rejection(unreadable)).message).toContain('no record has a cursor at "nowhere"');
    } finally {
      server.close();
    }
  });

  test('a rising number as cursor keeps its digits', async () => {
    const server = await api();
    const options = { path: 'single_page', incremental: { format: 'raw' } } as const;
    const { cursor } = await readAll(source, request(server, options, { cursorPath: 'id' }));
    expect(cursor).toBe(String(9_007_199_254_740_993n + 44n));
    const error = await rejection(readAll(source, request(server, options, { cursorPath: 'id', lagMs: 1 })));
    expect(error['code']).toBe('CONFIG_INVALID');
  });
});

describe('the connection', () => {
  test.each<[string, JsonObject]>([
    ['bearer', bearer],
    ['http_basic', { type: 'http_basic', username: 'user', password: token }],
    ['api_key in a header', { type: 'api_key', name: 'X-Api-Key', apiKey: token }],
    ['api_key in the query', { type: 'api_key', name: 'api_key', apiKey: token, location: 'query' }],
  ])('%s goes with every page', async (_name, auth) => {
    const server = await api();
    const paginator: RestPaginator = { type: 'header_link' };
    const { rows } = await readAll(source, request(server, { path: 'header_link', paginator }, { auth }));
    expect(rows).toHaveLength(45);
  });

  test('wrong credentials are SOURCE_AUTH at once, and stand nowhere in the error', async () => {
    const server = await api({ token: 'another' });
    for (const auth of [bearer, { type: 'api_key', name: 'api_key', apiKey: token, location: 'query' }]) {
      const error = await rejection(readAll(source, request(server, { path: 'single_page' }, { auth })));
      expect(error).toMatchObject({ code: 'SOURCE_AUTH', retryable: false });
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token);
    }
  });

  test('a spent rate limit is waited for, so that a long read is never refused', async () => {
    const server = await api({ rateLimit: { requests: 2, windowMs: 600 } });
    const paginator: RestPaginator = { type: 'header_link' };
    const { rows } = await readAll(source, request(server, { path: 'header_link', paginator }));
    expect(rows).toHaveLength(45);
    expect(server.requests()).toHaveLength(5);
  });

  test('test() proves the credentials with one request', async () => {
    const server = await api();
    const connection = { ...request(server, { path: 'x' }).connection, testPath: 'single_page' };
    const { signal } = new AbortController();
    expect((await source.test(connection, { signal })).detail).toContain('answers with status 200');
    expect(server.requests()).toEqual(['/v1/single_page']);
  });

  test('every problem is named at once, of the options when the DAG is loaded', async () => {
    const options = {
      connection: 'api',
      path: '../admin',
      headers: { Authorization: 'x' },
      json: {},
      paginator: { type: 'cursor', cursorParam: 'a', cursorBodyPath: 'b', step: 1 },
      incremental: { format: 'unix' },
      maximumPages: 0,
    } as unknown as RestOptions;
    let message = '';
    try {
      rest(options);
    } catch (error) {
      message = String(error);
    }
    for (const part of [
      'rest.path',
      'Authorization',
      'rest.json',
      'cursorPath',
      'not both',
      'step',
      'format',
      'maximumPages',
    ])
      expect(message).toContain(part);
    const connection = { baseUrl: 'ftp://x', auth: { type: 'magic' }, secrets: 1, testPath: 'a' };
    const error = await rejection(readAll(source, { connection, options: { path: '//other.example.com' } }));
    expect(error['code']).toBe('CONFIG_INVALID');
    for (const part of ['baseUrl', 'auth.type', 'secrets', 'rest.path'])
      expect(error.message).toContain(part);
    const clear = { baseUrl: 'http://api.example.com', auth: bearer };
    const unsafe = await rejection(readAll(source, { connection: clear, options: { path: 'a' } }));
    expect(unsafe.message).toContain('must be https');
    expect(inspect(unsafe)).not.toContain(token);
  });
});
