import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { createSource } from '../../connectors/inbox/index.js';
import { limits } from '../../core/limits.js';
import { startGateway, type GatewayOptions, type RunningGateway } from '../../serve/run-gateway.js';
import { segmentDisk } from '../../serve/segment-file.js';
import { temporaryFolder } from '../helpers/folder.js';
import { waitUntil } from '../helpers/project.js';
import { readAll } from '../sources/read-all.js';

const folder = temporaryFolder();
const callers = {
  etl: { secrets: ['etl-secret', 'former-secret'], streams: ['*'] },
  zapier: { secrets: ['zapier-secret'], streams: ['leads'] },
  airflow: { secrets: ['airflow-secret'], dags: ['*'] },
};
const starter = {
  start: () => Promise.reject(new Error('no run is asked for')),
  show: () => Promise.reject(new Error('no run is asked for')),
};
let count = 0;
const running: RunningGateway[] = [];

interface Started extends RunningGateway {
  readonly url: string;
  readonly data: string;
}

async function start(change: Partial<GatewayOptions> = {}, data?: string): Promise<Started> {
  const directory = data ?? join(folder, String((count += 1)));
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    inboxDirectory: join(directory, 'inbox'),
    writeKeys: [],
    webhooks: {},
    api: { callers, starter, streams: ['leads', 'orders'] },
    logger: pino({ level: 'silent' }),
    ...change,
  });
  running.push(gateway);
  return { ...gateway, url: `http://127.0.0.1:${String(gateway.port)}/api/streams`, data: directory };
}

afterAll(async () => {
  for (const gateway of running) await gateway.close().catch(() => undefined);
});

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown> & { readonly error?: { code: string; message: string } };
}

