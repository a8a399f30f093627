import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { source } from '../../connectors/salesforce/index.js';
import { salesforce } from '../../connectors/salesforce/reference.js';
import type { ReadRequest } from '../../connectors/source.js';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import {
  createSalesforceServer,
  type SalesforceServer,
  type SalesforceServerOptions,
} from '../../testing/index.js';
import { readAll, rejection, type ReadResult } from './read-all.js';

const token = 'canary-7f21';
const lagMs = 300_000;
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
  return { stream: 'Contact', connection, lagMs, ...more, options: { bulkPageSize: 9, ...more.options } };
}

function read(server: SalesforceServer, more: Partial<ReadRequest> = {}): Promise<ReadResult> {
  return readAll(source, request(server, more));
}

interface Row {
  readonly Id: string;
  readonly SystemModstamp: string;
  readonly [name: string]: unknown;
}

const parsed = (lines: readonly string[]): Row[] => lines.map((line) => JSON.parse(line) as Row);
const idsOf = (lines: readonly string[]): string[] => parsed(lines).map(({ Id }) => Id);
const queriesOf = (server: SalesforceServer) =>
  server
    .requests()
    .filter((line) => line.includes('?q='))
    .map((line) => new URL(line.slice(4), server.url).searchParams.get('q') ?? '');

