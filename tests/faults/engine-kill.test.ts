import { beforeAll, expect, test } from '@jest/globals';
import { TestProject, waitUntil, type RunningProcess } from '../helpers/project.js';
import { notes, statesOf, triggerRun } from '../helpers/runs.js';
import { sideBySide } from '../helpers/side-by-side.js';

/** Branches, a mapping in child workflows, a mapped group, a pool and a setup with its teardown, in one DAG. */
const dag = `
import { appendFileSync } from 'node:fs';
import { defineDag, FailTaskError } from 'millrace';
const note = (context) => appendFileSync('notes.txt', context.workflowId + ' ' + context.taskId + ' ' + (context.mapIndex ?? '') + '\\n');
const slow = (value) => async (context) => { note(context); await new Promise((done) => setTimeout(done, 20)); return value; };
export default defineDag({
  id: 'busy', schedule: { cron: '0 0 * * *', timezone: 'UTC' }, maxActiveTasks: 8,
  tasks: ({ task, branch, group }) => {
    const create = task('create', { setup: true, run: slow('made') });
    const pick = branch('pick', { after: [create], run: async () => 'left' });
    const left = task('left', { after: [pick], pool: 'narrow', run: slow('left') });
    const right = task('right', { after: [pick], run: slow('right') });
    const numbers = task('numbers', { after: [create], run: async () => Array.from({ length: 120 }, (_n, at) => at) });
    const each = task.expand('each', { over: { n: numbers }, retries: 0, retryDelay: '10ms', run: async (context, { n }) => {
      note(context); await new Promise((done) => setTimeout(done, 20));
      if (n === 77) throw new FailTaskError('on purpose');
      return n;
    } });
    const both = group.expand('shop', { over: { shop: ['a', 'b', 'c'] } }, ({ task }, { shop }) => {
      task('second', { inputs: { shop }, after: [task('first', { pool: 'narrow', run: slow(1) })], run: slow(2) });
    });
    const good = task('good', { inputs: { each }, triggerRule: 'all_done', run: async (_context, { each }) => each.length });
    const join = task('join', { after: [left, right, both], triggerRule: 'none_failed_min_one_success', run: slow(3) });
    task('drop', { after: [good, join], teardown: [create], run: slow('dropped') });
  },
});`;

/** A project in which a run has ended undisturbed, and the worker that runs it now. */
class BusyProject {
  readonly project: TestProject;
  worker: RunningProcess;
  readonly undisturbed: ReturnType<typeof statesOf>;

  private constructor(
    project: TestProject,
    worker: RunningProcess,
    undisturbed: ReturnType<typeof statesOf>,
  ) {
    this.project = project;
    this.worker = worker;
    this.undisturbed = undisturbed;
  }

  static async start(): Promise<BusyProject> {
    const project = await TestProject.create({ 'busy.ts': dag }, { pools: { narrow: { slots: 1 } } });
    await project.startTemporal();
    await project.json('deploy');
    const worker = await project.startWorker();
    return new BusyProject(project, worker, statesOf(await triggerRun(project, 'busy')));
  }

  /** Kills the worker again and again while a run is under way. */
  async killWorkers(times: number, workflowIds: readonly string[]): Promise<void> {
    const done = (): number =>
      notes(this.project).filter((line) => workflowIds.some((id) => line.startsWith(id))).length;
    for (let kill = 0; kill < times; kill += 1) {
      const before = done();
      await waitUntil('the run goes on', () => done() >= before + 12);
      await this.worker.end('SIGKILL');
      this.worker = await this.project.startWorker();
    }
  }

  /** The run must end as the one that nothing disturbed. */
  async expectUndisturbed(workflowId: string): Promise<void> {
    const result = await this.project.resultOf(workflowId);
    expect(statesOf({ workflowId, result })).toEqual(this.undisturbed);
  }
}

/** They go on side by side, each in a project of its own, because most of each is waiting. */
const stories = {
  async run() {
    const busy = await BusyProject.start();
    expect(busy.undisturbed.tasks).toEqual({
      create: 'success',
      pick: 'success',
      left: 'success',
      right: 'skipped',
      numbers: 'success',
      each: 'failed',
      'shop.first': 'success',
      'shop.second': 'success',
      good: 'success',
      join: 'success',
      drop: 'success',
    });
    const { project } = busy;
    const { workflowId } = await project.json<{ workflowId: string }>(
      ...['dag', 'trigger', 'busy', '--name', 'shaken'],
    );
    await busy.killWorkers(3, [workflowId]);
    await project.temporal.end('SIGKILL');
    await project.startTemporal();
    await busy.expectUndisturbed(workflowId);
  },

  async backfill() {
    const busy = await BusyProject.start();
    const { project } = busy;
    const { id } = await project.json<{ id: string }>(
      ...[
        'backfill',
        'create',
        'busy',
        '--from',
        '2026-01-01',
        '--to',
        '2026-01-04',
        '--max-active-runs',
        '3',
      ],
    );
    const runs = [2, 3, 4].map((day) => `millrace.run.busy-2026-01-0${String(day)}T00:00:00Z`);
    await busy.killWorkers(2, runs);
    await waitUntil(
      'the backfill ends',
      async () => (await project.json<{ state: string }>('backfill', 'status', id)).state === 'completed',
      240_000,
    );
    for (const workflowId of runs) await busy.expectUndisturbed(workflowId);
  },
};

let outcomes: Readonly<Record<keyof typeof stories, Promise<void>>>;

beforeAll(() => {
  outcomes = sideBySide(stories);
});

test('killed workers and a killed server in the midst of mapping, branches and pools change no final state', async () => {
  await outcomes.run;
}, 600_000);

test('killed workers in the midst of a backfill change no final state of its runs', async () => {
  await outcomes.backfill;
}, 600_000);
