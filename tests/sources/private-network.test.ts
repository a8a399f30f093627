import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { httpRequest } from '../../connectors/http/index.js';
import { Agent } from 'undici';
import { createPublicNetwork, isPrivateAddress } from '../../connectors/http/public-network.js';
import { source } from '../../connectors/rest/index.js';
import { readAll, rejection } from './read-all.js';

let server: Server;
let port: number;
let calls = 0;
/** A name server on this machine; each question takes the next list of addresses, the last one for ever. */
let nameServer: Socket;
let answers: string[][] = [];
let questions = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    calls += 1;
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
    if (pathname === '/redirect') {
      response.writeHead(302, { location: searchParams.get('to') ?? '' }).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  nameServer = createSocket('udp4');
  nameServer.on('message', (message, { port: replyPort }) => {
    questions += 1;
    const addresses = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
    nameServer.send(dnsReply(message, addresses), replyPort, '127.0.0.1');
  });
  nameServer.bind(0, '127.0.0.1');
  await once(nameServer, 'listening');
});

afterAll(async () => {
  nameServer.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** The question back with A records for it (RFC 1035 §4.1). */
function dnsReply(question: Buffer, addresses: readonly string[]): Buffer {
  let end = 12;
  while (question[end] !== 0) end += (question[end] ?? 0) + 1;
  const head = Buffer.from(question.subarray(0, end + 5));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([head, ...records]);
}

/** Looks names up at the name server of this test. */
const lookup: LookupFunction = (hostname, options, callback) => {
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${String(nameServer.address().port)}`]);
  resolver.resolve4(hostname, (error, addresses) => {
    if (error !== null) return callback(error, []);
    const found = addresses.map((address) => ({ address, family: 4 }));
    if (options.all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', 4);
  });
};

function send(url: string, network = createPublicNetwork(lookup)) {
  const { signal } = new AbortController();
  return httpRequest({ source: 'rest', connection: 'api', url: new URL(url), network, signal });
}

describe('a name', () => {
  test.each([
    ['loopback', [['127.0.0.1']]],
    ['the metadata service of a cloud', [['169.254.169.254']]],
    ['a private address beside a public one', [['93.184.216.34', '10.0.0.7']]],
  ])('that leads to %s is not connected to', async (_what, lists) => {
    answers = lists;
    const before = calls;
    const error = await rejection(send(`http://api.example.com:${String(port)}/`));
    expect(error).toMatchObject({ code: 'SOURCE_PRIVATE_NETWORK', retryable: false });
    expect(error.message).toContain('api.example.com');
    expect(calls).toBe(before);
  });

  test('that changes its address after a look gains nothing: what is judged is what is connected to', async () => {
    answers = [['93.184.216.34'], ['127.0.0.1']];
    const [first] = await new Promise<readonly string[]>((resolve, reject) => {
      lookup('rebind.example.com', { all: true }, (error, found) =>
        error === null
          ? resolve((found as { address: string }[]).map(({ address }) => address))
          : reject(error),
      );
    });
    expect(first).toBe('93.184.216.34');
    const before = { calls, questions };
    const error = await rejection(send(`http://rebind.example.com:${String(port)}/`));
    expect(error['code']).toBe('SOURCE_PRIVATE_NETWORK');
    expect({ calls, questions }).toEqual({ calls: before.calls, questions: before.questions + 1 });
  });

  test('would be connected to without the guard', async () => {
    answers = [['127.0.0.1']];
    const open = { agent: new Agent({ connect: { lookup } }), refuseLiteral: () => undefined };
    const { status } = await send(`http://api.example.com:${String(port)}/`, open);
    expect(status).toBe(200);
    await open.agent.close();
  });
});

test.each([
  'http://localhost',
  'http://127.0.0.1',
  'http://127.1',
  'http://2130706433',
  'http://0x7f000001',
  'http://0',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
])('the rest source refuses %s, and takes it where the connection allows it', async (origin) => {
  const before = calls;
  const connection = { connector: 'rest', baseUrl: `${origin}:${String(port)}` };
  const error = await rejection(readAll(source, { connection, options: { path: '' } }));
  expect(error['code']).toBe('SOURCE_PRIVATE_NETWORK');
  expect(error.message).toContain('allowPrivateNetwork');
  expect(calls).toBe(before);
  if (origin.includes('[')) return;
  await readAll(source, { connection: { ...connection, allowPrivateNetwork: true }, options: { path: '' } });
  expect(calls).toBe(before + 1);
});

test.each(['http://127.0.0.1:1/', 'http://169.254.169.254/latest/', 'https://example.com/'])(
  'a redirect to another origin is not followed: %s',
  async (to) => {
    const before = calls;
    const auth = { type: 'bearer', token: 'canary' };
    const baseUrl = `http://127.0.0.1:${String(port)}`;
    const connection = { connector: 'rest', baseUrl, auth, allowPrivateNetwork: true };
    const options = { path: 'redirect', params: { to } };
    const error = await rejection(readAll(source, { connection, options }));
    expect(error['code']).toBe('SOURCE_REFUSED');
    expect(calls).toBe(before + 1);
  },
);

test.each([
  ['0.0.0.0', true],
  ['10.255.255.255', true],
  ['11.0.0.0', false],
  ['100.64.0.1', true],
  ['100.128.0.1', false],
  ['127.255.0.1', true],
  ['169.254.169.254', true],
  ['172.15.255.255', false],
  ['172.31.0.1', true],
  ['192.168.1.1', true],
  ['198.19.0.1', true],
  ['224.0.0.1', true],
  ['255.255.255.255', true],
  ['8.8.8.8', false],
  ['::', true],
  ['::1', true],
  ['::ffff:10.0.0.1', true],
  ['::ffff:808:808', false],
  ['64:ff9b::a00:1', true],
  ['2002:a00:1::1', true],
  ['fd00::1', true],
  ['fe80::1%eth0', true],
  ['ff02::1', true],
  ['2606:4700::1111', false],
  ['not an address', true],
])('%s is private: %s', (address, isPrivate) => {
  expect(isPrivateAddress(address)).toBe(isPrivate);
});
