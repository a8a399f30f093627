import { afterEach, describe, expect, test } from '@jest/globals';
import { source } from '../../connectors/ga4/index.js';
import { ga4 } from '../../connectors/ga4/reference.js';
import type { ReadRequest } from '../../connectors/source.js';
import type { JsonValue } from '../../core/json.js';
import { createGa4Server, type Ga4Server, type Ga4ServerOptions } from '../../testing/index.js';
import { waitUntil } from '../helpers/project.js';
import { readAll, rejection, type ReadResult } from './read-all.js';
import { expectResumes, readUntil } from './read-resumed.js';

const opened: Ga4Server[] = [];

async function property(options: Ga4ServerOptions = {}): Promise<Ga4Server> {
  const server = await createGa4Server({ seed: 6, ...options });
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

function request(server: Ga4Server, more: Partial<ReadRequest> = {}): ReadRequest {
  const options = { pageSize: 9, ...more.options };
  return {
    stream: 'events',
    connection: server.connection,
    lagMs: 60_000,
    waitMs: 0,
    ...more,
    options,
  };
}

const read = (server: Ga4Server, more?: Partial<ReadRequest>): Promise<ReadResult> =>
  readAll(source, request(server, more));

type Row = Readonly<Record<string, unknown>> & { readonly event_id: string; readonly event_date: string };
const parsed = (lines: readonly string[]): Row[] => lines.map((line) => JSON.parse(line) as Row);
/** What tells events of the fixture apart, in the order of texts. */
const namesOf = (rows: readonly object[]): string[] =>
  rows
    .map((row) => {
      const { event_timestamp: at, event_bundle_sequence_id: bundle } = row as Record<string, unknown>;
      return `${String(at)}/${String(bundle)}`;
    })
    .sort();
const truth = (server: Ga4Server): string[] => namesOf(server.tables().flatMap(({ events }) => events));

test('a read that is cut behind a table goes on with the next one, unless what it has read changed', async () => {
  const server = await property({ days: 3 });
  /** Tables whose rows were asked for. */
  const asked = () => server.jobs().map((job) => /events_\w+/.exec(JSON.stringify(job))?.[0] ?? '');
  expect(await expectResumes(source, request(server), asked)).toBeGreaterThan(1);
  const { resume } = (await readUntil(source, request(server), 2))!;
  const place = resume as { count: number; hash: string };
  const changed = { ...place, hash: 'of another state' };
  expect(await rejection(read(server, { resume: changed }))).toMatchObject({ code: 'SOURCE_RESUME' });
});

describe('a read of everything', () => {
  test('has each event once, twins included; nothing loses a digit', async () => {
    const server = await property();
    const { rows, cursor } = await read(server);
    expect(namesOf(parsed(rows))).toEqual(truth(server));
    expect(new Set(parsed(rows).map(({ event_id: id }) => id)).size).toBe(rows.length);
    for (const [index, row] of parsed(rows).entries()) {
      const micros = BigInt(row['event_timestamp'] as number);
      const fraction = String(micros % 1_000_000n).padStart(6, '0');
      expect(row['occurred_at']).toMatch(new RegExp(`\\.${fraction}Z$`));
      expect(row['event_date']).toMatch(/^20\d\d-\d\d-\d\d$/);
      expect(rows[index]).toContain('"fbc":9007199254740993');
      expect(row['params']).toMatchObject({ page_title: expect.any(String) });
      expect(row['user_properties']).toEqual({ plan: 'gold' });
      expect(row).toMatchObject({ ads_storage: 'Unset', uses_transient_token: 'No' });
      expect(row['analytics_storage']).toBe(row['user_pseudo_id'] === null ? 'No' : 'Yes');
    }
    const changed = Math.max(...server.tables().map(({ modifiedMs }) => modifiedMs));
    expect(Date.parse(String(cursor))).toBe(changed);
  });

  test('takes only the events and days that are asked for', async () => {
    const server = await property();
    const { options } = ga4.events({
      connection: 'web',
      options: { events: ['purchase'], from: '2026-01-03' },
    });
    const rows = parsed((await read(server, { options })).rows);
    const due = server
      .tables()
      .flatMap(({ events }) => events)
      .filter(({ event_name: name, event_date: day }) => name === 'purchase' && day >= '20260103');
    expect(due.length).toBeGreaterThan(0);
    expect(namesOf(rows)).toEqual(namesOf(due));
  });

  test('an empty dataset is one that nothing was exported to yet', async () => {
    const server = await property({ days: 0 });
    expect((await read(server)).rows).toEqual([]);
  });
});

describe('a read of changes', () => {
  test('polled through its whole life, faults included: late events come, and daily tables take the place of streamed ones', async () => {
    const server = await property({ seed: 31, steps: 6, events: 12 });
    let polls = 0;
    const days = new Map<string, Row[]>();
    let cursor: JsonValue | undefined;
    for (;;) {
      polls += 1;
      // The client sends a 503 again; what ends a read, ends it whole, and it begins again.
      const fault = (
        [{ kind: 'truncated' }, { kind: 'error-page' }, { kind: 'status', status: 503 }] as const
      )[polls % 3];
      server.failNext(
        ...Array.from({ length: polls }, () => ({ kind: 'none' as const })),
        fault ?? { kind: 'none' },
      );
      const more = cursor === undefined ? {} : { cursor };
      const result = await read(server, more).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
        return read(server, more);
      });
      const found = parsed(result.rows);
      // As a load with strategy "delete-insert" by day does.
      for (const day of new Set(found.map((row) => row.event_date)))
        days.set(
          day,
          found.filter((row) => row.event_date === day),
        );
      cursor = result.cursor;
      if (server.isDone()) break;
      server.advance();
    }
    expect(namesOf([...days.values()].flat())).toEqual(truth(server));
    expect([...days.values()].flat().every((row) => row['export'] === 'daily')).toBe(true);
  });

  test('reads the tables that changed since the cursor only; an event has the same id in both kinds of table', async () => {
    const server = await property();
    server.advance();
    const first = await read(server);
    const streamed = parsed(first.rows).filter((row) => row['export'] === 'intraday');
    expect(streamed.length).toBeGreaterThan(0);
    server.advance();
    const before = server.jobs().length;
    const { rows } = await read(server, { cursor: first.cursor ?? null });
    const changed = server.tables().filter(({ modifiedMs }) => modifiedMs > Date.parse(String(first.cursor)));
    expect(server.jobs().length - before).toBe(changed.length);
    expect(changed.length).toBeLessThan(server.tables().length);
    expect(namesOf(parsed(rows))).toEqual(namesOf(changed.flatMap(({ events }) => events)));
    const ids = new Set(parsed(rows).map(({ event_id: id }) => id));
    expect(streamed.filter(({ event_id: id }) => !ids.has(id)).length).toBeLessThanOrEqual(1);
  });

  test('of a day that has both kinds of table the daily one alone counts', async () => {
    const server = await property({ keepsStreamed: true });
    server.advance();
    server.advance();
    const daily = server.tables().filter(({ name }) => !name.includes('intraday'));
    expect(daily.length).toBe(server.tables().length - 1);
    const rows = parsed((await read(server)).rows);
    expect(namesOf(rows)).toEqual(namesOf(daily.flatMap(({ events }) => events)));
  });

  test('a table that is replaced while it is about to be read is no failure', async () => {
    const server = await property();
    server.advance();
    server.advance();
    const rows = await read(server);
    const lost = await property();
    lost.failNext(...Array.from({ length: 2 }, () => ({ kind: 'none' as const })), {
      kind: 'refusal',
      status: 404,
      reason: 'notFound',
    });
    const { rows: fewer } = await read(lost);
    expect(fewer.length).toBeGreaterThan(0);
    expect(fewer.length).toBeLessThan(rows.rows.length);
  });

  test('by interval: half-open, to the microsecond', async () => {
    const server = await property();
    const boundary = '2026-01-03T09:30:00.000Z';
    const halves = await Promise.all(
      [
        { start: '2025-12-01T00:00:00.000Z', end: boundary },
        { start: boundary, end: '2026-02-01T00:00:00.000Z' },
      ].map((interval) => read(server, { interval })),
    );
    expect(namesOf(halves.flatMap(({ rows }) => parsed(rows)))).toEqual(truth(server));
    expect(Math.min(...halves.map(({ rows }) => rows.length))).toBeGreaterThan(0);
  });
});

