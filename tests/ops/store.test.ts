import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hasEnded, runStates, summariseTasks, type RunState } from '../../core/run/ledger.js';
import { openOpsStore, type OpsPlace, type OpsStore } from '../../ops/store.js';
import { createKeyring } from '../../security/keyring.js';
import { root } from '../architecture/source-tree.js';
import { temporaryFolder } from '../helpers/folder.js';
import { kindsOfPlaces, placeText } from './places.js';
import { lineOf, runOf, taskOf } from './records.js';

const key = `k1:${Buffer.alloc(32, 1).toString('base64')}`;
const folder = temporaryFolder();

const interval = { start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' };
const counts = { extracted: 3, loaded: 3, unchanged: 0, superseded: 0, quarantined: 0, withheld: 0 };
const full = runOf({
  interval,
  state: 'success',
  endedAt: '2026-01-01T00:01:00.000Z',
  counts,
  params: { limit: 3, text: 'ä "quoted" \n' },
  note: 'by hand',
  triggeredBy: 'ana',
});

describe.each(kindsOfPlaces)('on %s', (_kind, makePlaces) => {
  const places = makePlaces();
  let place: OpsPlace;
  let store: OpsStore;

  beforeEach(async () => {
    place = await places.empty();
    store = await openOpsStore({ ...place, keyring: createKeyring([key]) });
  });

  afterEach(async () => {
    await store.close();
  });

  test('events wait for the hooks that want them, until they are settled, postponed or given up', async () => {
    const { hooks } = store;
    const add = (caller: string, dagId?: string) =>
      hooks.add({ caller, event: 'run.ended', url: new URL('https://a.example/x'), ...(dagId && { dagId }) });
    const [first, repeated, other] = [await add('a'), await add('a'), await add('b', 'orders')];
    expect(repeated).toEqual({ ...first, isNew: false });
    expect(await hooks.target(other.id)).toEqual({ url: 'https://a.example/x', secret: other.secret });
    const event = (dagId: string) =>
      ({ type: 'run.ended', key: dagId, dagId, at: '2026-01-01T00:00:00.000Z', data: {} }) as const;
    await hooks.offer([event('orders'), event('users')]);
    await hooks.offer([event('orders')]);
    const waiting = async () => (await hooks.list()).map((hook) => [hook.caller, hook.waiting]);
    expect(await waiting()).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    const [told] = await hooks.waiting(other.id, 10);
    expect(told).toMatchObject({ dagId: 'orders', attempts: 0 });
    const later = '2999-01-01T00:00:00.000Z';
    await hooks.postpone(other.id, told?.eventId ?? '', { eventAt: later, hookAt: later, problem: 'no' });
    expect(await hooks.waiting(other.id, 10)).toEqual([]);
    expect(await hooks.list('b')).toMatchObject([{ waiting: 1, failures: 1, lastProblem: 'no' }]);
    expect((await hooks.due(10)).map(({ id }) => id)).toEqual([first.id]);
    for (const { eventId } of await hooks.waiting(first.id, 10)) await hooks.settle(first.id, eventId, true);
    expect(await hooks.due(10)).toEqual([]);
    expect(await hooks.giveUpBefore(later)).toBe(1);
    expect(await hooks.remove(first.id, 'b')).toBe(false);
    expect(await hooks.remove(first.id, 'a')).toBe(true);
    expect(await waiting()).toEqual([['b', 0]]);
    expect(await places.contents(place)).not.toMatch(/a\.example\/x|whsec_/);
    const renewed = createKeyring([`k2:${Buffer.alloc(32, 2).toString('base64')}`, key]);
    const moved = await openOpsStore({ ...place, keyring: renewed });
    expect(await moved.rotateKeys()).toMatchObject({ keyId: 'k2', renewed: 1 });
    expect(await moved.hooks.target(other.id)).toMatchObject({ secret: other.secret });
    await moved.close();
  });

  describe('runs', () => {
    test('come back as they were written, through a new process of the store', async () => {
      await store.ledger.recordRuns([full, runOf({ runId: 'bare' })]);
      await store.close();
      store = await openOpsStore(place);
      expect(await store.ledger.getRun('w', 'r')).toEqual(full);
      expect(await store.ledger.getRun('w', 'bare')).toEqual(runOf({ runId: 'bare' }));
      expect(await store.ledger.getRun('other')).toBeUndefined();
      expect(await store.ledger.findRuns([full, { workflowId: 'w', runId: 'none' }])).toEqual([full]);
    });

    test('a repeat changes nothing', async () => {
      await store.ledger.recordRuns([full, full]);
      await store.ledger.recordRuns([full]);
      expect(await store.ledger.listRuns({ limit: 10 })).toEqual([full]);
    });

    test.each(runStates.flatMap((first) => runStates.map((second): [RunState, RunState] => [first, second])))(
      '%s and then %s: the state that is further stays',
      async (first, second) => {
        await store.ledger.recordRuns([runOf({ state: first })]);
        await store.ledger.recordRuns([runOf({ state: second })]);
        const isStep = hasEnded(second) || (second === 'running' && !hasEnded(first)) || first === 'queued';
        expect((await store.ledger.getRun('w'))?.state).toBe(isStep ? second : first);
      },
    );

    test('a record that lacks members leaves those that are stored', async () => {
      await store.ledger.recordRuns([full, runOf({ state: 'failed' })]);
      expect(await store.ledger.getRun('w')).toEqual({ ...full, state: 'failed', params: {} });
    });

    test('are listed newest first, by every filter', async () => {
      const at = (hour: number) => `2026-01-01T0${String(hour)}:00:00.000Z`;
      await store.ledger.recordRuns([
        runOf({ runId: '1', startedAt: at(1), interval, state: 'failed' }),
        runOf({ runId: '2', startedAt: at(2), runType: 'backfill' }),
        runOf({ runId: '3', startedAt: at(3), dagId: 'other' }),
      ]);
      const ids = async (filter: object) =>
        (await store.ledger.listRuns({ limit: 10, ...filter })).map(({ runId }) => runId);
      expect(await ids({})).toEqual(['3', '2', '1']);
      expect(await ids({ limit: 1 })).toEqual(['3']);
      expect(await ids({ dagId: 'orders' })).toEqual(['2', '1']);
      expect(await ids({ dagId: 'orders', order: 'logical' })).toEqual(['2', '1']);
      expect(await ids({ state: 'failed' })).toEqual(['1']);
      expect(await ids({ runType: 'backfill' })).toEqual(['2']);
      expect(await ids({ since: at(2) })).toEqual(['3', '2']);
      expect(await ids({ newestOnly: true })).toEqual(['3']);
      expect((await store.ledger.getRun('w'))?.runId).toBe('3');
    });

    test('of one workflow id are listed newest first, with what each goes on from', async () => {
      const again = runOf({ runId: 'again', startedAt: '2026-02-01T00:00:00.000Z', formerRunId: 'r' });
      await store.ledger.recordRuns([runOf(), again, runOf({ workflowId: 'other', runId: 'o' })]);
      expect(await store.ledger.listExecutions('w', 10)).toEqual([again, runOf()]);
      expect(await store.ledger.listExecutions('w', 1)).toEqual([again]);
    });

    test('runtimes are those of the last successful runs', async () => {
      const run = (hour: number, seconds: number, state: RunState = 'success') =>
        runOf({
          runId: String(hour),
          state,
          startedAt: `2026-01-01T0${String(hour)}:00:00.000Z`,
          endedAt: `2026-01-01T0${String(hour)}:00:0${String(seconds)}.000Z`,
        });
      await store.ledger.recordRuns([run(1, 1), run(2, 2), run(3, 3, 'failed'), run(4, 4)]);
      expect(await store.ledger.runtimesMs('orders', 2)).toEqual([4_000, 2_000]);
    });

    test('that ended before a time go with everything of theirs; the others stay', async () => {
      const old = Array.from({ length: 450 }, (_, index) => ({ ...full, runId: `old-${String(index)}` }));
      const open = runOf({ runId: 'open' });
      const late = { ...full, runId: 'late', endedAt: '2026-02-01T00:00:00.000Z' };
      await store.ledger.record({
        runs: [...old, open, late],
        tasks: [...old, open, late].map(({ workflowId, runId }) => taskOf({ workflowId, runId })),
        logs: [lineOf(1, { runId: 'old-0' }), lineOf(1, { runId: 'late' })],
      });
      expect(await store.ledger.deleteBefore('2026-01-15T00:00:00.000Z')).toBe(450);
      const left = await store.ledger.listRuns({ limit: 1_000 });
      expect(left.map(({ runId }) => runId).sort()).toEqual(['late', 'open']);
      expect(await store.ledger.listTasks([...old, open, late])).toHaveLength(2);
      expect(await store.ledger.logsOf({ ...taskOf(), runId: 'old-0', limit: 10, tryNumber: 1 })).toEqual([]);
      expect(await store.ledger.deleteBefore('2026-01-15T00:00:00.000Z')).toBe(0);
    });
  });

  describe('tries', () => {
    test('are kept one beside the other, in whatever order they arrive', async () => {
      const first = taskOf({
        state: 'up_for_retry',
        startedAt: '2026-01-01T00:00:00.000Z',
        endedAt: '2026-01-01T00:00:01.000Z',
        worker: 'one',
        label: 'x',
        errorCode: 'SOURCE_UNAVAILABLE',
        errorMessage: 'no answer',
      });
      const second = taskOf({ tryNumber: 2, state: 'success', worker: 'two', counts, label: 'x' });
      await store.ledger.recordTasks([second]);
      await store.ledger.recordTasks([first]);
      await store.ledger.recordTasks([taskOf(), taskOf({ tryNumber: 2 })]);
      const tasks = await store.ledger.listTasks([{ workflowId: 'w', runId: 'r' }]);
      expect(tasks).toEqual([first, second]);
      expect(summariseTasks(tasks)).toEqual([
        {
          taskId: 'pull',
          mapIndex: -1,
          label: 'x',
          kind: 'function',
          state: 'success',
          tries: [first, second],
          counts,
        },
      ]);
    });

    test('one that never ended is lost once the next begins, and its late report still counts', async () => {
      await store.ledger.recordTasks([taskOf({ startedAt: '2026-01-01T00:00:00.000Z' })]);
      await store.ledger.recordTasks([taskOf({ tryNumber: 2, startedAt: '2026-01-01T00:00:09.000Z' })]);
      const [lost] = await store.ledger.listTasks([{ workflowId: 'w', runId: 'r' }]);
      expect(lost).toMatchObject({
        state: 'up_for_retry',
        errorCode: 'TASK_TIMEOUT',
        endedAt: '2026-01-01T00:00:09.000Z',
      });
      await store.ledger.recordTasks([taskOf({ state: 'success', endedAt: '2026-01-01T00:00:10.000Z' })]);
      expect((await store.ledger.listTasks([{ workflowId: 'w', runId: 'r' }]))[0]).toEqual(
        taskOf({
          state: 'success',
          startedAt: '2026-01-01T00:00:00.000Z',
          endedAt: '2026-01-01T00:00:10.000Z',
        }),
      );
    });

    test('one that was not even begun here is known from the next', async () => {
      await store.ledger.recordTasks([taskOf({ tryNumber: 2, worker: 'two', counts })]);
      const [before] = await store.ledger.listTasks([{ workflowId: 'w', runId: 'r' }]);
      expect(before).toEqual(
        taskOf({
          state: 'up_for_retry',
          errorCode: 'TASK_TIMEOUT',
          errorMessage: expect.stringContaining('went away') as unknown as string,
        }),
      );
      await store.ledger.recordTasks([taskOf({ state: 'failed', errorCode: 'X', errorMessage: 'late' })]);
      expect((await store.ledger.listTasks([{ workflowId: 'w', runId: 'r' }]))[0]).toMatchObject({
        state: 'failed',
        errorCode: 'X',
      });
    });

    test('the first of a cleared run invents none before it: those are with the former execution', async () => {
      await store.ledger.recordTasks([taskOf({ runId: 'second', tryNumber: 3, priorTries: 2 })]);
      expect(await store.ledger.listTasks([{ workflowId: 'w', runId: 'second' }])).toEqual([
        taskOf({ runId: 'second', tryNumber: 3 }),
      ]);
    });

    test('none is left open by a run that has ended', async () => {
      await store.ledger.record({ runs: [full], tasks: [taskOf()] });
      await store.ledger.record({
        runs: [runOf({ runId: 'c', state: 'cancelled' })],
        tasks: [taskOf({ runId: 'c' })],
      });
      const states = (await store.ledger.listTasks([full, { workflowId: 'w', runId: 'c' }])).map(
        ({ runId, state, errorCode }) => [runId, state, errorCode],
      );
      expect(states).toEqual([
        ['c', 'skipped', 'CANCELLED'],
        ['r', 'failed', 'TASK_TIMEOUT'],
      ]);
    });

    test('the verdict of the workflow is that of the task, with the error of its last try', () => {
      const failed = taskOf({ state: 'up_for_retry', errorCode: 'X', errorMessage: 'y' });
      expect(summariseTasks([failed, taskOf({ tryNumber: 0, state: 'failed' })])).toMatchObject([
        { state: 'failed', errorCode: 'X', errorMessage: 'y', tries: [failed] },
      ]);
      expect(summariseTasks([taskOf({ tryNumber: 0, state: 'skipped' })])).toMatchObject([
        { state: 'skipped', tries: [] },
      ]);
    });
  });

  test('log lines come back in order, once each, and from a place on', async () => {
    await store.ledger.appendLogs([
      lineOf(2, { fields: { rows: 3 } }),
      lineOf(1),
      lineOf(1, { tryNumber: 2 }),
    ]);
    await store.ledger.appendLogs([lineOf(1, { message: 'again' })]);
    const all = await store.ledger.logsOf({ ...taskOf(), tryNumber: 1, limit: 10 });
    expect(all).toEqual([lineOf(1), lineOf(2, { fields: { rows: 3 } })]);
    const { tryNumber: _any, ...key } = taskOf();
    expect(await store.ledger.logsOf({ ...key, after: { tryNumber: 1, line: 1 }, limit: 10 })).toEqual([
      lineOf(2, { fields: { rows: 3 } }),
      lineOf(1, { tryNumber: 2 }),
    ]);
  });

  test('a NUL in a text does not cut it', async () => {
    await store.ledger.appendLogs([lineOf(1, { message: 'a\0b' })]);
    expect(await store.ledger.logsOf({ ...taskOf(), limit: 1 })).toMatchObject([{ message: 'a\uFFFDb' }]);
  });

  test('a value that the driver cannot store is an error, and nothing of its batch is written', async () => {
    const broken = { ...taskOf(), tryNumber: true } as unknown as ReturnType<typeof taskOf>;
    await expect(store.ledger.record({ runs: [full], tasks: [broken] })).rejects.toThrow('boolean');
    expect(await store.ledger.listRuns({ limit: 1 })).toEqual([]);
    await store.ledger.recordRuns([full]);
    expect(await store.ledger.listRuns({ limit: 1 })).toEqual([full]);
  });

  test('a lease has one holder until it is given back or runs out', async () => {
    const { leases } = store;
    expect(await leases.take('sync', 'a', 60_000)).toBe(true);
    expect(await leases.take('sync', 'b', 60_000)).toBe(false);
    await leases.release('sync', 'b');
    expect(await leases.take('sync', 'a', -1)).toBe(true);
    expect(await leases.take('sync', 'b', 60_000)).toBe(true);
    await leases.release('sync', 'b');
    expect(await leases.take('sync', 'a', 60_000)).toBe(true);
    expect(await leases.getMark('through')).toBeUndefined();
    await leases.setMark('through', '1');
    await leases.setMark('through', '2');
    expect(await leases.getMark('through')).toBe('2');
  });

  test('a store that a later version made is refused, and left as it is', async () => {
    const later = await places.fresh();
    await (await openOpsStore(later)).close();
    await places.sql(later, "INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-later', '')");
    await expect(openOpsStore(later)).rejects.toMatchObject({ code: 'OPS_UNAVAILABLE' });
  });

  test('processes that open a new store at once and write at the same time lose nothing', async () => {
    const shared = await places.fresh();
    const tsx = join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs');
    const child = join(root, 'tests', 'ops', 'record-child.ts');
    const run = (name: string) =>
      promisify(execFile)(process.execPath, [tsx, child, placeText(shared), name, '30'], {
        env: { ...process.env, NODE_OPTIONS: '' },
      });
    await Promise.all(['one', 'two', 'three'].map(run));
    const other = await openOpsStore(shared);
    const runs = await other.ledger.listRuns({ limit: 1_000 });
    expect(runs).toHaveLength(91);
    expect(await other.ledger.listTasks(runs)).toHaveLength(90);
    await other.close();
  }, 240_000);
});

describe('the file of SQLite', () => {
  test('is for its user alone', async () => {
    const path = join(folder, 'own.db');
    await (await openOpsStore({ path })).close();
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  test('that is none of ours is refused and left as it is', async () => {
    const other = join(folder, 'other.db');
    writeFileSync(other, 'this is no database, and long enough to be looked at as one, page by page');
    await expect(openOpsStore({ path: other })).rejects.toMatchObject({ code: 'OPS_UNAVAILABLE' });
    expect(statSync(other).size).toBe(73);
  });
});
