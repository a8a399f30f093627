import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { Webhook } from 'standardwebhooks';
import { keepAlarms } from '../../activities/alarms/keeper.js';
import type { RunRecord } from '../../core/run/ledger.js';
import { limits } from '../../core/limits.js';
import { openOpsStore, type OpsStore } from '../../ops/store.js';
import { createKeyring } from '../../security/keyring.js';
import { HookTarget, type ToldEvent } from '../helpers/hook-target.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { runOf } from '../ops/records.js';

const key = `k1:${Buffer.alloc(32, 7).toString('base64')}`;
const target = new HookTarget();
let project: TestProject;
let closedProject: TestProject;
let store: OpsStore;
let url: string;
let closedUrl: string;

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly error?: { code: string; message: string } };
}

async function call(path: string, init: RequestInit = {}, token = 'all-secret', at = url): Promise<Reply> {
  const response = await fetch(`${at}/api/${path}`, {
    ...init,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
  });
  return { status: response.status, body: (await response.json()) as Reply['body'] };
}

/** Runs that a path was told of, each once: a repeat has the same event id. */
function runsAt(path: string): unknown[] {
  const events = new Map(target.at(path).map(({ body }) => [body.id, body.data['id']]));
  return [...events.values()].sort();
}

/** Waits that only bound a hang. */
const until = (what: string, condition: () => boolean | Promise<boolean>) =>
  waitUntil(what, condition, 220_000);

const subscribe = (body: object, token?: string, at?: string) =>
  call('hooks', { method: 'POST', body: JSON.stringify(body) }, token, at);

const settings = (allowPrivateNetwork: boolean) => ({
  security: { keys: [key] },
  gateway: {
    api: {
      hooks: { allowPrivateNetwork },
      callers: {
        all: { secrets: ['all-secret'], dags: ['*'] },
        zapier: { secrets: ['zapier-secret'], dags: ['orders'] },
        pusher: { secrets: ['pusher-secret'], streams: ['leads'] },
      },
      streams: ['leads'],
    },
  },
});

/** Runs end, and the worker has its look at them. */
async function end(...runs: Partial<RunRecord>[]): Promise<void> {
  const endedAt = new Date().toISOString();
  await store.ledger.recordRuns(
    runs.map((run) => runOf({ workflowId: `w-${run.runId ?? ''}`, state: 'success', endedAt, ...run })),
  );
  await keepAlarms(
    {
      store,
      book: store.alarms.book({ sinks: [], routes: [] }),
      sinks: [],
      definitions: [],
      logger: pino({ level: 'silent' }),
    },
    new AbortController().signal,
  );
}

beforeAll(async () => {
  await target.start();
  project = await TestProject.create({}, settings(true));
  closedProject = await TestProject.create({}, settings(false));
  mkdirSync(join(project.folder, '.millrace'));
  store = await openOpsStore({
    path: join(project.folder, '.millrace', 'ops.db'),
    keyring: createKeyring([key]),
  });
  ({ url } = await project.startGateway());
  ({ url: closedUrl } = await closedProject.startGateway());
}, 240_000);

afterAll(async () => {
  await store.close();
  target.stop();
});

