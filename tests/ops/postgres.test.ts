import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { pino } from 'pino';
import { createLedgerBuffer } from '../../activities/ledger/ledger-buffer.js';
import { opsPlace } from '../../client/ops-place.js';
import { loadSettings } from '../../config.js';
import { openOpsStore, type OpsPlace, type OpsStore } from '../../ops/store.js';
import { createKeyring } from '../../security/keyring.js';
import { Secret } from '../../security/secret.js';
import { rejection } from '../sources/read-all.js';
import { postgresPlaces } from './places.js';
import { lineOf, runOf, taskOf } from './records.js';

/** What only a store on a server has to bear: lost connections, restarts, several clocks. */
const places = postgresPlaces();
let place: OpsPlace;
let store: OpsStore;

beforeEach(async () => {
  place = await places.empty();
  store = await openOpsStore(place);
});

afterEach(async () => {
  jest.restoreAllMocks();
  await store.close();
});

const batchOf = (number: number) => ({
  runs: [runOf({ workflowId: `w-${String(number)}`, runId: String(number) })],
  tasks: [taskOf({ workflowId: `w-${String(number)}`, runId: String(number) })],
  logs: [lineOf(1, { workflowId: `w-${String(number)}`, runId: String(number) })],
});

/** Everything that was written as `batchOf` 0 to `count` is there, once. */
async function expectBatches(count: number): Promise<void> {
  const runs = await store.ledger.listRuns({ limit: 10_000 });
  expect(runs).toHaveLength(count);
  expect(await store.ledger.listTasks(runs)).toHaveLength(count);
  for (const { workflowId, runId } of runs) {
    expect(await store.ledger.logsOf({ ...taskOf({ workflowId, runId }), limit: 10 })).toHaveLength(1);
  }
}

test('sessions that end in the middle of writing lose nothing', async () => {
  const killer = await places.server().client();
  let written = 0;
  let killed = 0;
  const writing = (async () => {
    for (; written < 30; written += 1) await store.ledger.record(batchOf(written));
  })();
  let isDone = false;
  void writing.finally(() => (isDone = true));
  // One session for every other batch, whatever its transaction has done by then.
  while (!isDone) {
    if (killed > written / 2) {
      await new Promise(setImmediate);
      continue;
    }
    const { rowCount } = await killer.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace' AND xact_start IS NOT NULL",
    );
    killed += rowCount ?? 0;
  }
  await writing;
  await killer.end();
  expect(killed).toBeGreaterThan(3);
  await expectBatches(30);
}, 240_000);

test('a restart of the server while a worker writes loses nothing, and no operation fails', async () => {
  const logged: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
  const buffer = createLedgerBuffer(store.ledger, { worker: 'w', logger });
  const record = (number: number) => {
    const { runs, tasks, logs } = batchOf(number);
    for (const run of runs) buffer.recordRun(run);
    for (const task of tasks) buffer.recordTask(task);
    for (const line of logs) buffer.appendLog(line);
  };
  record(0);
  await buffer.flush();
  await places.server().halt();
  record(1);
  const during = [
    buffer.flush(),
    store.connections.add('crm', 'rest', { set: { url: 'https://crm.example' } }),
    store.leases.take('sync', 'a', 60_000),
  ];
  record(2);
  await places.server().resume();
  await Promise.all(during);
  await buffer.close();
  await expectBatches(3);
  expect(await store.connections.reveal('crm')).toEqual({ connector: 'rest', url: 'https://crm.example' });
  expect(logged).toEqual([]);
}, 240_000);

test('a lease counts by the clock of the server, however wrong that of a machine is', async () => {
  expect(await store.leases.take('oauth-tokens:crm', 'a', 60_000)).toBe(true);
  jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
  expect(await store.leases.take('oauth-tokens:crm', 'b', 60_000)).toBe(false);
  jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 7_200_000);
  await store.leases.release('oauth-tokens:crm', 'a');
  expect(await store.leases.take('oauth-tokens:crm', 'b', 60_000)).toBe(true);
  jest.restoreAllMocks();
  expect(await store.leases.take('oauth-tokens:crm', 'a', 60_000)).toBe(false);
});

test('of two processes that save tokens at once, one does, and the other is told', async () => {
  const keyring = createKeyring([`k:${randomBytes(32).toString('base64')}`]);
  const stores = [await openOpsStore({ ...place, keyring }), await openOpsStore({ ...place, keyring })];
  const owner = { connection: 'crm', fingerprint: 'f' };
  for (let version = 0; version < 10; version += 1) {
    const saved = await Promise.all(
      stores.map(({ tokens }, index) => {
        const accessToken = new Secret(`${String(version)}-${String(index)}`);
        return tokens.save(owner, { accessToken, obtainedAt: '2026-01-01T00:00:00.000Z' }, version);
      }),
    );
    expect([...saved].sort()).toEqual([false, true]);
    const stored = await stores[0]!.tokens.read(owner);
    expect(stored?.version).toBe(version + 1);
    expect(stored?.accessToken.reveal()).toBe(`${String(version)}-${String(saved.indexOf(true))}`);
  }
  await Promise.all(stores.map((opened) => opened.close()));
});

test('stores that are opened at once on an empty database make its tables once', async () => {
  const empty = await places.fresh();
  const stores = await Promise.all(Array.from({ length: 4 }, () => openOpsStore(empty)));
  await stores[0]!.ledger.record(batchOf(0));
  expect(await stores[3]!.ledger.listRuns({ limit: 10 })).toHaveLength(1);
  await Promise.all(stores.map((opened) => opened.close()));
});

test('texts are compared byte by byte, whatever the locale of the database', async () => {
  await places
    .server()
    .run("CREATE DATABASE swedish LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE' LOCALE 'C' TEMPLATE template0");
  const swedish = await openOpsStore({
    url: new Secret((place.url?.reveal() ?? '').replace(/[^/]*$/, 'swedish')),
  });
  await swedish.ledger.recordTasks(['a', 'B', 'a-b', 'ab'].map((taskId) => taskOf({ taskId })));
  const tasks = await swedish.ledger.listTasks([taskOf()]);
  expect(tasks.map(({ taskId }) => taskId)).toEqual(['B', 'a', 'a-b', 'ab']);
  await swedish.close();
});

test('a server that refuses is named at once, without the password', async () => {
  const { port } = places.server();
  for (const [user, database] of [
    ['nobody', 'postgres'],
    ['postgres', 'nowhere'],
  ] as const) {
    const url = `postgres://${user}:canary-7f31@127.0.0.1:${String(port)}/${database}`;
    const error = await rejection(openOpsStore({ url: new Secret(url) }));
    expect(error).toMatchObject({ code: 'OPS_UNAVAILABLE', retryable: true });
    expect((error as Error).message).toContain(
      `postgres://127.0.0.1:${String(port)}/${database} cannot be used`,
    );
    expect((error as Error).message).toContain('does not exist');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary');
  }
});

test('the setting is a secret, and no other address is taken', () => {
  const settings = (url: string) => loadSettings({ cwd: '/nowhere', env: { MILLRACE_OPS_URL: url } });
  const ours = settings('postgres://ana:canary-7f31@db/ops');
  expect(JSON.stringify(ours)).not.toContain('canary');
  expect(opsPlace(ours)).toEqual({ url: ours.ops.url });
  for (const url of ['mysql://db/ops', 'db/ops', 'postgres://']) {
    expect(() => opsPlace(settings(url))).toThrow('ops.url is not a postgres:// address');
  }
});
