import { afterEach, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { source } from '../../connectors/graphql/index.js';
import { graphql, type GraphqlOptions } from '../../connectors/graphql/reference.js';
import type { ReadRequest } from '../../connectors/source.js';
import { createGraphqlServer, type GraphqlServer, type GraphqlServerOptions } from '../../testing/index.js';
import { readAll, rejection } from './read-all.js';
import { expectResumes } from './read-resumed.js';

const token = 'graphql-canary-7a10';
const opened: GraphqlServer[] = [];

async function api(options: GraphqlServerOptions = {}): Promise<GraphqlServer> {
  const server = await createGraphqlServer({ seed: 3, records: 45, token, ...options });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

const fields = 'id amount label updated_at updated_s';
const variables = '$first: Int, $after: String, $since: String, $until: String';
const relayQuery = (list: string) =>
  `query(${variables}) { items(first: $first, after: $after, since: $since, until: $until) { ${list} pageInfo { ...Ends } } }
   fragment Ends on PageInfo { hasNextPage endCursor }`;
const incremental = { startVariable: 'since', endVariable: 'until' };

const ways: Readonly<Record<string, Omit<GraphqlOptions, 'connection'>>> = {
  'relay, nodes': {
    query: relayQuery(`nodes { ${fields} }`),
    variables: { first: 7 },
    dataSelector: 'items.nodes',
    paginator: { type: 'relay' },
    incremental,
  },
  'relay, edges': {
    query: relayQuery(`edges { cursor node { ${fields} } }`),
    dataSelector: 'items.edges',
    paginator: { type: 'relay' },
    incremental,
  },
  offset: {
    query: `query($offset: Int, $limit: Int, $since: String, $until: String) {
      list(offset: $offset, limit: $limit, since: $since, until: $until) { items { ${fields} } total hasMore } }`,
    dataSelector: 'list.items',
    paginator: { type: 'offset', limit: 9, totalPath: 'list.total', hasMorePath: 'list.hasMore' },
    incremental,
  },
};
const relay = ways['relay, nodes'] as Omit<GraphqlOptions, 'connection'>;

function request(server: GraphqlServer, options: object = relay): Partial<ReadRequest> {
  const connection = {
    connector: 'graphql',
    baseUrl: server.url,
    auth: { type: 'bearer', token },
    allowPrivateNetwork: true,
  };
  const ref = graphql({ connection: 'api', ...(options as typeof relay) });
  return { stream: ref.stream, connection, options: ref.options, cursorPath: 'updated_at' };
}

const idsOf = (rows: readonly string[]): string[] => rows.map((row) => /"id":(\d+)/.exec(row)?.[1] ?? '');
const truthIds = (server: GraphqlServer): string[] => server.truth().map(({ id }) => String(id));

describe.each(Object.entries(ways))('%s', (_name, options) => {
  test('reads every record once, to the digit', async () => {
    const server = await api();
    const { rows } = await readAll(source, request(server, options));
    expect(idsOf(rows)).toEqual(truthIds(server));
    const amounts = rows.map((row) => /"amount":([\d.]+)/.exec(row)?.[1]);
    expect(amounts).toEqual(server.truth().map(({ amount }) => String(amount)));
    expect(server.questions().length).toBeGreaterThan(4);
  });

  test('a read that is cut behind any page goes on with the next one', async () => {
    const server = await api();
    const asked = () => server.questions().map(({ variables }) => JSON.stringify(variables));
    expect(await expectResumes(source, request(server, options), asked)).toBeGreaterThan(2);
  });

  test('reads what changed since the cursor less the lag, and one interval without its end', async () => {
    const server = await api();
    const { cursor } = await readAll(source, request(server, options));
    server.advance();
    const changed = await readAll(source, {
      ...request(server, options),
      cursor: cursor ?? null,
      lagMs: 1_000,
    });
    expect(changed.rows.length).toBeLessThan(15);
    expect(server.questions().at(-1)?.variables).toHaveProperty('since');
    const whole = (row: string): number => Date.parse(/"updated_at":"([^"]+)"/.exec(row)?.[1] ?? '');
    const all = (await readAll(source, request(server, options))).rows;
    const end = new Date(Math.max(...all.map(whole))).toISOString();
    const interval = { start: '2026-01-05T08:10:00.000Z', end };
    const within = await readAll(source, { ...request(server, options), interval });
    expect(idsOf(within.rows).sort()).toEqual(
      idsOf(
        all.filter((row) => whole(row) >= Date.parse(interval.start) && whole(row) < Date.parse(end)),
      ).sort(),
    );
    expect(within.rows.length).toBeLessThan(all.length);
  });

  test('seeded faults, and records that come twice, change nothing in what is there in the end', async () => {
    const server = await api({ seed: 12, faults: true });
    server.failNext(
      { kind: 'error', code: 'THROTTLED' },
      { kind: 'error', code: 'INTERNAL_SERVER_ERROR', withData: true },
      { kind: 'duplicate' },
      { kind: 'half-json' },
    );
    const { rows } = await readAll(
      source,
      request(server, { ...options, variables: { ...options.variables } }),
    );
    expect([...new Set(idsOf(rows))].sort()).toEqual(truthIds(server).sort());
  });

  test.each(['loop', 'endless'] as const)('pages that never end are noticed: %s', async (kind) => {
    const server = await api();
    server.failNext(...Array.from({ length: 40 }, () => ({ kind })));
    expect(await rejection(readAll(source, request(server, options)))).toMatchObject({
      code: 'SOURCE_PROTOCOL',
    });
    expect(server.questions().length).toBeLessThan(20);
  });
});

describe('errors in an answer', () => {
  test('a part of the data beside an error is no success', async () => {
    const server = await api();
    server.failNext({ kind: 'error', code: 'FIELD_BROKEN', withData: true });
    const error = await rejection(readAll(source, request(server)));
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', retryable: false });
    expect(error.message).toContain('"FIELD_BROKEN" at items.nodes.3');
    expect(error.message).not.toContain('told by the fixture');
  });

  test.each([
    ['THROTTLED', 'SOURCE_RATE_LIMITED', true],
    ['SERVICE_UNAVAILABLE', 'SOURCE_UNAVAILABLE', true],
    ['ACCESS_DENIED', 'SOURCE_AUTH', false],
    ['UNAUTHENTICATED', 'SOURCE_AUTH', false],
  ])('%s is %s', async (told, code, retryable) => {
    const server = await api();
    server.failNext(...Array.from({ length: 3 }, () => ({ kind: 'error' as const, code: told })));
    expect(await rejection(readAll(source, request(server)))).toMatchObject({ code, retryable });
    expect(server.questions()).toHaveLength(retryable ? 3 : 1);
  });

  test('what the schema does not know is refused with its place in the query', async () => {
    const server = await api();
    const query =
      'query($after: String) { items(after: $after) { nodes { nope } pageInfo { hasNextPage endCursor } } }';
    const error = await rejection(
      readAll(source, request(server, { query, dataSelector: 'items.nodes', paginator: { type: 'relay' } })),
    );
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED' });
    expect(error.message).toContain('"GRAPHQL_VALIDATION_FAILED" (line 1, column 56 of the query)');
  });
});

describe('the budget of points', () => {
  test('is waited for before it is spent, so that a long read is never throttled', async () => {
    // A page costs 8 + 1 + 1 points; the bucket pays for two at once.
    const server = await api({ budget: { maximumAvailable: 24, restoreRate: 80 } });
    const { rows } = await readAll(source, request(server));
    expect(rows).toHaveLength(45);
    expect(server.questions()).toHaveLength(7);
  });

  test('a query dearer than the whole budget is refused, with what it costs', async () => {
    const server = await api({ budget: { maximumAvailable: 5, restoreRate: 50 } });
    const error = await rejection(readAll(source, request(server)));
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', retryable: false });
    expect(error.message).toMatch(/costs \d+ points, and the budget holds 5/);
  });
});

describe('before anything is sent', () => {
  const problemsOf = (options: object): string => {
    try {
      graphql({ connection: 'api', ...(options as typeof relay) });
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };

  test('an error of syntax is told with line and column', () => {
    expect(problemsOf({ ...relay, query: 'query {\n  items( { nodes { id } }\n}' })).toMatch(
      /graphql\.query: Syntax Error: .* \(line 2, column 10\)/,
    );
  });

  test('all that does not fit is told at once', () => {
    const message = problemsOf({
      ...relay,
      query: 'query($other: ID!, $until: String) { items { edges { cursor } pageInfo { hasNextPage } } }',
      variables: { after: 'x', more: 1 },
    });
    for (const part of [
      'no variable "$after"',
      'no variable "$since"',
      'no variable "$more"',
      '"$other" gets no value',
      'ask for "items.nodes"',
      'ask for "items.pageInfo.endCursor"',
      '"after" gets its value from the paginator',
    ])
      expect(message).toContain(part);
  });

  test.each([
    ['mutation { erase { id } }', 'it holds a mutation'],
    ['query A { a } query B { b }', 'several operations'],
    ['fragment F on Query { ...F }', 'no operation'],
    ['query { ...F } fragment F on Query { ...F }', 'ask for "items.nodes"'],
  ])('%s: %s', (query, problem) => {
    expect(problemsOf({ query, dataSelector: 'items.nodes' })).toContain(problem);
  });
});

test('a wrong token is SOURCE_AUTH at once, and the token is nowhere in the error', async () => {
  const server = await api({ token: 'another' });
  const error = await rejection(readAll(source, request(server)));
  expect(error).toMatchObject({ code: 'SOURCE_AUTH', retryable: false });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token);
});

test('test() asks for the name of the type of queries', async () => {
  const server = await api();
  const { signal } = new AbortController();
  const { detail } = await source.test(request(server).connection ?? {}, { signal });
  expect(detail).toMatch(/^127\.0\.0\.1:\d+ answers queries of Query$/);
});
