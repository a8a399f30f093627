import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { dagScheduleId } from '../../core/ids.js';
import type { OverlapPolicy } from '../../core/schedule/schedule-spec.js';
import { TestProject, waitUntil } from '../helpers/project.js';

/** Runs of a schedule that wait for the file `release`, under each policy. */
const policies: readonly OverlapPolicy[] = [
  'skip',
  'buffer-one',
  'buffer-all',
  'cancel-other',
  'terminate-other',
  'allow-all',
];
const periodMs = 2_000;

const gated = (policy: OverlapPolicy) => `
import { existsSync } from 'node:fs';
import { defineDag } from 'millrace';
export default defineDag({
  id: '${policy}', schedule: { every: ${String(periodMs)}, overlap: '${policy}', catchupWindow: '10m' },
  tasks: ({ task }) => {
    task('wait', { retries: 0, run: async ({ heartbeat, signal }) => {
      while (!existsSync('release-${policy}')) {
        signal.throwIfAborted();
        heartbeat();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } });
  },
});`;

const jittered = `
import { appendFileSync } from 'node:fs';
import { defineDag } from 'millrace';
export default defineDag({
  id: 'jittered', schedule: { every: ${String(periodMs)}, jitter: '1500ms', overlap: 'buffer-all', catchupWindow: '10m' },
  tasks: ({ task }) => {
    task('note', { run: async ({ interval }) => { appendFileSync('jittered.log', interval.start + '/' + interval.end + '\\n'); } });
  },
});`;

interface Run {
  readonly status: string;
  /** Nominal time, from the id. */
  readonly nominalMs: number;
}

let project: TestProject;
let connection: Connection;
let client: Client;

beforeAll(async () => {
  project = await TestProject.create({
    ...Object.fromEntries(policies.map((policy) => [`${policy}.ts`, gated(policy)])),
    'jittered.ts': jittered,
  });
  await project.startTemporal();
  await project.startWorker();
  await project.json('deploy');
  connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
  client = new Client({ connection });
}, 240_000);

afterAll(() => connection.close());

/** Oldest first. */
async function runsOf(policy: OverlapPolicy): Promise<Run[]> {
  const runs: Run[] = [];
  const query = `MillraceDag = "${policy}" AND WorkflowType = "runDag"`;
  for await (const { workflowId, status } of client.workflow.list({ query })) {
    const nominalMs = Date.parse(workflowId.replace(`millrace.run.${policy}-`, ''));
    runs.push({ status: status.name, nominalMs });
  }
  return runs.sort((a, b) => a.nominalMs - b.nominalMs);
}

const infoOf = async (policy: string) =>
  (await client.schedule.getHandle(dagScheduleId(policy)).describe()).raw.info;

async function withStatus(policy: OverlapPolicy, status: string): Promise<number> {
  return (await runsOf(policy)).filter((run) => run.status === status).length;
}

describe('a run that is due while one is going', () => {
  test('skip: is left out and counted', async () => {
    await waitUntil('two were left out', async () => Number((await infoOf('skip'))?.overlapSkipped) >= 2);
    expect((await runsOf('skip')).map(({ status }) => status)).toEqual(['RUNNING']);
    project.write('release-skip', '');
    await waitUntil('runs go on', async () => (await withStatus('skip', 'COMPLETED')) >= 2);
    const [first, second] = await runsOf('skip');
    expect(second!.nominalMs - first!.nominalMs).toBeGreaterThan(2 * periodMs);
  });

  test('buffer-one: the first one waits, later ones are left out', async () => {
    await waitUntil(
      'one was left out',
      async () => Number((await infoOf('buffer-one'))?.overlapSkipped) >= 2,
    );
    expect(Number((await infoOf('buffer-one'))?.bufferSize)).toBe(1);
    expect((await runsOf('buffer-one')).map(({ status }) => status)).toEqual(['RUNNING']);
    project.write('release-buffer-one', '');
    await waitUntil('three have ended', async () => (await withStatus('buffer-one', 'COMPLETED')) >= 3);
    const [first, second, third] = await runsOf('buffer-one');
    expect(second!.nominalMs - first!.nominalMs).toBe(periodMs);
    expect(third!.nominalMs - second!.nominalMs).toBeGreaterThan(periodMs);
  });

  test('buffer-all: all wait and run one after another, none is left out', async () => {
    await waitUntil('three wait', async () => Number((await infoOf('buffer-all'))?.bufferSize) >= 3);
    expect((await runsOf('buffer-all')).map(({ status }) => status)).toEqual(['RUNNING']);
    project.write('release-buffer-all', '');
    await waitUntil('four have ended', async () => (await withStatus('buffer-all', 'COMPLETED')) >= 4);
    const runs = await runsOf('buffer-all');
    for (const [index, run] of runs.entries())
      if (index > 0) expect(run.nominalMs - runs[index - 1]!.nominalMs).toBe(periodMs);
    expect(Number((await infoOf('buffer-all'))?.overlapSkipped)).toBe(0);
  });

  test('cancel-other: takes the place of the one that goes, which is cancelled', async () => {
    // A task hears of the cancellation with one of its heartbeats, which are passed on now and then.
    await waitUntil(
      'two were cancelled',
      async () => (await withStatus('cancel-other', 'CANCELLED')) >= 2,
      150_000,
    );
    expect(await withStatus('cancel-other', 'RUNNING')).toBeLessThanOrEqual(1);
    project.write('release-cancel-other', '');
    await waitUntil('one has ended well', async () => (await withStatus('cancel-other', 'COMPLETED')) >= 1);
  }, 240_000);

  test('terminate-other: takes the place of the one that goes, which is terminated', async () => {
    await waitUntil('two were ended', async () => (await withStatus('terminate-other', 'TERMINATED')) >= 2);
    expect(await withStatus('terminate-other', 'RUNNING')).toBeLessThanOrEqual(1);
    project.write('release-terminate-other', '');
    await waitUntil(
      'one has ended well',
      async () => (await withStatus('terminate-other', 'COMPLETED')) >= 1,
    );
  });

  test('allow-all: starts beside it', async () => {
    await waitUntil('three go at once', async () => (await withStatus('allow-all', 'RUNNING')) >= 3);
    project.write('release-allow-all', '');
    await waitUntil('they end', async () => (await withStatus('allow-all', 'COMPLETED')) >= 3);
  });
});

test('jitter delays the start and leaves the interval alone', async () => {
  const lines = () => project.read('jittered.log').split('\n').filter(Boolean);
  await waitUntil('four runs have ended', () => lines().length >= 4);
  const { info } = await client.schedule.getHandle(dagScheduleId('jittered')).describe();
  expect(info.recentActions.some(({ scheduledAt }) => scheduledAt.getTime() % periodMs !== 0)).toBe(true);
  for (const [index, line] of lines().entries()) {
    const [start = '', end = ''] = line.split('/');
    expect(Date.parse(end) % periodMs).toBe(0);
    expect(Date.parse(end) - Date.parse(start)).toBe(periodMs);
    if (index > 0) expect(start).toBe(lines()[index - 1]?.split('/')[1]);
  }
});
