import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { createBackfill, type BackfillOptions, type BackfillStatus } from '../../client/backfills.js';
import { listIntervals } from '../../core/schedule/schedule-intervals.js';
import { limits } from '../../core/limits.js';
import { readSchedule } from '../../core/schedule/read-schedule.js';
import type { RunResult } from '../../core/run/run-result.js';
import { waitUntil, type RunningProcess, type TestProject } from '../helpers/project.js';
import { notes } from '../helpers/runs.js';
import { startRerunProject } from './rerun-project.js';

let project: TestProject;
let client: Client;
let worker: RunningProcess;

beforeAll(async () => {
  ({ project, worker, client } = await startRerunProject());
}, 240_000);

afterAll(async () => {
  await client.connection.close();
});

const base: BackfillOptions = {
  taskQueue: 'millrace',
  from: '2026-01-01T00:00:00.000Z',
  to: '2026-01-09T00:00:00.000Z',
  reprocess: 'completed',
  maxActiveRuns: 4,
  runBackwards: false,
  dryRun: false,
  wait: true,
};
const backfill = async (dagId: string, more: Partial<BackfillOptions>) =>
  (await createBackfill(client, dagId, { ...base, ...more })) as BackfillStatus;
const runId = (dagId: string, endDay: number) => `millrace.run.${dagId}-2026-01-0${String(endDay)}T00:00:00Z`;
const tasksOf = async (id: string): Promise<Record<string, string>> => {
  const { tasks } = (await client.workflow.getHandle(id).result()) as RunResult;
  return Object.fromEntries(tasks.map((task) => [task.taskId, task.state]));
};

/** Lengths of all executions of a workflow, the newest first. */
async function historyLengths(workflowId: string): Promise<number[]> {
  const lengths: number[] = [];
  for (let runId: string | undefined | null; ;) {
    const { events } = await client.workflow.getHandle(workflowId, runId ?? undefined).fetchHistory();
    lengths.push(events?.length ?? 0);
    runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
    if (runId === undefined || runId === null || runId === '') return lengths;
  }
}

test('chosen tasks run alone, with what the former runs hand on, twice too; the others keep their states', async () => {
  expect(await backfill('mixed', {})).toMatchObject({ state: 'completed', total: 8, succeeded: 8 });
  for (const again of [1, 2]) {
    project.write('notes.txt', '');
    const tasks = { tasks: ['last'], upstream: false, downstream: false };
    expect(await backfill('mixed', { tasks, name: `last-${String(again)}` })).toMatchObject({ succeeded: 8 });
    expect(notes(project)).toEqual(Array.from({ length: 8 }, () => 'last 7 60'));
    expect(await tasksOf(runId('mixed', 2))).toMatchObject({
      last: 'success',
      pick: 'success',
      no: 'skipped',
      store: 'success',
    });
  }
}, 240_000);

test('kill -9 of the worker amid it: the next worker ends it, and each chosen task has run for each interval', async () => {
  project.write('notes.txt', '');
  const tasks = { tasks: ['store'], upstream: true, downstream: false };
  const { id } = await backfill('mixed', { tasks, maxActiveRuns: 2, wait: false });
  await waitUntil('it is at work', () => notes(project, 'pull').length >= 2);
  await worker.end('SIGKILL');
  worker = await project.startWorker();
  const handle = client.workflow.getHandle(id);
  expect(await handle.result()).toMatchObject({ state: 'completed', succeeded: 8, failed: 0, running: 0 });
  expect(new Set(notes(project, 'pull')).size).toBe(8);
  expect(notes(project).filter((line) => !line.startsWith('pull'))).toEqual([]);
  expect(await project.rows('SELECT count(*) AS n, count(DISTINCT id) AS ids FROM rows_of_mixed')).toEqual([
    { n: '8', ids: '8' },
  ]);
}, 240_000);

test('where no former run has what a chosen task needs, its run says so and runs nothing', async () => {
  project.write('notes.txt', '');
  const status = await backfill('mixed', {
    from: '2026-02-01T00:00:00.000Z',
    to: '2026-02-02T00:00:00.000Z',
    tasks: { tasks: ['last'], upstream: false, downstream: false },
  });
  expect(status).toMatchObject({ state: 'completed', failed: 1 });
  const failure = client.workflow.getHandle('millrace.run.mixed-2026-02-02T00:00:00Z').result();
  await expect(failure).rejects.toMatchObject({
    cause: { type: 'FORMER_RUN_MISSING', message: expect.stringContaining('fragile') },
  });
  expect(notes(project)).toEqual([]);
}, 240_000);

test('the command line lists backfills, tells how they ended, and refuses what does not fit', async () => {
  const { backfills } = await project.json<{ backfills: { id: string; status: string }[] }>(
    'backfill',
    'list',
    'mixed',
  );
  const named = backfills.find(({ id }) => id === 'millrace.backfill.mixed-last-1');
  expect(named).toMatchObject({ status: 'completed' });
  expect(await project.json('backfill', 'status', named!.id)).toMatchObject({
    state: 'completed',
    total: 8,
    succeeded: 8,
  });
  const range = ['backfill', 'create', 'mixed', '--from', '2026-01-01', '--to', '2026-01-02'];
  const wrong = await project.run(...range, '--tasks', 'nobody');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('"nobody"') });
  expect(await project.run(...range, '--tasks', 'fragile', '--downstream', '--dry-run')).toMatchObject({
    stdout: expect.stringContaining('create, fragile, drop, last'),
  });
}, 240_000);

const isLong = process.env['MILLRACE_LONG_TESTS'] === '1';

test(
  'hundreds of runs, or 20,000 when asked for: every one once, and no history of the backfill passes 4,096 events',
  async () => {
    const count = isLong ? limits.backfillMaxIntervals : 600;
    const from = '2020-01-01T00:00:00.000Z';
    const to = new Date(Date.parse(from) + count * 3_600_000).toISOString();
    const { id, ...status } = await backfill('tiny', { from, to, maxActiveRuns: 40 });
    expect(status).toMatchObject({ state: 'completed', total: count, started: count, succeeded: count });
    const lengths = await historyLengths(id);
    expect(lengths.length).toBeGreaterThan(1);
    expect(Math.max(...lengths)).toBeLessThan(4_096);
  },
  isLong ? 7_200_000 : 300_000,
);

test('20,000 intervals are listed page by page, forwards and backwards, each once; one more is refused', async () => {
  const count = limits.backfillMaxIntervals;
  const from = '2020-01-01T00:00:00.000Z';
  const to = new Date(Date.parse(from) + count * 3_600_000).toISOString();
  const schedule = readSchedule({ every: '1h' }, []);
  for (const runBackwards of [false, true]) {
    const starts = new Set<string>();
    let afterStart: string | undefined;
    for (let isComplete = false; !isComplete;) {
      const page = listIntervals({
        schedule,
        from,
        to,
        runBackwards,
        limit: limits.backfillPageIntervals,
        ...(afterStart === undefined ? {} : { afterStart }),
      });
      for (const { start } of page.intervals) starts.add(start);
      afterStart = page.intervals.at(-1)?.start;
      isComplete = page.isComplete;
    }
    expect(starts.size).toBe(count);
  }
  const later = new Date(Date.parse(to) + 1).toISOString();
  await expect(backfill('tiny', { from, to: later })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
});
