import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { deliverNotices, retryWaitMs } from '../../activities/alarms/deliver.js';
import { createEmailSink } from '../../activities/alarms/email-sink.js';
import { judgeRuns } from '../../activities/alarms/judge-runs.js';
import { createPagerDutySink } from '../../activities/alarms/pagerduty-sink.js';
import { createSlackSink } from '../../activities/alarms/slack-sink.js';
import { createWebhookSink } from '../../activities/alarms/webhook-sink.js';
import {
  sinksFor,
  type AlarmBook,
  type AlarmNotice,
  type AlarmSink,
  type Incident,
} from '../../core/alarms.js';
import { openOpsStore, type OpsStore } from '../../ops/store.js';
import { AlarmHook } from '../helpers/alarm-hook.js';
import { temporaryFolder } from '../helpers/folder.js';
import { MailServer } from '../helpers/mail-server.js';
import { PagerDutyServer } from '../helpers/pagerduty-server.js';
import { runOf } from '../ops/records.js';

const folder = temporaryFolder();
const hook = new AlarmHook();
const pager = new PagerDutyServer();
const mail = new MailServer({ refused: 'gone@example.com' });
const routingKey = 'k'.repeat(32);
let slack: Server;
let slackStatus = 200;
const slackMessages: { text: string; blocks: unknown[] }[] = [];
let sinks: AlarmSink[];
let mailAddress: string;
let store: OpsStore;
let book: AlarmBook;
let files = 0;

beforeAll(async () => {
  slack = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (slackStatus === 200)
        slackMessages.push(JSON.parse(Buffer.concat(chunks).toString('utf8')) as (typeof slackMessages)[0]);
      response.writeHead(slackStatus).end(slackStatus === 200 ? 'ok' : 'no_service');
    });
  }).listen(0, '127.0.0.1');
  await once(slack, 'listening');
  mailAddress = await mail.start();
  const slackUrl = new URL(
    `http://127.0.0.1:${String((slack.address() as AddressInfo).port)}/services/T/B/x`,
  );
  sinks = [
    createWebhookSink(new URL(await hook.start())),
    createSlackSink(slackUrl),
    createEmailSink({ url: mailAddress, from: 'Millrace <alarms@example.com>', to: ['ops@example.com'] }),
    createPagerDutySink({ routingKey, url: new URL(await pager.start()) }),
  ];
});

afterAll(async () => {
  hook.stop();
  pager.stop();
  slack.closeAllConnections();
  slack.close();
  await mail.stop();
});

beforeEach(async () => {
  files += 1;
  store = await openOpsStore({ path: join(folder, `ops-${String(files)}.db`) });
  book = store.alarms.book({ sinks: sinks.map(({ name }) => name), routes: [] });
  slackStatus = 200;
  for (const list of [hook.received, pager.events, pager.refused, slackMessages, mail.mails]) list.length = 0;
});

afterEach(() => store.close());

const incident: Incident = {
  dagId: 'orders',
  kind: 'run-failed',
  at: '2026-01-01T00:00:00.000Z',
  occurrence: 'run-1',
  message: 'DAG "orders": run <1> & more failed',
};
const later = (minutes: number) => new Date(Date.parse(incident.at) + minutes * 60_000).toISOString();
const deliver = () =>
  deliverNotices({
    store: store.alarms,
    sinks,
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  });

describe('an alarm', () => {
  test('tells every sink once that it was raised, and once that it is over', async () => {
    await book.raise(incident);
    await book.raise(incident);
    await book.raise({ ...incident, occurrence: 'run-2', at: later(1) });
    await deliver();
    await deliver();
    expect(await store.alarms.listOpen()).toMatchObject([
      { count: 2, lastAt: later(1), raisedAt: incident.at },
    ]);
    await book.recover({ ...incident, at: later(1) });
    expect(await store.alarms.listOpen()).toHaveLength(1);
    await book.recover({ ...incident, at: later(2) });
    await book.recover({ ...incident, at: later(3) });
    await deliver();
    expect(await store.alarms.listOpen()).toEqual([]);

    const id = `orders/run-failed/${incident.at}`;
    expect(hook.received.map(({ state, key }) => [state, key])).toEqual([
      ['raised', `${id}/raised`],
      ['recovered', `${id}/recovered`],
    ]);
    expect(pager.refused).toEqual([]);
    expect(pager.events.map(({ event_action, dedup_key }) => [event_action, dedup_key])).toEqual([
      ['trigger', id],
      ['resolve', id],
    ]);
    expect(pager.events[0]).toMatchObject({
      routing_key: routingKey,
      payload: { summary: incident.message, source: 'orders', severity: 'error' },
    });
    expect(slackMessages.map(({ text }) => text)).toEqual([
      expect.stringContaining('run &lt;1&gt; &amp; more failed'),
      expect.stringContaining('run-failed is over'),
    ]);
    expect(mail.mails.map(({ to, user }) => [to, user])).toEqual([
      [['ops@example.com'], 'millrace'],
      [['ops@example.com'], 'millrace'],
    ]);
    expect(mail.mails[0]?.text).toContain('Subject: [Millrace] orders: run-failed\r\n');
    expect(mail.mails[1]?.text).toContain('Subject: [Millrace] orders: run-failed is over\r\n');
  });

  test('that comes back after its end is a new one', async () => {
    await book.raise(incident);
    await book.recover({ ...incident, at: later(1) });
    await book.raise(incident);
    expect(await store.alarms.listOpen()).toEqual([]);
    await book.raise({ ...incident, at: later(2), occurrence: 'run-3' });
    await deliver();
    expect(new Set(pager.events.map(({ dedup_key }) => dedup_key)).size).toBe(2);
  });

  test('is one for each subject', async () => {
    for (const subject of ['orders', 'customers', 'orders'])
      await book.raise({ ...incident, kind: 'quarantine-rate', subject });
    expect((await store.alarms.listOpen()).map(({ subject }) => subject)).toEqual(['orders', 'customers']);
  });
});

