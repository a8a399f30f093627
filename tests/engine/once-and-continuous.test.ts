import { beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { continuousWorkflowId } from '../../core/ids.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { ticks } from './dag-files.js';

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({
    'soon.ts': ticks('soon', `'@once'`),
    'bygone.ts': ticks('bygone', `{ once: '2020-01-01' }`),
    'later.ts': ticks('later', `{ once: '2099-01-01' }`),
    'ever.ts': ticks('ever', `'@continuous'`),
  });
  await project.startTemporal();
  await project.startWorker();
  await project.json('deploy');
}, 240_000);

const linesOf = (id: string): string[] => project.read(`${id}.log`).split('\n').filter(Boolean);
const runsOf = async (id: string) =>
  (await project.json<{ runs: { workflowId: string }[] }>('dag', 'runs', id)).runs;

describe('once', () => {
  test('runs when it is deployed, also where its time has passed, and has no data interval', async () => {
    await waitUntil('both have run', () => linesOf('soon').length > 0 && linesOf('bygone').length > 0);
    expect([linesOf('soon'), linesOf('bygone'), linesOf('later')]).toEqual([['-/-'], ['-/-'], []]);
  });

  test('never again, neither by a deploy of the same nor of changed tasks', async () => {
    project.write(
      'dags/soon.ts',
      ticks('soon', `'@once'`).replace('schedule:', `description: 'changed', schedule:`),
    );
    const { dags } = await project.json<{ dags: { dagId: string; action: string }[] }>('deploy');
    expect(dags.find(({ dagId }) => dagId === 'soon')?.action).toBe('updated');
    await project.json('deploy');
    await project.json('dag', 'trigger', 'soon', '--wait');
    expect(linesOf('soon')).toEqual(['-/-', '-/-']);
    expect(
      (await runsOf('soon')).filter(({ workflowId }) => workflowId.startsWith('millrace.run.')),
    ).toHaveLength(1);
  });

  test('of the future waits, and says when', async () => {
    const { nextRunTimes } = await project.json<{ nextRunTimes: string[] }>('dag', 'show', 'later');
    expect(nextRunTimes).toEqual(['2099-01-01T00:00:00.000Z']);
  });
});

describe('continuous', () => {
  test('runs follow one another, each from the end of the one before to its own start', async () => {
    await waitUntil('four have run', () => linesOf('ever').length >= 4);
    const intervals = linesOf('ever').map((line) => line.split('/'));
    for (const [index, [start = '', end = '']] of intervals.entries()) {
      expect(end > start).toBe(true);
      if (index > 0) expect(start).toBe(intervals[index - 1]?.[1]);
    }
  });

  test('the next one waits for the end of the one before, and for the end of a pause', async () => {
    project.write('hold-ever', '');
    await waitUntil('a run is held', async () => (await runsOf('ever')).length > linesOf('ever').length);
    await project.json('dag', 'pause', 'ever', '--reason', 'a rest');
    const before = linesOf('ever').length;
    expect(await runsOf('ever')).toHaveLength(before + 1);
    project.remove('hold-ever');
    await waitUntil('it has ended', () => linesOf('ever').length === before + 1);
    const connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
    const companion = new Client({ connection }).workflow.getHandle(continuousWorkflowId('ever'));
    const stateOf = async () => (await companion.query<{ state: string }>('continuous')).state;
    await waitUntil('it rests', async () => (await stateOf()) === 'paused');
    expect(linesOf('ever')).toHaveLength(before + 1);
    await project.json('dag', 'unpause', 'ever');
    await waitUntil('it goes on', () => linesOf('ever').length > before + 1);
    const [last, next] = linesOf('ever').slice(before, before + 2);
    expect(next?.split('/')[0]).toBe(last?.split('/')[1]);

    project.write('dags/ever.ts', ticks('ever', `'manual'`));
    await project.json('deploy');
    await waitUntil(
      'made manual, it stops',
      async () => (await companion.describe()).status.name === 'COMPLETED',
    );
    await connection.close();
  }, 240_000);
});