interface Sending {
  readonly method?: string;
  readonly type?: string;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

async function send(url: string, body: string | Uint8Array, sending: Sending = {}): Promise<Reply> {
  const { method = 'POST', type = 'application/json', token = 'etl-secret', headers } = sending;
  const response = await fetch(url, {
    method,
    body: body as string,
    headers: {
      ...(type !== '' && { 'content-type': type }),
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...headers,
    },
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Reply['body'],
  };
}

/** What a DAG reads, once the gateway has sealed it. */
async function rows(gateway: Started, stream = 'leads'): Promise<unknown[]> {
  await gateway.close();
  const source = createSource({ projectDirectory: gateway.data, dataDirectory: gateway.data });
  return (await readAll(source, { stream: `push/${stream}` })).rows.map((row) => JSON.parse(row) as unknown);
}

const ndjson = 'application/x-ndjson';
const key = (value: string) => ({ headers: { 'idempotency-key': value } });

describe('records', () => {
  test('come one, in an array, and as NDJSON, plain or gzip, and reach the DAG to the digit', async () => {
    const gateway = await start();
    const url = `${gateway.url}/leads/records`;
    const replies = [
      await send(url, ' {"id":12345678901234567890,\n "sum":0.10}'),
      await send(url, '[{"id":"a"},{"id":"b"}]'),
      await send(url, '{"id":"c"}\r\n\n{"id":"d"}', { type: ndjson }),
      await send(url, gzipSync('{"id":"e"}\n'), { type: ndjson, headers: { 'content-encoding': 'gzip' } }),
    ];
    expect(replies.map(({ status, body }) => [status, body['received'], body['invalid']])).toEqual([
      [200, 1, 0],
      [200, 2, 0],
      [200, 2, 0],
      [200, 1, 0],
    ]);
    await gateway.close();
    const source = createSource({ projectDirectory: gateway.data, dataDirectory: gateway.data });
    const lines = (await readAll(source, { stream: 'push/leads' })).rows;
    expect(lines[0]).toMatch(
      /^\{"id":12345678901234567890,"sum":0\.10,"pushId":"[0-9a-f]{40}-0","pushedAt":"2/,
    );
    const parsed = lines.map((line) => JSON.parse(line) as { id: unknown; pushId: string });
    expect(parsed.slice(1).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(new Set(parsed.map(({ pushId }) => pushId)).size).toBe(6);
  });

  test('what is wrong with a record is said, and the record goes on to the quarantine; the others are kept', async () => {
    const gateway = await start();
    const lines = ['{"id":1}', '{"id":', '[1]', '{"pushId":"forged","id":2}'].join('\n');
    const reply = await send(`${gateway.url}/leads/records`, lines, { type: ndjson });
    expect(reply).toMatchObject({
      status: 200,
      body: {
        received: 4,
        invalid: 2,
        errors: [
          { index: 1, code: 'PUSH_RECORD', message: expect.stringContaining('is not JSON') },
          { index: 2, code: 'PUSH_RECORD', message: expect.stringContaining('no JSON object') },
        ],
      },
    });
    const pushId = String(reply.body['pushId']);
    expect(await rows(gateway)).toEqual([
      expect.objectContaining({ id: 1, pushId: `${pushId}-0` }),
      '{"id":',
      '[1]',
      expect.objectContaining({ id: 2, pushId: `${pushId}-3` }),
    ]);
  });

  test('a repeat is known by its key or its content, at once and after a restart of the gateway', async () => {
    const first = await start();
    const url = `${first.url}/leads/records`;
    const same = await Promise.all(Array.from({ length: 20 }, () => send(url, '{"id":1}', key('"zap-17"'))));
    expect(same.filter(({ body }) => body['duplicate'] === undefined)).toHaveLength(1);
    const byContent = [await send(url, '[{"id":2}]'), await send(url, '[{"id":2}]')];
    expect(byContent.map(({ body }) => body['duplicate'])).toEqual([undefined, true]);
    expect(await send(url, '{"id":3}', key('zap-17'))).toMatchObject({
      status: 409,
      body: { error: { code: 'PUSH_DIFFERS' } },
    });
    const other = await send(url, '{"id":1}', { token: 'zapier-secret', ...key('zap-17') });
    expect(other.body['duplicate']).toBeUndefined();
    await first.close();
    const second = await start({}, first.data);
    const again = await send(`${second.url}/leads/records`, '{"id":1}', key('zap-17'));
    expect(again.body['pushId']).toBe(same[0]?.body['pushId']);
    const ids = (await rows(second)).map((row) => (row as { pushId: string }).pushId);
    expect([ids.length, new Set(ids).size]).toEqual([4, 3]);
  });
});

describe('refusals', () => {
  let gateway: Started;
  beforeAll(async () => {
    gateway = await start();
  });
  const many = `[${Array.from({ length: limits.pushMaxRecords + 1 }, () => '{}').join(',')}]`;
  const longBroken = `id\n${'1\n'.repeat(limits.pushPartBytes / 4)}"2`;
  const bomb = gzipSync(Buffer.alloc(limits.pushBodyMaxBytes * 2, 0x20));

  test.each<[string, string, string | Uint8Array, Sending, number, string]>([
    ['no secret', '/leads/records', '{}', { token: '' }, 401, 'API_CALLER'],
    ['an unknown secret', '/leads/records', '{}', { token: 'guess' }, 401, 'API_CALLER'],
    ['a stream of others', '/orders/records', '{}', { token: 'zapier-secret' }, 403, 'API_FORBIDDEN'],
    ['a caller of DAGs', '/leads/records', '{}', { token: 'airflow-secret' }, 403, 'API_FORBIDDEN'],
    ['an unknown stream', '/nothing/records', '{}', {}, 404, 'GATEWAY_NOT_FOUND'],
    ['another address', '/leads/else', '{}', {}, 404, 'GATEWAY_NOT_FOUND'],
    ['another method', '/leads/records', '{}', { method: 'PUT' }, 405, 'GATEWAY_METHOD'],
    ['no JSON', '/leads/records', '{"id":', {}, 400, 'GATEWAY_REQUEST_INVALID'],
    ['no record', '/leads/records', '[]', {}, 400, 'GATEWAY_REQUEST_INVALID'],
    ['no usable record', '/leads/records', 'a;b\nc;d', { type: ndjson }, 400, 'GATEWAY_REQUEST_INVALID'],
    ['an empty key', '/leads/records', '{}', key('""'), 400, 'GATEWAY_REQUEST_INVALID'],
    ['XML', '/leads/records', '<x/>', { type: 'text/xml' }, 415, 'GATEWAY_MEDIA_TYPE'],
    ['too many records', '/leads/records', many, {}, 413, 'GATEWAY_TOO_LARGE'],
    ['a bomb', '/leads/records', bomb, { headers: { 'content-encoding': 'gzip' } }, 413, 'GATEWAY_TOO_LARGE'],
    [
      'a file of no known kind',
      '/leads/files/a.xlsx',
      'x',
      { type: '', method: 'PUT' },
      415,
      'GATEWAY_MEDIA_TYPE',
    ],
    [
      'a file named like a path',
      '/leads/files/..%2Fa.csv',
      'x',
      { type: 'text/csv' },
      400,
      'GATEWAY_REQUEST_INVALID',
    ],
    [
      'a file without rows',
      '/leads/files/a.csv',
      'id,sum\n',
      { type: 'text/csv' },
      400,
      'GATEWAY_REQUEST_INVALID',
    ],
    [
      'CSV that breaks off',
      '/leads/files/a.csv',
      'id\n1\n"2',
      { type: 'text/csv' },
      400,
      'GATEWAY_REQUEST_INVALID',
    ],
    [
      'CSV that breaks off after many rows',
      '/leads/files/a.csv',
      longBroken,
      { type: 'text/csv' },
      400,
      'GATEWAY_REQUEST_INVALID',
    ],
    [
      'half a packed file',
      '/leads/files/a.csv.gz',
      gzipSync('id\n1\n').subarray(0, 15),
      { type: '' },
      400,
      'GATEWAY_REQUEST_INVALID',
    ],
  ])('%s', async (_name, path, body, sending, status, code) => {
    expect(await send(gateway.url + path, body, sending)).toMatchObject({
      status,
      body: { error: { code } },
    });
  });

  test('leave nothing behind', async () => {
    expect(await rows(gateway)).toEqual([]);
    expect(readdirSync(join(gateway.data, 'inbox/uploads'))).toEqual([]);
  });

  test('a caller is not let in for streams that there are not', async () => {
    const api = { callers: { etl: { secrets: ['x'], streams: ['missing'] } }, starter };
    await expect(start({ api })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

test('passwords, API keys and former secrets are let in', async () => {
  const gateway = await start();
  const basic = `Basic ${Buffer.from('nifi:etl-secret').toString('base64')}`;
  const url = `${gateway.url}/leads/records`;
  for (const headers of [{ authorization: basic }, { 'x-api-key': 'former-secret' }])
    expect((await send(url, '{"id":1}', { token: '', headers })).status).toBe(200);
});

describe('files', () => {
  test('of CSV and NDJSON, packed or not, become rows, each with its line; a repeat is known', async () => {
    const gateway = await start();
    const put = (name: string, body: string | Uint8Array, sending: Sending = {}) =>
      send(`${gateway.url}/leads/files/${name}`, body, { method: 'PUT', type: '', ...sending });
    const csv = 'id;name\r\n1;"Ada; L."\r\n2;Bob\r\n';
    expect(await put('leads.csv?delimiter=;', csv)).toMatchObject({
      status: 200,
      body: { received: 2, invalid: 0 },
    });
    expect((await put('leads.csv?delimiter=;', csv)).body['duplicate']).toBe(true);
    expect((await put('leads.jsonl.gz', gzipSync('{"id":3}\n{"id":4}\n'))).body['received']).toBe(2);
    expect((await put('export', 'id\n5\n', { type: 'text/csv', ...key('day-1') })).status).toBe(200);
    expect(await put('export', 'id\n6\n', { type: 'text/csv', ...key('day-1') })).toMatchObject({
      status: 409,
      body: { error: { code: 'PUSH_DIFFERS' } },
    });
    expect(await rows(gateway)).toMatchObject([
      { id: '1', name: 'Ada; L.', line: 2 },
      { id: '2', name: 'Bob', line: 3 },
      { id: 3 },
      { id: 4 },
      { id: '5' },
    ]);
  });

  test('larger than memory is spent on them go in parts, in order, with ids that go on', async () => {
    const gateway = await start();
    const wide = 'x'.repeat(1_000);
    const total = Math.ceil((limits.pushPartBytes * 3) / 1_000);
    const text = Array.from({ length: total }, (_, index) => `{"id":${String(index)},"x":"${wide}"}\n`).join(
      '',
    );
    const reply = await send(`${gateway.url}/orders/files/a.ndjson`, text, { method: 'PUT', type: ndjson });
    expect(reply.body).toMatchObject({ received: total, invalid: 0 });
    const found = (await rows(gateway, 'orders')) as { id: number; pushId: string }[];
    expect(found.map(({ id }) => id)).toEqual(Array.from({ length: total }, (_, index) => index));
    expect(found.map(({ pushId }) => Number(pushId.split('-')[1]))).toEqual(found.map(({ id }) => id));
  });

  test('that break off leave nothing, and whoever comes beyond those at work hears 429', async () => {
    const gateway = await start();
    const open = () => {
      const { hostname, port } = new URL(gateway.url);
      const sending = request({
        ...{ hostname, port, path: '/api/streams/leads/files/a.csv', method: 'PUT' },
        headers: { authorization: 'Bearer etl-secret', 'content-type': 'text/csv', 'content-length': '1000' },
      });
      sending.on('error', () => undefined);
      sending.write('id\n1\n2\n');
      return sending;
    };
    const uploads = () => readdirSync(join(gateway.data, 'inbox/uploads'));
    const sendings = Array.from({ length: limits.pushFilesMaxInFlight }, open);
    await waitUntil('all are at work', () => uploads().length === limits.pushFilesMaxInFlight);
    const refused = await send(`${gateway.url}/leads/files/b.csv`, 'id\n1\n', { type: 'text/csv' });
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'GATEWAY_BUSY' } } });
    expect(refused.headers.get('retry-after')).toBe('1');
    for (const sending of sendings) sending.destroy();
    await waitUntil('what came of them is removed', () => uploads().length === 0);
    let accepted: Reply | undefined;
    await waitUntil('there is room again', async () => {
      accepted = await send(`${gateway.url}/leads/files/b.csv`, 'id\n7\n', { type: 'text/csv' });
      return accepted.status === 200;
    });
    expect(await rows(gateway)).toMatchObject([{ id: '7' }]);
  });
});

test('nothing is acknowledged that the disk refused, and the repeat is taken', async () => {
  let isFull = true;
  const disk = {
    ...segmentDisk,
    datasync: async (file: Parameters<typeof segmentDisk.datasync>[0]) => {
      if (isFull) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      await segmentDisk.datasync(file);
    },
  };
  const gateway = await start({ disk });
  const record = () => send(`${gateway.url}/leads/records`, '{"id":1}');
  const csv = () => send(`${gateway.url}/orders/files/a.csv`, 'id\n1\n', { type: 'text/csv' });
  for (const reply of [await record(), await csv()])
    expect(reply).toMatchObject({ status: 503, body: { error: { code: 'GATEWAY_UNAVAILABLE' } } });
  isFull = false;
  for (const reply of [await record(), await csv()]) {
    expect(reply.status).toBe(200);
    expect(reply.body['duplicate']).toBeUndefined();
  }
  expect(await rows(gateway)).toMatchObject([{ id: 1 }]);
  expect(await rows(gateway, 'orders')).toMatchObject([{ id: '1' }]);
});
