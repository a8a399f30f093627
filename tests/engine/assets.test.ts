import { beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import type { RunRecord } from '../../core/run/ledger.js';
import type { AssetEvent } from '../../core/assets/asset-event.js';
import type { AssetQueueReport } from '../../client/assets.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { notes, statesOf, triggerRun } from '../helpers/runs.js';

const dags = `
import { appendFileSync } from 'node:fs';
import { allOf, anyOf, asset, defineDag, SkipTaskError } from 'millrace';
const orders = asset('file:orders', { name: 'orders', group: 'shop' });
const hear = ({ workflowId, assetEvents }) =>
  appendFileSync('notes.txt', workflowId + ' ' + JSON.stringify(assetEvents) + '\\n');
const listener = (id, schedule) =>
  defineDag({ id, schedule, tasks: ({ task }) => { task('hear', { inlets: [orders], run: async (context) => hear(context) }); } });
export const maker = defineDag({ id: 'maker', schedule: 'manual', tasks: ({ task }) => {
  task('make', { outlets: [orders], run: async (context) => { context.emit(orders, { rows: 3 }); return 'made'; } });
  task('fail', { outlets: ['file:bad'], retries: 0, run: async () => { throw new Error('on purpose'); } });
  task('skip', { outlets: ['file:bad'], run: async () => { throw new SkipTaskError('nothing to do'); } });
} });
export const mapped = defineDag({ id: 'mapped', schedule: 'manual', tasks: ({ task }) => {
  const list = task('list', { run: async () => ['a', 'b', 'c'] });
  task.expand('each', { over: { name: list }, outlets: ['file:parts'], run: async (context, { name }) => { context.emit('file:parts', { name }); return name; } });
} });
export const first = listener('either', anyOf(orders, 'file:prices'));
export const second = listener('both', allOf(orders, 'file:prices'));
export const third = listener('unlucky', asset('file:bad'));
export const fifth = listener('often', asset('file:ticks'));
export const fourth = listener('parts', allOf('file:parts', 'file:go'));
`;

/** The run that started a consumer, and the events that its task was told of. */
interface Heard {
  readonly workflowId: string;
  readonly events: readonly AssetEvent[];
}

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({ 'assets.ts': dags });
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

function heardBy(dagId: string): Heard[] {
  return notes(project, `millrace.asset-run.${dagId}-`).map((line) => {
    const [workflowId = '', ...rest] = line.split(' ');
    return { workflowId, events: JSON.parse(rest.join(' ')) as AssetEvent[] };
  });
}

async function heard(dagId: string, count: number): Promise<Heard[]> {
  await waitUntil(`${dagId} has run ${String(count)} times`, () => heardBy(dagId).length >= count);
  return heardBy(dagId);
}

const queueOf = (dagId: string) => project.json<AssetQueueReport>('asset', 'queue', dagId);
const tell = (uri: string, ...args: string[]) =>
  project.json<{ event: AssetEvent; consumers: string[] }>('asset', 'emit', uri, ...args);

describe('assets', () => {
  test('a task that succeeds emits; one that fails or is skipped does not; anyOf runs at once, allOf waits for the rest', async () => {
    const made = await triggerRun(project, 'maker');
    expect(statesOf(made).tasks).toEqual({ make: 'success', fail: 'failed', skip: 'skipped' });
    const [run] = await heard('either', 1);
    expect(run?.events).toEqual([
      expect.objectContaining({
        uri: 'file:orders',
        extra: { rows: 3 },
        source: expect.objectContaining({ dagId: 'maker', taskId: 'make', workflowId: made.workflowId }),
      }),
    ]);
    await waitUntil(
      'the event is in the queue of both',
      async () => (await queueOf('both')).queued.length > 0,
    );
    expect(await queueOf('both')).toMatchObject({
      waitsFor: 'file:prices',
      missing: ['file:prices'],
      queued: [{ uri: 'file:orders', extra: { rows: 3 } }],
      startedRuns: 0,
    });
    expect(await queueOf('unlucky')).toMatchObject({ queued: [], startedRuns: 0, pending: 0 });
    expect(heardBy('unlucky')).toEqual([]);
  }, 240_000);

  test('an event from outside completes allOf: one run, which knows every event, in its context and in run show', async () => {
    const told = await tell('file:prices', '--extra', '{"by":"vendor"}', '--id', 'delivery-1');
    expect(told.consumers).toEqual(['both', 'either']);
    const [run] = await heard('both', 1);
    expect(run?.events.map(({ uri, extra }) => ({ uri, extra }))).toEqual([
      { uri: 'file:orders', extra: { rows: 3 } },
      { uri: 'file:prices', extra: { by: 'vendor' } },
    ]);
    await project.resultOf(run?.workflowId ?? '');
    let shown: RunRecord | undefined;
    await waitUntil('the ledger has the end of the run', async () => {
      shown = (await project.json<{ run: RunRecord }>('run', 'show', run?.workflowId ?? '')).run;
      return shown.state === 'success';
    });
    expect(shown).toMatchObject({
      runType: 'asset_triggered',
      triggeredBy: 'file:orders ← maker/make {"rows":3}; file:prices ← told {"by":"vendor"}',
    });
  }, 240_000);

  test('an event that is told of twice makes one run', async () => {
    await heard('either', 2);
    await tell('file:prices', '--id', 'delivery-1');
    const next = await tell('file:prices', '--id', 'delivery-2');
    const runs = await heard('either', 3);
    expect(runs[2]?.events.map(({ id }) => id)).toEqual([next.event.id]);
    await waitUntil(
      'the queue knows of its third run',
      async () => (await queueOf('either')).startedRuns === 3,
    );
    expect(await queueOf('either')).toMatchObject({ startedRuns: 3, pending: 0, queued: [] });
  }, 240_000);

  test('each instance of a mapped task emits its own event', async () => {
    await triggerRun(project, 'mapped');
    await tell('file:go');
    const [run] = await heard('parts', 1);
    const parts = run?.events.filter(({ uri }) => uri === 'file:parts') ?? [];
    const told = parts.map(({ source, extra }) => ({ at: source?.mapIndex, ...extra }));
    expect(told.sort((a, b) => (a.at ?? 0) - (b.at ?? 0))).toEqual([
      { at: 0, name: 'a' },
      { at: 1, name: 'b' },
      { at: 2, name: 'c' },
    ]);
    expect(heardBy('parts')).toHaveLength(1);
  }, 240_000);

  test('the history of a queue stays bounded, and what came meanwhile is neither lost nor doubled', async () => {
    const connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
    const event = (n: number): AssetEvent => ({
      id: `tick-${String(n)}`,
      uri: 'file:ticks',
      at: '2026-01-01T00:00:00.000Z',
      extra: { n },
    });
    try {
      const queue = await new Client({ connection }).workflow.start('assetQueue', {
        workflowId: 'millrace.assets.often',
        taskQueue: 'millrace',
        args: [{ dagId: 'often', historyMaxEvents: 30 }],
      });
      for (let n = 0; n < 15; n += 1) {
        await queue.signal('deliverAssetEvents', [event(n), event(n - 1)]);
        await heard('often', n + 1);
      }
    } finally {
      await connection.close();
    }
    const told = heardBy('often').flatMap(({ events }) => events.map(({ id }) => id));
    expect(told.sort()).toEqual(Array.from({ length: 16 }, (_none, n) => `tick-${String(n - 1)}`).sort());
    const lengths = await project.historyLengths('millrace.assets.often');
    expect(lengths.length).toBeGreaterThan(2);
    expect(Math.max(...lengths)).toBeLessThan(60);
  }, 240_000);
});
