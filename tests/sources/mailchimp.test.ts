import { afterEach, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { source } from '../../connectors/mailchimp/index.js';
import { mailchimp } from '../../connectors/mailchimp/reference.js';
import type { ReadRequest, SourceBatch } from '../../connectors/source.js';
import type { JsonValue } from '../../core/json.js';
import {
  createMailchimpServer,
  type MailchimpServer,
  type MailchimpServerOptions,
} from '../../testing/index.js';
import { readAll, rejection, type ReadResult } from './read-all.js';
import { expectResumes } from './read-resumed.js';

const apiKey = 'canary31d8-us6';
const lagMs = 120_000;
const opened: MailchimpServer[] = [];

async function account(options: MailchimpServerOptions = {}): Promise<MailchimpServer> {
  const server = await createMailchimpServer({ seed: 6, members: 40, apiKey, ...options });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

type Stream = 'members' | 'campaigns' | 'email-events';

function request(server: MailchimpServer, stream: Stream, more: Partial<ReadRequest> = {}): ReadRequest {
  const connection = { connector: 'mailchimp', url: server.url, apiKey };
  const options = { pageSize: 9, ...(stream === 'members' && { listId: server.listId }), ...more.options };
  return { stream, connection, lagMs, waitMs: 0, ...more, options };
}

const read = (server: MailchimpServer, stream: Stream, more?: Partial<ReadRequest>): Promise<ReadResult> =>
  readAll(source, request(server, stream, more));

type Row = Readonly<Record<string, unknown>>;
const parsed = (lines: readonly string[]): Row[] => lines.map((line) => JSON.parse(line) as Row);
const textsOf = (lines: readonly string[], name: string): string[] =>
  parsed(lines)
    .map((row) => String(row[name]))
    .sort();
const contactIds = (server: MailchimpServer): string[] =>
  server
    .members()
    .map(({ contactId }) => contactId)
    .sort();

/** Reads page by page; `between` happens after each. */
async function readWith(
  server: MailchimpServer,
  between: (page: number) => void,
  more: Partial<ReadRequest> = {},
): Promise<string[]> {
  const lines: string[] = [];
  const { signal } = new AbortController();
  const context = { signal, staging: undefined as never, heartbeat: () => undefined };
  let page = 0;
  for await (const { bytes } of source.read(request(server, 'members', more), context)) {
    lines.push(
      ...Buffer.from(bytes ?? [])
        .toString()
        .split('\n')
        .slice(0, -1),
    );
    between((page += 1));
  }
  return lines;
}

test.each([
  ['members', 4],
  ['campaigns', 2],
] as const)('a read of %s that is cut behind a page goes on with the next one', async (stream, pageSize) => {
  // One second has more members than a page.
  const server = await account({ members: 16, imported: 9 });
  for (let step = 0; step < 3; step += 1) server.advance();
  const whole = request(server, stream, { options: { pageSize } });
  expect(await expectResumes(source, whole, () => server.requests())).toBeGreaterThan(1);
});

describe('members', () => {
  test('each comes once, as sent, of every status', async () => {
    const server = await account();
    while (!server.isDone()) server.advance();
    const { rows, cursor } = await read(server, 'members');
    expect(textsOf(rows, 'contact_id')).toEqual(contactIds(server));
    const statuses = new Map(server.members().map(({ contactId, status }) => [contactId, status]));
    for (const row of parsed(rows)) expect(row['status']).toBe(statuses.get(String(row['contact_id'])));
    expect(new Set(statuses.values()).size).toBe(4);
    expect(Date.parse(String(cursor))).toBe(Math.max(...server.members().map(({ changedMs }) => changedMs)));
    expect(server.requests()[0]).toContain('sort_field=last_changed&sort_dir=ASC');
  });

  test.each([false, true])(
    'one that changes while pages are read pushes no other out of sight; bound inclusive: %s',
    async (isInclusive) => {
      const server = await account({ isInclusive });
      const first = server.members().reduce((a, b) => (a.changedMs < b.changedMs ? a : b)).contactId;
      const lines = await readWith(server, (page) => {
        if (page <= 3) server.touch(first);
      });
      expect([...new Set(textsOf(lines, 'contact_id'))]).toEqual(contactIds(server));
      const last = parsed(lines)
        .filter((row) => row['contact_id'] === first)
        .at(-1);
      expect(last).toHaveProperty('merge_fields.FNAME', 'Changed');
    },
  );

  test.each([false, true])(
    'many of one second are read whole, though one is deleted meanwhile; bound inclusive: %s',
    async (isInclusive) => {
      const server = await account({ isInclusive, imported: 40, steps: 1 });
      server.advance();
      const [imported] = server.members().slice(40);
      let hasGone = false;
      const lines = await readWith(server, () => {
        if (hasGone || !(server.requests().at(-1) ?? '').includes('offset=9')) return;
        server.forget(imported?.contactId ?? '');
        hasGone = true;
      });
      expect(hasGone).toBe(true);
      const found = textsOf(lines, 'contact_id');
      expect(new Set(found).size).toBe(found.length);
      expect(found).toEqual(expect.arrayContaining(contactIds(server)));
    },
  );

  test('of an interval: half-open, to the second', async () => {
    const server = await account({ steps: 4 });
    while (!server.isDone()) server.advance();
    const boundary = '2026-01-05T08:01:00.000Z';
    const halves = await Promise.all(
      [
        { start: '2025-01-01T00:00:00.000Z', end: boundary },
        { start: boundary, end: '2027-01-01T00:00:00.000Z' },
      ].map((interval) => read(server, 'members', { interval })),
    );
    expect(halves.flatMap(({ rows }) => textsOf(rows, 'contact_id')).sort()).toEqual(contactIds(server));
    expect(Math.min(...halves.map(({ rows }) => rows.length))).toBeGreaterThan(0);
  });
});

describe('a read of changes', () => {
  test.each(['members', 'campaigns', 'email-events'] as const)(
    'polled through its whole life, faults included, nothing of %s is missed',
    async (stream) => {
      const server = await account({ seed: 31, steps: 4, faults: true });
      const key = { members: 'contact_id', campaigns: 'id', 'email-events': 'eventId' }[stream];
      const table = new Map<string, Row>();
      let cursor: JsonValue | undefined;
      for (;;) {
        const result = await read(server, stream, cursor === undefined ? {} : { cursor });
        for (const row of parsed(result.rows)) table.set(String(row[key]), row);
        cursor = result.cursor;
        if (server.isDone()) break;
        server.advance();
      }
      if (stream === 'email-events') expect(table.size).toBe(server.activities().length);
      else if (stream === 'campaigns')
        expect([...table.keys()].sort()).toEqual(
          server
            .campaigns()
            .map(({ id }) => id)
            .sort(),
        );
      else
        expect([...table.values()].map((row) => [row['contact_id'], row['status']]).sort()).toEqual(
          server
            .members()
            .map(({ contactId, status }) => [contactId, status])
            .sort(),
        );
    },
  );

  test('asks from the cursor less the lag, the very second included', async () => {
    const server = await account({ steps: 2 });
    const { cursor = null } = await read(server, 'members');
    while (!server.isDone()) server.advance();
    const { rows } = await read(server, 'members', { cursor, lagMs: 0 });
    const due = server.members().filter(({ changedMs }) => changedMs >= Date.parse(String(cursor)));
    expect(textsOf(rows, 'contact_id')).toEqual(due.map(({ contactId }) => contactId).sort());
    expect(rows.length).toBeLessThan(server.members().length / 2);
  });
});

describe('e-mail events', () => {
  test('are opens, clicks and bounces in the canonical form, twins included', async () => {
    const server = await account();
    const { rows } = await read(server, 'email-events');
    expect(new Set(textsOf(rows, 'eventId')).size).toBe(server.activities().length);
    expect(new Set(textsOf(rows, 'type'))).toEqual(new Set(['opened', 'clicked', 'bounced']));
    const subjects = new Map(server.campaigns().map(({ id, subject }) => [id, subject]));
    for (const row of parsed(rows)) {
      expect(row).toMatchObject({ provider: 'mailchimp', subject: subjects.get(String(row['campaignId'])) });
      expect(row['receivedAt']).toBe(row['occurredAt']);
      if (row['type'] === 'bounced') expect(['hard', 'soft']).toContain(row['bounceClass']);
      if (row['type'] === 'clicked') expect(row['url']).toBe('https://shop.example.com/records');
    }
    const asked = server.requests().filter((line) => line.includes('email-activity'));
    expect(asked.some((line) => line.includes('offset=9'))).toBe(true);
  });

  test('are asked for of campaigns that were sent in the last days only; without those of a draft', async () => {
    const server = await account();
    const cursor = '2026-01-05T08:00:00.000Z';
    await read(server, 'email-events', { cursor, options: { campaignDays: 15 } });
    expect(server.requests().filter((line) => line.includes('email-activity'))).toHaveLength(1);
  });

  test('one that cannot be read is set aside, and is delivered once it can', async () => {
    const line =
      '{"campaign_id":"c1","email_id":"e1","email_address":"a@example.com","activity":{"action":"open","timestamp":null}}\n';
    const reshape = (text: string): Promise<SourceBatch | readonly SourceBatch[] | undefined> =>
      source.reshape?.(Buffer.from(text), { stream: 'email-events', options: {} }) ??
      Promise.resolve(undefined);
    expect(await reshape(line)).toMatchObject({
      rowCount: 0,
      rejects: [{ code: 'EMAIL_EVENT_INCOMPLETE', raw: line.trim() }],
    });
    expect(await reshape(line.replace('open', 'sneeze'))).toMatchObject({
      rejects: [{ code: 'EMAIL_EVENT_UNKNOWN' }],
    });
    const mended = await reshape(line.replace('null', '"2026-01-05T08:00:00+00:00"'));
    expect(mended).toMatchObject({ rowCount: 1, rejects: [] });
  });
});

describe('limits and faults', () => {
  test('a 429, an outage and cut bodies end with their codes', async () => {
    const server = await account();
    server.failNext({ kind: 'rate-limit', retryAfter: '60' });
    expect(await rejection(read(server, 'members'))).toMatchObject({
      code: 'SOURCE_RATE_LIMITED',
      retryAfterMs: 60_000,
    });
    server.failNext(...[500, 502, 503].map((status) => ({ kind: 'status' as const, status })));
    expect(await rejection(read(server, 'campaigns'))).toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      retryable: true,
    });
    server.failNext(...Array.from({ length: 3 }, () => ({ kind: 'truncated' as const })));
    expect(await rejection(read(server, 'members'))).toMatchObject({ retryable: true });
  });

  test.each(['loop', 'endless'] as const)('pages that never end are noticed: %s', async (kind) => {
    const server = await account();
    server.failNext(...Array.from({ length: 40 }, () => ({ kind })));
    expect(await rejection(read(server, 'members'))).toMatchObject({ code: 'SOURCE_PROTOCOL' });
    expect(server.requests().length).toBeLessThan(20);
  });

  test('an audience that is not there is named by the title of the problem', async () => {
    const server = await account();
    const error = await rejection(read(server, 'members', { options: { listId: 'other' } }));
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', retryable: false });
    expect(error.message).toContain('Resource Not Found');
  });

  test('a wrong key is SOURCE_AUTH at once, and the key is nowhere in the error', async () => {
    const server = await account({ apiKey: 'another-us6' });
    const error = await rejection(read(server, 'members'));
    expect(error).toMatchObject({ code: 'SOURCE_AUTH', retryable: false });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary');
  });

  test('test() names the account with one request', async () => {
    const server = await account();
    const { signal } = new AbortController();
    const { detail } = await source.test(request(server, 'members').connection, { signal });
    expect(detail).toContain('Mailchimp account 8d3a3db4d97663a9074efcc16 at 127.0.0.1');
    expect(server.requests()).toHaveLength(1);
  });

  test('a login is asked for its data centre; a token that it does not know is renewed once', async () => {
    const server = await account();
    let token = 'revoked';
    const credentials = {
      headers: () => Promise.resolve({ authorization: `Bearer ${token}` }),
      renew: (refused: Readonly<Record<string, string>>) => {
        expect(refused).toEqual({ authorization: 'Bearer revoked' });
        token = apiKey;
        return Promise.resolve();
      },
    };
    const connection = { connector: 'mailchimp', loginUrl: server.url };
    const { rows } = await readAll(source, { ...request(server, 'members'), connection, credentials });
    expect(rows).toHaveLength(40);
    expect(server.requests().filter((line) => line === '/oauth2/metadata')).toHaveLength(2);
  });

  test('every problem is named at once; a key without its data centre is one', async () => {
    const { options } = mailchimp.members({
      connection: 'mail',
      options: { listId: '../x', pageSize: 5_000 },
    });
    const connection = { apiKey: 'abc', token: 'x', loginUrl: 'http://login.mailchimp.com' };
    const error = await rejection(readAll(source, { stream: 'members', connection, options }));
    expect(error['code']).toBe('CONFIG_INVALID');
    for (const part of ['pageSize', 'listId', 'data centre', '"token"', 'connection.loginUrl'])
      expect(error.message).toContain(part);
    expect((await rejection(readAll(source, { stream: 'lists', connection }))).message).toContain('"lists"');
  });
});
