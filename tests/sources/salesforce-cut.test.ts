import { afterEach, describe, expect, test } from '@jest/globals';
import { source } from '../../connectors/salesforce/index.js';
import type { ReadRequest } from '../../connectors/source.js';
import {
  createSalesforceServer,
  type SalesforceServer,
  type SalesforceServerOptions,
} from '../../testing/index.js';
import { readAll, rejection, type ReadResult } from './read-all.js';
import { expectResumes, readUntil } from './read-resumed.js';

const token = 'canary-90ab';
const always = '2025-01-01T00:00:00.000Z';
const opened: SalesforceServer[] = [];

async function org(options: SalesforceServerOptions = {}): Promise<SalesforceServer> {
  const server = await createSalesforceServer({
    seed: 5,
    contacts: 40,
    pageMaxRecords: 9,
    pollsUntilDone: 0,
    accessToken: token,
    ...options,
  });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

function request(server: SalesforceServer, more: Partial<ReadRequest> = {}): Partial<ReadRequest> {
  const connection = { connector: 'salesforce', url: server.url, accessToken: token };
  return { stream: 'Contact', connection, ...more, options: { bulkPageSize: 9, ...more.options } };
}

function read(server: SalesforceServer, more: Partial<ReadRequest> = {}): Promise<ReadResult> {
  return readAll(source, request(server, more));
}

const idsOf = (lines: readonly string[]): string[] =>
  lines.map((line) => (JSON.parse(line) as { Id: string }).Id);

describe('a read that is cut', () => {
  /** Paths of pages and pieces; jobs and locators have names that differ from read to read. */
  const pagesOf = (server: SalesforceServer) => () =>
    server
      .requests()
      .filter((line) => /results|[?]q=|query[^/]*[/]01g/.test(line))
      .map((line) => line.replace(/750\w+|01g\w+/, 'one'));

  test.each([
    ['a query', { cursor: always }],
    ['a bulk job', {}],
  ])('in the midst of %s goes on with the next page', async (_way, more) => {
    const server = await org();
    server.advance();
    const read = request(server, { ...more, options: { pageSize: 200 } });
    expect(await expectResumes(source, read, pagesOf(server))).toBeGreaterThan(3);
  });

  test('takes over the job that it was waiting for, and no other one', async () => {
    const server = await org({ pollsUntilDone: 2 });
    const whole = await read(server);
    const first = (await readUntil(source, request(server), 1))!;
    expect(first.rows).toEqual([]);
    const rest = await read(server, { resume: first.resume! });
    expect(rest).toMatchObject({ rows: whole.rows, deletes: whole.deletes, cursor: whole.cursor });
    expect(server.requests().filter((line) => line.startsWith('POST'))).toHaveLength(2);
    expect(server.jobs()).toEqual([]);
  });

  test('goes on from the last change where the locator is lost, and begins anew where the job failed', async () => {
    const server = await org();
    const changes = request(server, { cursor: always, options: { pageSize: 200 } });
    const whole = await readAll(source, changes);
    const first = (await readUntil(source, changes, 2))!;
    server.failNext({ kind: 'none' }, { kind: 'locators-lost' });
    const rest = await readAll(source, { ...changes, resume: first.resume! });
    expect(idsOf([...first.rows, ...rest.rows])).toEqual(idsOf(whole.rows));
    const bulk = (await readUntil(source, request(server), 1))!;
    server.failNext({ kind: 'none' }, { kind: 'jobs-failed' });
    expect(await rejection(read(server, { resume: bulk.resume! }))).toMatchObject({ code: 'SOURCE_RESUME' });
    expect(server.jobs()).toEqual([]);
  });
});
