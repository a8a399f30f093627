import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { BigQueryEngine } from '../../connectors/bigquery/engine.js';
import { bigQuerySettings } from '../../connectors/bigquery/settings.js';

/** What the server answers, in order, and what it was asked for. */
let answers: object[] = [];
let asked: { readonly path: string; readonly body: Readonly<Record<string, unknown>> }[] = [];
let server: Server;
let engine: BigQueryEngine;

const schema = { fields: [{ name: 'id', type: 'INTEGER' }] };
const rows = (...ids: string[]) => ids.map((id) => ({ f: [{ v: id }] }));
const jobReference = { projectId: 'p', jobId: 'j1', location: 'EU' };

beforeEach(async () => {
  answers = [];
  asked = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8') || '{}';
      asked.push({
        path: `${request.method ?? ''} ${request.url ?? ''}`,
        body: JSON.parse(body) as Readonly<Record<string, unknown>>,
      });
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answers.shift() ?? {}));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  engine = new BigQueryEngine(
    bigQuerySettings({
      ...{ project: 'p', dataset: 'd', location: 'EU', maximumBytesBilled: '10' },
      apiEndpoint: `http://127.0.0.1:${String(port)}`,
    }),
  );
});
afterEach(async () => {
  await engine.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

test('a statement that only reads is one request, with its bounds and labels', async () => {
  answers = [{ jobComplete: true, schema, rows: rows('1') }];
  const statement = { sql: 'SELECT id FROM t WHERE x = ?', binds: ['y'] };
  expect(await engine.run(statement, { loadId: 'load-1', table: 'Items' })).toEqual([{ id: '1' }]);
  expect(asked).toEqual([
    {
      path: expect.stringMatching(/^POST .*\/projects\/p\/queries/),
      body: expect.objectContaining({
        ...{ query: statement.sql, jobCreationMode: 'JOB_CREATION_OPTIONAL', location: 'EU' },
        ...{ maximumBytesBilled: '10', labels: { app: 'millrace', load: 'load-1', table: 'items' } },
        requestId: expect.stringMatching(/^[\da-f-]{36}$/),
      }),
    },
  ]);
});

test('one that takes long is waited for by its job, and one with many rows is read to its end', async () => {
  answers = [
    { jobComplete: false, jobReference },
    { jobComplete: false, jobReference },
    { jobComplete: true, jobReference, schema, rows: rows('1', '2'), pageToken: 'next' },
    { jobComplete: true, jobReference, schema, rows: rows('3') },
  ];
  const all = [{ id: '1' }, { id: '2' }, { id: '3' }];
  expect(await engine.run({ sql: 'SELECT id FROM t', binds: [] })).toEqual(all);
  answers = [
    { jobComplete: true, jobReference, schema, rows: rows('1', '2'), pageToken: 'next' },
    { jobComplete: true, jobReference, schema, rows: rows('3') },
  ];
  expect(await engine.run({ sql: 'SELECT id FROM t', binds: [] })).toEqual(all);
  expect(asked.at(-1)?.path).toMatch(/^GET .*\/queries\/j1\?.*pageToken=next/);
});

test('no more is read than was asked for', async () => {
  answers = [{ jobComplete: true, jobReference, schema, rows: rows('1', '2'), pageToken: 'next' }];
  expect(await engine.query('SELECT id FROM t', 1)).toEqual({
    ...{ columns: ['id'], rows: [{ id: '1' }], truncated: true },
  });
  expect(asked).toHaveLength(1);
});

test('an answer that tells nothing is an error that may pass', async () => {
  answers = [{}];
  await expect(engine.run({ sql: 'SELECT 1', binds: [] })).rejects.toMatchObject({
    ...{ code: 'WAREHOUSE_UNAVAILABLE', retryable: true },
  });
});