/** A table by key and version, deletions included; the warehouse's own merge has its own tests. */
function createTable() {
  const rows = new Map<string, { readonly at: string; readonly row: Row | undefined }>();
  const put = (row: Row, kept: Row | undefined): void => {
    const stored = rows.get(row.Id);
    if (stored === undefined || row.SystemModstamp >= stored.at)
      rows.set(row.Id, { at: row.SystemModstamp, row: kept });
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
  test('is a bulk job: each record once, every digit and line break kept; the job is gone afterwards', async () => {
    const server = await org({ steps: 2 });
    while (!server.isDone()) server.advance();
    const { rows, deletes, cursor } = await read(server);
    const truth = server.truth('Contact');
    expect(idsOf(rows)).toEqual(truth.map(({ id }) => id));
    for (const [index, line] of rows.entries()) {
      const { fields, changedAt } = truth[index] as (typeof truth)[number];
      expect(JSON.parse(line)).toMatchObject({
        FirstName: fields['FirstName'],
        MailingCity: fields['MailingCity'],
        Description: fields['Description'],
        HasOptedOutOfEmail: fields['HasOptedOutOfEmail'] === 'true',
        SystemModstamp: changedAt,
        IsDeleted: false,
      });
      expect(line).toContain(`"Lifetime_Value__c":${fields['Lifetime_Value__c'] ?? ''}}`);
      expect(line).not.toContain('MailingAddress');
    }
    expect(truth.some(({ fields }) => fields['Description']?.includes('\n') === true)).toBe(true);
    expect(idsOf(deletes).sort()).toEqual([...server.deletedIds('Contact')].sort());
    expect(cursor).toBe(
      [...parsed(rows), ...parsed(deletes)]
        .map(({ SystemModstamp }) => SystemModstamp)
        .sort()
        .at(-1),
    );
    expect(server.requests().filter((line) => line.includes('/results'))).toHaveLength(5);
    expect(server.jobs()).toEqual([]);
  });

  test.each(['Account', 'Opportunity', 'Contact', 'Invoice__c'])(
    'of %s is the same by query',
    async (stream) => {
      const server = await org({ steps: 2 });
      while (!server.isDone()) server.advance();
      const [bulk, query] = [
        await read(server, { stream }),
        await read(server, { stream, options: { bulk: 'never' } }),
      ];
      expect([...query.rows].sort()).toEqual([...bulk.rows].sort());
      expect([...query.deletes].sort()).toEqual([...bulk.deletes].sort());
      expect(query.cursor).toBe(bulk.cursor);
      expect(query.rows.length).toBe(server.truth(stream as 'Contact').length);
    },
  );

  test('its cursor does not pass the moment it began, so what changes behind it is read next time', async () => {
    const server = await org({ startAt: new Date(Date.now() + 3_600_000).toISOString() });
    server.advance();
    const { cursor } = await read(server);
    expect(Date.parse(String(cursor))).toBeLessThanOrEqual(Date.now());
  });

  test('that is cancelled aborts its job', async () => {
    const server = await org({ pollsUntilDone: 1_000 });
    const abort = new AbortController();
    const reading = rejection(readAll(source, request(server), abort.signal));
    // Asked for its state, so that it is waited for now.
    while (!server.jobs().includes('InProgress')) await sleep(5);
    abort.abort(new Error('cancelled by a person'));
    expect((await reading).message).toContain('cancelled by a person');
    expect(server.requests().at(-2)).toMatch(/^PATCH .*\/jobs\/query\//);
    expect(server.jobs()).toEqual([]);
  });

  test('whose job fails is tried again', async () => {
    const server = await org();
    server.failNext({ kind: 'none' }, { kind: 'none' }, { kind: 'jobs-failed' });
    expect(await rejection(read(server))).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
    expect(server.jobs()).toEqual([]);
  });
});

describe('a read of changes', () => {
  test('polled through its whole life, faults and late commits included, every record ends as the org holds it', async () => {
    const server = await org({ seed: 21, steps: 5, imported: 3, faults: true });
    const table = createTable();
    let cursor: JsonValue | undefined;
    for (;;) {
      const result = await read(server, cursor === undefined ? {} : { cursor });
      table.merge(result);
      cursor = result.cursor;
      if (server.isDone()) break;
      server.advance();
    }
    expect(
      table
        .live()
        .map(({ Id, SystemModstamp, MailingCity }) => [Id, SystemModstamp, MailingCity])
        .sort(),
    ).toEqual(
      server
        .truth('Contact')
        .map(({ id, changedAt, fields }) => [id, changedAt, fields['MailingCity']])
        .sort(),
    );
    expect(server.deletedIds('Contact').length).toBe(5);
  });

  test('asks from the cursor less the lag, in the order of changes, deleted rows too', async () => {
    const server = await org();
    await read(server, { cursor: '2026-01-05T08:00:00.000Z', options: { fields: ['Email'] } });
    expect(queriesOf(server)).toEqual([
      'SELECT Id,SystemModstamp,IsDeleted,Email FROM Contact WHERE SystemModstamp >= 2026-01-05T07:55:00.000Z ORDER BY SystemModstamp,Id',
    ]);
    expect(server.requests().some((line) => line.includes('/queryAll?q='))).toBe(true);
  });

  test('whose locators are lost goes on where it was: nothing is lost, nothing comes twice', async () => {
    const server = await org({ contacts: 60, imported: 25, steps: 2 });
    while (!server.isDone()) server.advance();
    const lost = { kind: 'locators-lost' } as const;
    server.failNext(
      { kind: 'none' },
      { kind: 'none' },
      { kind: 'none' },
      lost,
      { kind: 'none' },
      { kind: 'none' },
      lost,
    );
    const { rows, deletes } = await read(server, { cursor: always });
    expect(queriesOf(server)).toHaveLength(3);
    expect(idsOf(rows).sort()).toEqual(server.truth('Contact').map(({ id }) => id));
    expect(idsOf(deletes).sort()).toEqual([...server.deletedIds('Contact')].sort());
  });

  test('records that change while pages are read push no other out of sight, and move no cursor', async () => {
    const server = await org({
      contacts: 60,
      steps: 30,
      startAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const before = server.truth('Contact').map(({ id }) => id);
    const seen = new Set<string>();
    const whole = { waitMs: 0, ...request(server, { cursor: always, lagMs: 0 }) } as ReadRequest;
    const context = {
      signal: new AbortController().signal,
      staging: undefined as never,
      heartbeat: () => server.advance(),
    };
    server.failNext(...Array.from({ length: 4 }, () => ({ kind: 'none' }) as const), {
      kind: 'locators-lost',
    });
    let cursor: JsonValue | undefined;
    for await (const batch of source.read(whole, context)) {
      const lines = Buffer.from(batch.bytes ?? [])
        .toString()
        .split('\n');
      for (const id of idsOf(lines.filter((line) => line !== ''))) seen.add(id);
      cursor = batch.cursor ?? cursor;
    }
    expect(before.filter((id) => !seen.has(id))).toEqual([]);
    expect(Date.parse(String(cursor))).toBeLessThanOrEqual(Date.now());
    expect(queriesOf(server)).toHaveLength(2);
  });

  test('by interval: half-open, deletions too, also by bulk', async () => {
    const server = await org({ steps: 4 });
    while (!server.isDone()) server.advance();
    const boundary = '2026-01-05T08:01:01.000Z';
    const before = await read(server, { interval: { start: always, end: boundary } });
    const interval = { start: boundary, end: '2027-01-01T00:00:00.000Z' };
    const after = await read(server, { interval });
    expect(before.rows.length + after.rows.length).toBe(server.truth('Contact').length);
    expect([before.deletes.length, after.deletes.length]).toEqual([1, 3]);
    expect(parsed(after.deletes).every(({ SystemModstamp }) => SystemModstamp >= boundary)).toBe(true);
    expect(Object.keys(parsed(after.deletes)[0] ?? {})).toEqual(['Id', 'SystemModstamp']);
    const bulk = await read(server, { interval, options: { bulk: 'always' } });
    expect([...bulk.rows].sort()).toEqual([...after.rows].sort());
    const kept = await read(server, { interval, options: { deletions: false } });
    expect(kept.deletes).toEqual([]);
  });
});

describe('conditions', () => {
  test('are written by the types of their fields; text cannot end its quotes', async () => {
    const server = await org();
    const wanted = server.truth('Contact').filter(({ fields }) => fields['FirstName'] === "D'Arcy");
    const where = [{ field: 'FirstName', operator: '=', value: "D'Arcy" }];
    const { rows } = await read(server, { cursor: always, options: { where } });
    expect(idsOf(rows).sort()).toEqual(wanted.map(({ id }) => id));
    const evil = [{ field: 'FirstName', operator: '!=', value: "x' OR Name != '\\" }];
    expect((await read(server, { cursor: always, options: { where: evil } })).rows).toHaveLength(40);
    expect(queriesOf(server).at(-1)).toContain(String.raw`FirstName != 'x\' OR Name != \'\\' ORDER BY`);
    const several = [
      { field: 'Lifetime_Value__c', operator: '>', value: '500000.5' },
      { field: 'HasOptedOutOfEmail', operator: '=', value: false },
      { field: 'LastName', operator: 'IN', value: ['Example', 'Other'] },
    ];
    const some = await read(server, { cursor: always, options: { where: several } });
    expect(some.rows.length).toBeGreaterThan(2);
    expect(some.rows.length).toBeLessThan(30);
  });

  test('and fields that the object cannot answer are named at once', async () => {
    const server = await org();
    const options = {
      fields: ['email', 'Nothing__c', 'MailingAddress'],
      where: [
        { field: 'CreatedDate', operator: '>', value: 'yesterday' },
        { field: 'HasOptedOutOfEmail', operator: 'IN', value: true },
      ],
    };
    const error = await rejection(read(server, { options }));
    expect(error['code']).toBe('CONFIG_INVALID');
    for (const part of ['it has "Email"', 'Nothing__c', 'MailingAddress', 'CreatedDate', 'needs a list'])
      expect(error.message).toContain(part);
    expect(error.message).not.toContain('yesterday');
  });
});

test('the script is the same for the same seed, and another for another', async () => {
  const [a, b, c] = [await org({ seed: 4 }), await org({ seed: 4 }), await org({ seed: 6 })];
  const state = (server: SalesforceServer): string =>
    JSON.stringify([server.truth('Contact'), server.deletedIds('Contact')]);
  while (!a.isDone()) {
    for (const server of [a, b, c]) server.advance();
    expect(state(a)).toBe(state(b));
    expect(state(a)).not.toBe(state(c));
  }
});

describe('limits and faults', () => {
  test('403 REQUEST_LIMIT_EXCEEDED is a limit, left to the scheduler with its wait', async () => {
    const server = await org({ dailyRequests: 0 });
    const error = await rejection(read(server));
    const retryAfterMs = limits.retryAfterMaxMs;
    expect(error).toMatchObject({ code: 'SOURCE_RATE_LIMITED', retryable: true, retryAfterMs });
    expect(server.requests()).toHaveLength(1);
  });

  test('the share of requests that is left to others is not touched', async () => {
    const server = await org({ dailyRequests: 20 });
    const connection = { url: server.url, accessToken: token, apiReservePercent: 80 };
    const error = await rejection(read(server, { connection, cursor: always }));
    expect(error).toMatchObject({ code: 'SOURCE_RATE_LIMITED', retryAfterMs: limits.retryAfterMaxMs });
    expect(server.requests()).toHaveLength(4);
  });

  test('a query that runs too long is tried again; a malformed one is not', async () => {
    const server = await org();
    const timeout = { kind: 'refusal', status: 400, errorCode: 'QUERY_TIMEOUT' } as const;
    server.failNext({ kind: 'none' }, timeout);
    expect((await read(server, { cursor: always })).rows).toHaveLength(40);
    server.failNext({ kind: 'none' }, { kind: 'refusal', status: 400, errorCode: 'MALFORMED_QUERY' });
    const error = await rejection(read(server, { cursor: always }));
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', retryable: false });
    expect(error.message).toContain('MALFORMED_QUERY');
  });

  test.each(['truncated', 'error-page', 'slow'] as const)('%s of results is read again', async (kind) => {
    const server = await org();
    server.failNext({ kind: 'none' }, { kind: 'none' }, { kind: 'none' }, { kind, delayMs: 20 });
    expect((await read(server)).rows).toHaveLength(40);
  });

  test.each(['half-json', 'row-lost'] as const)(
    'a piece of results with %s is never delivered',
    async (kind) => {
      const server = await org();
      server.failNext({ kind: 'none' }, { kind: 'none' }, { kind: 'none' }, { kind });
      expect(await rejection(read(server))).toMatchObject({ code: 'SOURCE_PROTOCOL', retryable: true });
      expect(server.jobs()).toEqual([]);
    },
  );

  test('a wrong token is SOURCE_AUTH at once, and in no error', async () => {
    const server = await org({ accessToken: 'another' });
    const error = await rejection(read(server));
    expect(error).toMatchObject({ code: 'SOURCE_AUTH', retryable: false });
    expect(server.requests()).toHaveLength(1);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token);
  });

  test('test() names the org with one request', async () => {
    const server = await org();
    const { signal } = new AbortController();
    const { detail } = await source.test(request(server).connection ?? {}, { signal });
    expect(detail).toBe(
      `Salesforce org ${new URL(server.url).host}, 14999 of 15000 requests of the day left`,
    );
  });

  test('every problem is named at once; a token is never sent in clear text to another machine', async () => {
    const { options } = salesforce.contacts({
      connection: 'crm',
      options: { pageSize: 5, bulk: 'sometimes' as 'full', fields: [] },
    });
    const connection = { url: 'http://acme.example.com', apiKey: 'x', apiVersion: '60' };
    const error = await rejection(readAll(source, { stream: 'Contact; DROP', connection, options }));
    expect(error['code']).toBe('CONFIG_INVALID');
    for (const part of [
      'pageSize',
      'bulk',
      'fields',
      'apiKey',
      'apiVersion',
      'connection.url',
      'accessToken',
      'DROP',
    ])
      expect(error.message).toContain(part);
    const injected = { fields: ['Id, (SELECT Id FROM Cases)'] };
    const server = await org();
    expect((await rejection(read(server, { options: injected }))).message).toContain('API name of a field');
    expect(server.requests()).toEqual([]);
  });
});
