import { beforeAll, expect, test } from '@jest/globals';
import type { AssetQueueReport } from '../../client/assets.js';
import { TestProject, waitUntil, type RunningProcess } from '../helpers/project.js';
import { notes } from '../helpers/runs.js';

const dags = `
import { appendFileSync } from 'node:fs';
import { asset, defineDag } from 'millrace';
export const maker = defineDag({ id: 'maker', schedule: 'manual', tasks: ({ task }) => {
  task('make', { outlets: ['file:made'], run: async (context) => {
    appendFileSync('notes.txt', 'made ' + context.workflowId + '\\n');
    context.emit('file:made', { by: context.workflowId });
  } });
} });
export const taker = defineDag({ id: 'taker', schedule: asset('file:made'), tasks: ({ task }) => {
  task('take', { run: async ({ workflowId, assetEvents }) => {
    for (const { extra } of assetEvents) appendFileSync('notes.txt', 'taken ' + extra.by + ' ' + workflowId + '\\n');
  } });
} });
`;

let project: TestProject;
let worker: RunningProcess;
let startedRuns = 0;

beforeAll(async () => {
  project = await TestProject.create({ 'assets.ts': dags });
  await project.startTemporal();
  await project.json('deploy');
}, 240_000);

/** Starts the maker; the worker dies by SIGKILL at the fault point, and with it goes the server. */
async function make(name: string, faultPoint: string): Promise<string> {
  worker = await project.startWorker(faultPoint);
  const { workflowId } = await project.json<{ workflowId: string }>(
    'dag',
    'trigger',
    'maker',
    '--name',
    name,
  );
  await waitUntil('the task has succeeded', () => notes(project, `made ${workflowId}`).length === 1);
  await worker.ended;
  await project.temporal.end('SIGKILL');
  await project.startTemporal();
  return workflowId;
}

test.each(['before-publish', 'after-publish', 'after-asset-start'])(
  'kill -9 of worker and server %s: the event is not lost and starts one run',
  async (faultPoint) => {
    const made = await make(faultPoint, faultPoint);
    worker = await project.startWorker();
    await project.resultOf(made);
    await waitUntil('the consumer has run', () => notes(project, `taken ${made}`).length > 0, 120_000);
    startedRuns += 1;
    // Once the maker has ended and nothing is pending, nothing that could start a second run is left.
    await waitUntil('the queue is idle', async () => {
      const queue = await project.json<AssetQueueReport>('asset', 'queue', 'taker');
      return queue.pending === 0 && queue.queued.length === 0 && queue.startedRuns >= startedRuns;
    });
    expect(notes(project, `taken ${made}`)).toHaveLength(1);
    expect(notes(project, `made ${made}`)).toHaveLength(1);
    expect((await project.json<{ runs: unknown[] }>('dag', 'runs', 'taker')).runs).toHaveLength(startedRuns);
    await worker.end('SIGKILL');
  },
  240_000,
);