describe('limits and faults', () => {
  test.each([
    [403, 'accessDenied', 'SOURCE_AUTH', false],
    [403, 'quotaExceeded', 'SOURCE_RATE_LIMITED', true],
    [400, 'bytesBilledLimitExceeded', 'SOURCE_REFUSED', false],
    [400, 'invalidQuery', 'SOURCE_REFUSED', false],
  ])('%s %s is %s', async (status, reason, code, retryable) => {
    const server = await property();
    server.failNext({ kind: 'refusal', status, reason });
    expect(await rejection(read(server))).toMatchObject({ code, retryable });
  });

  test('an answer that is none of BigQuery’s is never read as "there is nothing"', async () => {
    const server = await property({ days: 1 });
    for (const requests of [0, 1, 3]) {
      server.failNext(...Array.from({ length: requests }, () => ({ kind: 'none' as const })), {
        kind: 'error-page',
      });
      expect(await rejection(read(server))).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
    }
  });

  test('its jobs have the bound of bytes, the place and the labels of the connection', async () => {
    const server = await property({ days: 1 });
    const connection = {
      ...server.connection,
      maximumBytesBilled: '1000000',
      location: 'EU',
      labels: { team: 'crm' },
    };
    await read(server, { connection });
    expect(server.jobs()).toEqual([
      expect.objectContaining({
        labels: expect.objectContaining({ app: 'millrace', team: 'crm' }),
        query: expect.objectContaining({ maximumBytesBilled: '1000000' }),
      }),
    ]);
  });

  test('an abort ends a read that waits, and cancels its job', async () => {
    const server = await property({ pollsUntilDone: 1_000_000 });
    const control = new AbortController();
    const reading = rejection(readAll(source, request(server), control.signal));
    await waitUntil('a job', () => server.jobs().length > 0);
    control.abort(new Error('enough'));
    expect((await reading).message).toBe('enough');
    await waitUntil('its end', () => server.requests().some((line) => line.endsWith('/cancel')));
  });

  test('test() tells the days of the export', async () => {
    const server = await property();
    server.advance();
    const { signal } = new AbortController();
    const { detail } = await source.test(server.connection, { signal });
    expect(detail).toBe('dataset fixture-project.analytics_123456: 7 days, 20251230 to 20260105 (intraday)');
  });

  test('every problem is named at once; a dataset that is not there is refused', async () => {
    const error = await rejection(
      readAll(source, {
        stream: 'users',
        connection: { project: 'P', key: 'x' },
        options: { exports: ['weekly'], from: 'yesterday' },
      }),
    );
    expect(error['code']).toBe('CONFIG_INVALID');
    for (const part of ['"users"', '"project"', '"dataset"', '"key"', 'exports', 'from'])
      expect(error.message).toContain(part);
    const server = await property();
    const connection = { ...server.connection, dataset: 'analytics_9' };
    expect(await rejection(read(server, { connection }))).toMatchObject({ code: 'SOURCE_REFUSED' });
  });
});