describe('hooks', () => {
  test('who subscribes is told of its DAGs, signed; who unsubscribes is not', async () => {
    const asked = { target_url: target.url('/ended'), event: 'run.ended' };
    const made = await subscribe(asked, 'zapier-secret');
    expect(made).toMatchObject({ status: 201, body: { id: expect.stringMatching(/^hook_/) } });
    expect(await subscribe(asked, 'zapier-secret')).toEqual({ ...made, status: 200 });
    const failed = await subscribe({ target_url: target.url('/failed'), event: 'run.failed', dag: 'orders' });
    const alarm = await subscribe({ target_url: target.url('/alarm'), event: 'alarm.raised' });
    expect([failed.status, alarm.status]).toEqual([201, 201]);
    const gone = await subscribe({ target_url: target.url('/gone'), event: 'run.ended' });
    const goneId = String(gone.body['id']);
    expect(await call(`hooks/${goneId}`, { method: 'DELETE' }, 'zapier-secret')).toMatchObject({
      status: 404,
    });
    expect(await call(`hooks/${goneId}`, { method: 'DELETE' })).toMatchObject({ status: 200 });

    await end(
      { runId: 'a' },
      { runId: 'b', state: 'failed' },
      { runId: 'c', dagId: 'closed', state: 'failed' },
    );
    await until(
      'they were told',
      () => runsAt('/ended').length >= 2 && runsAt('/failed').length >= 1 && runsAt('/alarm').length >= 2,
    );
    expect(runsAt('/ended')).toEqual(['w-a/a', 'w-b/b']);
    expect(runsAt('/failed')).toEqual(['w-b/b']);
    expect(new Set(target.at('/alarm').map(({ body }) => body.data['dagId']))).toEqual(
      new Set(['orders', 'closed']),
    );
    expect(target.at('/gone')).toEqual([]);
    const [first] = target.at('/ended');
    // The published library of Standard Webhooks reads it with the secret that the subscriber got.
    const known = new Webhook(String(made.body['secret']));
    expect(known.verify(first?.text ?? '', first?.headers as Record<string, string>)).toMatchObject({
      id: first?.headers['webhook-id'],
      type: 'run.ended',
      data: { state: 'success' },
    });
    expect(() =>
      new Webhook(String(failed.body['secret'])).verify(
        first?.text ?? '',
        first?.headers as Record<string, string>,
      ),
    ).toThrow();

    const mine = await call('hooks', {}, 'zapier-secret');
    expect(mine.body).toMatchObject({ hooks: [{ id: made.body['id'], waiting: 0, failures: 0 }] });
    expect(JSON.stringify(mine.body)).not.toMatch(/\/ended|whsec_/);
    const sample = await call('hooks/sample?event=run.ended', {}, 'zapier-secret');
    const told = new Map(target.at('/ended').map(({ body }) => [body.id, body]));
    expect(
      new Map((sample.body as unknown as ToldEvent['body'][]).map((event) => [event.id, event])),
    ).toEqual(told);
    const { hooks } = await project.json<{ hooks: { id: string }[] }>('hooks', 'list');
    expect(hooks.map(({ id }) => id)).toEqual([made, failed, alarm].map(({ body }) => body['id']));
    await project.json('hooks', 'remove', String(alarm.body['id']));
    expect(await project.run('hooks', 'remove', goneId)).toMatchObject({ code: 1 });
    await project.json('hooks', 'remove', String(failed.body['id']));
  }, 240_000);

  test('samples are there before anything happened', async () => {
    for (const event of ['run.ended', 'run.failed', 'alarm.raised', 'alarm.recovered']) {
      const { status, body } = await call(`hooks/sample?event=${event}`, {}, 'all-secret', closedUrl);
      expect({ status, body }).toMatchObject({
        status: 200,
        body: [{ type: event, data: { dagId: 'orders' } }],
      });
    }
    expect(await call('hooks/sample?event=other')).toMatchObject({ status: 400 });
  });

  test('a hook whose address answers 410 is removed; one that fails is told again, and holds up no other', async () => {
    const paths = ['/is-gone', '/broken', '/redirects', '/well'];
    target.statuses.set('/is-gone', 410).set('/broken', 500).set('/redirects', 307);
    for (const path of paths)
      expect(await subscribe({ target_url: target.url(path), event: 'run.ended' })).toMatchObject({
        status: 201,
      });
    await end({ runId: 'd' });
    const listed = async () =>
      (await store.hooks.list('all')).map(({ lastProblem }) => lastProblem ?? 'none');
    await until('all were tried', async () =>
      JSON.stringify((await listed()).sort()).includes('answered 500'),
    );
    await until('one is gone', async () => (await listed()).length === 3);
    await until('the well one was told', () => target.at('/well').length === 1);
    target.statuses.clear();
    await until('the others were told again', () => target.at('/broken').length >= 2);
    await until('and the redirect', () => target.at('/redirects').length >= 2);
    const texts = new Set(
      target.received.filter(({ body }) => body.data['id'] === 'w-d/d').map(({ text }) => text),
    );
    // Zapier's hook of the first test is told too; the same bytes go to all, each time.
    expect(texts.size).toBe(1);
    expect(target.at('/elsewhere')).toEqual([]);
    await until('nothing waits', async () =>
      (await store.hooks.list()).every(({ waiting }) => waiting === 0),
    );
    for (const { id } of await store.hooks.list('all')) await store.hooks.remove(id);
  }, 240_000);

  test('kill -9 of the gateway: an end while it is dead, and an event told but not noted, arrive with one id each', async () => {
    // The gateway of the other tests would take the work away.
    const own = await TestProject.create({}, settings(true));
    mkdirSync(join(own.folder, '.millrace'));
    const former = store;
    store = await openOpsStore({
      path: join(own.folder, '.millrace', 'ops.db'),
      keyring: createKeyring([key]),
    });
    try {
      const first = await own.startGateway('hook-sent');
      await subscribe({ target_url: target.url('/killed'), event: 'run.ended' }, 'all-secret', first.url);
      await end({ runId: 'e' });
      await first.ended;
      expect(first.child.signalCode).toBe('SIGKILL');
      expect(runsAt('/killed')).toEqual(['w-e/e']);
      const before = target.at('/killed').length;
      await end({ runId: 'f' });
      await own.startGateway();
      await until(
        'both were told',
        () => runsAt('/killed').length >= 2 && target.at('/killed').length >= before + 2,
      );
      expect(runsAt('/killed')).toEqual(['w-e/e', 'w-f/f']);
    } finally {
      await store.close();
      store = former;
    }
  }, 240_000);
});

