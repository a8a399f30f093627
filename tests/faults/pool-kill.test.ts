import { beforeAll, expect, test } from '@jest/globals';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { dagFile, doneBy, independent, mostAtOnce, PoolProject } from '../engine/pool-project.js';
import { waitUntil, type RunningProcess } from '../helpers/project.js';

const runs = 6;
const tasks = 5;

let world: PoolProject;

beforeAll(async () => {
  const dags = ['one', 'two'].map((id) =>
    independent(id, tasks, `pool: 'narrow'`, 'work(300)', 'maxActiveRuns: 4,'),
  );
  world = await PoolProject.create(
    { 'pools.ts': dagFile(dags.join('')) },
    { pools: { narrow: { slots: 3 } } },
  );
  await world.project.json('deploy');
}, 240_000);

async function busy(dag: string, worker: RunningProcess): Promise<void> {
  await waitUntil('the worker holds a slot', () => doneBy(world.trace([dag]), worker.child.pid).length > 0);
}

async function ended(dag: string, count: number): Promise<void> {
  const lines = () => world.trace([dag]).filter(({ what }) => what === 'end');
  await waitUntil(`${String(count)} tasks have ended`, () => lines().length >= count, 120_000);
}

/** Ends a worker with SIGKILL, and writes down that what it was doing has ended. */
async function kill(worker: RunningProcess): Promise<void> {
  await worker.end('SIGKILL');
  const line = `killed - - - ${String(worker.child.pid)} 0\n`;
  appendFileSync(join(world.project.folder, 'trace.txt'), line);
}

/** Every task of every run succeeded, as in a run that nothing disturbs; never more than 3 at once; nothing is held. */
async function expectUndisturbed(dag: string, backfill: string): Promise<void> {
  await world.succeeded(backfill, runs, 240_000);
  const { runs: listed } = await world.project.json<{ runs: { workflowId: string }[] }>('dag', 'runs', dag);
  expect(listed).toHaveLength(runs);
  for (const { workflowId } of listed) {
    const result = (await world.result(workflowId)) as {
      tasks: { state: string }[];
    };
    expect(result.tasks.map(({ state }) => state)).toEqual(Array<string>(tasks).fill('success'));
  }
  expect(mostAtOnce(world.trace([dag]))).toBeLessThanOrEqual(3);
  for (const pool of ['narrow', `dag-run:${dag}`])
    await world.waitForPool(`${pool} is free`, pool, (view) => view.usedSlots === 0 && view.waiting === 0);
}

test('kill -9 of each worker in turn, while it holds slots and waits: none is lost, none is given twice', async () => {
  const first = await world.startWorker('first');
  const second = await world.startWorker('second');
  const backfill = await world.start('one', runs);
  await ended('one', 5);
  await busy('one', first);
  await kill(first);
  const third = await world.startWorker('third');
  await ended('one', 12);
  await busy('one', second);
  await kill(second);
  await expectUndisturbed('one', backfill);
  const starts = world.trace(['one']).filter(({ what }) => what === 'start');
  expect(starts.length).toBeGreaterThan(runs * tasks);
  await third.end('SIGTERM');
}, 400_000);

test('kill -9 of the server and of both workers at once: after their restart all goes on', async () => {
  const workers = [await world.startWorker('fourth'), await world.startWorker('fifth')];
  const backfill = await world.start('two', runs);
  await ended('two', 8);
  await Promise.all([world.project.temporal.end('SIGKILL'), ...workers.map(kill)]);
  await world.project.startTemporal();
  await Promise.all(['fourth', 'fifth'].map((name) => world.startWorker(name)));
  await expectUndisturbed('two', backfill);
}, 400_000);