describe('a sink that is down', () => {
  test('holds up no other; its notices wait, in order, and come when it is back', async () => {
    slackStatus = 404;
    await book.raise(incident);
    await deliver();
    expect([hook.received.length, pager.events.length, mail.mails.length, slackMessages.length]).toEqual([
      1, 1, 1, 0,
    ]);
    slackStatus = 200;
    await book.recover({ ...incident, at: later(1) });
    await deliver();
    expect([hook.received.length, slackMessages.length]).toEqual([2, 0]);
    const [first] = await store.alarms.waiting('slack', 10);
    expect(first).toMatchObject({ attempts: 1, isDue: false });
    await store.alarms.postpone(first?.notice.id ?? '', 'slack', incident.at);
    await deliver();
    expect(slackMessages.map(({ text }) => text.includes('is over'))).toEqual([false, true]);
    expect(await store.alarms.waiting('slack', 10)).toEqual([]);
  });

  test('is tried again after ever longer waits', () => {
    expect([0, 1, 2, 50].map(retryWaitMs)).toEqual([5_000, 10_000, 20_000, 300_000]);
  });

  test('an SMTP server that refuses is an error that names no address and no password', async () => {
    const sink = createEmailSink({ url: mailAddress, from: 'a@example.com', to: ['gone@example.com'] });
    const notice: AlarmNotice = {
      id: 'x/raised',
      state: 'raised',
      at: incident.at,
      alarm: { ...incident, id: 'x', raisedAt: incident.at, count: 1, lastAt: incident.at },
    };
    const error: unknown = await sink
      .send(notice, new AbortController().signal)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ALARM_NOT_SENT', message: expect.stringContaining('550') });
    expect(String(error)).not.toMatch(/gone@|canary/);
  });
});

test('routes choose the sinks; the log gets every notice, and what no route fits goes everywhere', () => {
  const all = ['log', 'slack', 'email', 'pagerduty'];
  const routes = [
    { kinds: ['run-failed' as const], sinks: ['pagerduty'] },
    { dags: ['orders'], sinks: ['email'] },
    { kinds: ['lag' as const], sinks: [] },
  ];
  const of = (dagId: string, kind: Incident['kind']) =>
    sinksFor({ alarm: { dagId, kind } } as AlarmNotice, all, routes);
  expect(of('orders', 'run-failed')).toEqual(['log', 'email', 'pagerduty']);
  expect(of('users', 'run-failed')).toEqual(['log', 'pagerduty']);
  expect(of('users', 'lag')).toEqual(['log']);
  expect(of('users', 'anomaly')).toEqual(all);
});

describe('runs that ended', () => {
  const at = (minutes: number) => new Date(Date.now() - 3_600_000 + minutes * 60_000).toISOString();
  const ended = (runId: string, state: 'success' | 'failed', endedAt: string) =>
    runOf({ runId, state, startedAt: endedAt, endedAt });

  test('a failed one raises an alarm of its DAG, a later success ends it, each judged once', async () => {
    await store.ledger.recordRuns([ended('a', 'failed', at(1)), ended('b', 'failed', at(2))]);
    await judgeRuns(store.ledger, book, store.hooks);
    await judgeRuns(store.ledger, book, store.hooks);
    expect(await store.alarms.listOpen()).toMatchObject([{ kind: 'run-failed', count: 2 }]);
    await store.ledger.recordRuns([ended('early', 'success', at(0))]);
    await judgeRuns(store.ledger, book, store.hooks);
    expect(await store.alarms.listOpen()).toHaveLength(1);
    await store.ledger.recordRuns([ended('c', 'success', at(3)), ended('a', 'failed', at(1))]);
    await judgeRuns(store.ledger, book, store.hooks);
    expect(await store.alarms.listOpen()).toEqual([]);
  });

  test('one that becomes known days later raises nothing', async () => {
    await store.ledger.recordRuns([ended('old', 'failed', '2026-01-01T00:00:00.000Z')]);
    await judgeRuns(store.ledger, book, store.hooks);
    expect(await store.alarms.listOpen()).toEqual([]);
    expect(await store.ledger.unjudgedRuns(10)).toEqual([]);
  });
});