describe('who may subscribe, and where to', () => {
  test('only who has DAGs, for them, so often, with a right request', async () => {
    const asked = { target_url: target.url('/x'), event: 'run.ended' };
    expect(await subscribe(asked, 'unknown')).toMatchObject({ status: 401 });
    expect(await subscribe(asked, 'pusher-secret')).toMatchObject({ status: 403 });
    expect(await subscribe({ ...asked, dag: 'closed' }, 'zapier-secret')).toMatchObject({ status: 403 });
    const wrong = await subscribe({ event: 'run.begun', more: 1 });
    expect(wrong).toMatchObject({ status: 400, body: { error: { code: 'GATEWAY_REQUEST_INVALID' } } });
    expect(wrong.body.error?.message).toMatch(/target_url.*run\.ended/s);
    const before = (await store.hooks.list('zapier')).length;
    for (let made = before; made < limits.hooksMaxPerCaller; made += 1)
      await store.hooks.add({
        caller: 'zapier',
        event: 'run.ended',
        url: new URL(target.url(`/x${String(made)}`)),
      });
    expect(await subscribe(asked, 'zapier-secret')).toMatchObject({
      status: 409,
      body: { error: { code: 'HOOK_LIMIT' } },
    });
    for (const { id } of await store.hooks.list('zapier')) await store.hooks.remove(id);
  });

  test('no address inside a private network, by number or by name', async () => {
    const refused = [
      'http://example.com/',
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://169.254.169.254/latest/meta-data',
      'https://user:word@example.com/',
      'ftp://example.com/',
      'nowhere',
    ];
    for (const address of refused)
      expect(
        await subscribe({ target_url: address, event: 'run.ended' }, 'all-secret', closedUrl),
      ).toMatchObject({
        status: 400,
      });
    const named = { target_url: target.url('/named').replace('http://127.0.0.1', 'https://localhost') };
    expect(await subscribe({ ...named, event: 'run.ended' }, 'all-secret', closedUrl)).toMatchObject({
      status: 201,
    });
    const former = store;
    store = await openOpsStore({
      path: join(closedProject.folder, '.millrace', 'ops.db'),
      keyring: createKeyring([key]),
    });
    try {
      await end({ runId: 'g' });
      await until(
        'it was refused',
        async () => (await store.hooks.list())[0]?.lastProblem?.includes('private network') === true,
      );
    } finally {
      await store.close();
      store = former;
    }
    expect(target.at('/named')).toEqual([]);
  }, 240_000);
});
