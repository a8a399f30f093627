import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import { source as graphqlSource } from '../../connectors/graphql/index.js';
import { graphql } from '../../connectors/graphql/reference.js';
import { source as restSource } from '../../connectors/rest/index.js';
import { rest } from '../../connectors/rest/reference.js';
import type { ReadRequest, Source } from '../../connectors/source.js';
import { readAll } from './read-all.js';

const limit = 4;

/** What the server does with its list. */
interface Behaviour {
  readonly names: readonly string[];
  /** More than this it gives on no page. */
  readonly cap?: number;
  /** Shows the last record of a page twice. */
  readonly isDoubling?: boolean;
}

let behaviour: Behaviour;

/** One list, by REST and by GraphQL. */
const server = createServer((request, response) => {
  const answer = async (): Promise<void> => {
    const isRest = request.method === 'GET';
    const asked = isRest
      ? Object.fromEntries(new URL(request.url ?? '', 'http://host').searchParams)
      : ((await json(request)) as { variables: object }).variables;
    const { offset, limit: size } = asked as { offset: string; limit: string };
    const { names, cap = limit, isDoubling = false } = behaviour;
    const shown = names.slice(Number(offset), Number(offset) + Math.min(Number(size), cap));
    const items = (isDoubling ? [...shown, ...shown.slice(-1)] : shown).map((name) => ({ name }));
    // What a page holds is never the same, so that equal records are no page that came back.
    const page = { items, total: names.length, asked: Number(offset) };
    const body = JSON.stringify(isRest ? page : { data: { list: page } });
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  };
  void answer();
});

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => {
  server.close();
});

const query =
  'query($offset: Int, $limit: Int) { list(offset: $offset, limit: $limit) { items { name } total } }';

function request(name: 'rest' | 'graphql'): Partial<ReadRequest> {
  const baseUrl = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const connection = { connector: name, baseUrl, allowPrivateNetwork: true };
  const { options } =
    name === 'rest'
      ? rest({
          connection: 'api',
          path: 'list',
          dataSelector: 'items',
          paginator: { type: 'offset', limit, totalPath: 'total' },
        })
      : graphql({
          connection: 'api',
          query,
          dataSelector: 'list.items',
          paginator: { type: 'offset', limit, totalPath: 'list.total' },
        });
  return { connection, options };
}

const sources: Readonly<Record<'rest' | 'graphql', Source>> = { rest: restSource, graphql: graphqlSource };

async function namesRead(name: 'rest' | 'graphql', how: Behaviour): Promise<string[]> {
  behaviour = how;
  const { rows } = await readAll(sources[name], request(name));
  return rows.map((line) => (JSON.parse(line) as { name: string }).name);
}

const different = Array.from({ length: 11 }, (_, index) => `name ${String(index)}`);

test.each(['rest', 'graphql'] as const)(
  '%s: equal records of a list take a place each, so nothing is read twice',
  async (name) => {
    const names = ['x', 'x', 'x', 'y', 'y', 'y', 'z', 'x', 'z'];
    expect(await namesRead(name, { names })).toEqual(names);
  },
);

test.each(['rest', 'graphql'] as const)(
  '%s: a record that a page shows twice hides no other',
  async (name) => {
    const read = await namesRead(name, { names: different, isDoubling: true });
    expect([...new Set(read)]).toEqual(different);
    const capped = await namesRead(name, { names: different, isDoubling: true, cap: 2 });
    expect([...new Set(capped)]).toEqual(different);
  },
);
