import { beforeAll, expect, test } from '@jest/globals';
import type { AssetQueueReport } from '../../client/assets.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { notes } from '../helpers/runs.js';
import { sideBySide } from '../helpers/side-by-side.js';

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

/** The worker dies by SIGKILL at the fault point after the task has succeeded, and with it goes the server. */
async function dieAt(faultPoint: string): Promise<void> {
  const project = await TestProject.create({ 'assets.ts': dags });
  await project.startTemporal();
  await project.json('deploy');
  const worker = await project.startWorker(faultPoint);
  const { workflowId } = await project.json<{ workflowId: string }>('dag', 'trigger', 'maker');
  await waitUntil('the task has succeeded', () => notes(project, `made ${workflowId}`).length === 1);
  await worker.ended;
  expect(worker.child.signalCode).toBe('SIGKILL');
  await project.temporal.end('SIGKILL');
  await project.startTemporal();
  await project.startWorker();
  await project.resultOf(workflowId);
  await waitUntil('the consumer has run', () => notes(project, `taken ${workflowId}`).length > 0);
  // Once the maker has ended and nothing is pending, nothing that could start a second run is left.
  await waitUntil('the queue is idle', async () => {
    const queue = await project.json<AssetQueueReport>('asset', 'queue', 'taker');
    return queue.pending === 0 && queue.queued.length === 0 && queue.startedRuns >= 1;
  });
  expect(notes(project, `taken ${workflowId}`)).toHaveLength(1);
  expect(notes(project, `made ${workflowId}`)).toHaveLength(1);
  expect((await project.json<{ runs: unknown[] }>('dag', 'runs', 'taker')).runs).toHaveLength(1);
}

/** They go on side by side, each in a project of its own, because most of each is waiting. */
const stories = {
  'before-publish': () => dieAt('before-publish'),
  'after-publish': () => dieAt('after-publish'),
  'after-asset-start': () => dieAt('after-asset-start'),
};

let outcomes: Readonly<Record<keyof typeof stories, Promise<void>>>;

beforeAll(() => {
  outcomes = sideBySide(stories);
});

test.each(['before-publish', 'after-publish', 'after-asset-start'] as const)(
  'kill -9 of worker and server %s: the event is not lost and starts one run',
  async (faultPoint) => {
    await outcomes[faultPoint];
  },
  600_000,
);
