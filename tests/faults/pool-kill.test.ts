import { beforeAll, expect, test } from '@jest/globals';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { dagFile, doneBy, independent, mostAtOnce, PoolProject } from '../engine/pool-project.js';
import { waitUntil, type RunningProcess } from '../helpers/project.js';
import { sideBySide } from '../helpers/side-by-side.js';

const runs = 6;
const tasks = 5;

/** A project with one DAG whose tasks share a pool. */
class ShakenProject {
  readonly #world: PoolProject;

  private constructor(world: PoolProject) {
    this.#world = world;
  }

  static async start(): Promise<ShakenProject> {
    const dag = independent('shaken', tasks, `pool: 'narrow'`, 'work(300)', 'maxActiveRuns: 4,');
    const world = await PoolProject.create({ 'pools.ts': dagFile(dag) }, { pools: { narrow: { slots: 3 } } });
    await world.project.json('deploy');
    return new ShakenProject(world);
  }

  startWorker(name: string): Promise<RunningProcess> {
    return this.#world.startWorker(name);
  }

  begin(): Promise<string> {
    return this.#world.start('shaken', runs);
  }

  async busy({ child }: RunningProcess): Promise<void> {
    await waitUntil('the worker holds a slot', () => doneBy(this.#trace(), child.pid).length > 0);
  }

  async ended(count: number): Promise<void> {
    const lines = () => this.#trace().filter(({ what }) => what === 'end');
    await waitUntil(`${String(count)} tasks have ended`, () => lines().length >= count);
  }

  starts(): number {
    return this.#trace().filter(({ what }) => what === 'start').length;
  }

  /** Ends a worker with SIGKILL, and writes down that what it was doing has ended. */
  async kill(worker: RunningProcess): Promise<void> {
    await worker.end('SIGKILL');
    const line = `killed - - - ${String(worker.child.pid)} 0\n`;
    appendFileSync(join(this.#world.project.folder, 'trace.txt'), line);
  }

  async restartTemporal(workers: readonly RunningProcess[]): Promise<void> {
    const { project } = this.#world;
    await Promise.all([project.temporal.end('SIGKILL'), ...workers.map((worker) => this.kill(worker))]);
    await project.startTemporal();
  }

  /** Every task of every run succeeded, as in a run that nothing disturbs; never more than 3 at once; nothing is held. */
  async expectUndisturbed(backfill: string): Promise<void> {
    const world = this.#world;
    await world.succeeded(backfill, runs, 240_000);
    const { runs: listed } = await world.project.json<{ runs: { workflowId: string }[] }>(
      ...['dag', 'runs', 'shaken'],
    );
    expect(listed).toHaveLength(runs);
    for (const { workflowId } of listed) {
      const result = (await world.result(workflowId)) as {
        tasks: { state: string }[];
      };
      expect(result.tasks.map(({ state }) => state)).toEqual(Array<string>(tasks).fill('success'));
    }
    expect(mostAtOnce(this.#trace())).toBeLessThanOrEqual(3);
    for (const pool of ['narrow', 'dag-run:shaken'])
      await world.waitForPool(`${pool} is free`, pool, (view) => view.usedSlots === 0 && view.waiting === 0);
  }

  #trace() {
    return this.#world.trace(['shaken']);
  }
}

/** They go on side by side, each in a project of its own, because most of each is waiting. */
const stories = {
  async inTurn() {
    const shaken = await ShakenProject.start();
    const first = await shaken.startWorker('first');
    const second = await shaken.startWorker('second');
    const backfill = await shaken.begin();
    await shaken.ended(5);
    await shaken.busy(first);
    await shaken.kill(first);
    await shaken.startWorker('third');
    await shaken.ended(12);
    await shaken.busy(second);
    await shaken.kill(second);
    await shaken.expectUndisturbed(backfill);
    expect(shaken.starts()).toBeGreaterThan(runs * tasks);
  },

  async atOnce() {
    const shaken = await ShakenProject.start();
    const workers = [await shaken.startWorker('first'), await shaken.startWorker('second')];
    const backfill = await shaken.begin();
    await shaken.ended(8);
    await shaken.restartTemporal(workers);
    await Promise.all(['first', 'second'].map((name) => shaken.startWorker(name)));
    await shaken.expectUndisturbed(backfill);
  },
};

let outcomes: Readonly<Record<keyof typeof stories, Promise<void>>>;

beforeAll(() => {
  outcomes = sideBySide(stories);
});

test('kill -9 of each worker in turn, while it holds slots and waits: none is lost, none is given twice', async () => {
  await outcomes.inTurn;
}, 600_000);

test('kill -9 of the server and of both workers at once: after their restart all goes on', async () => {
  await outcomes.atOnce;
}, 600_000);
