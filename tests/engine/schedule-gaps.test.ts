import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Alarm } from '../../core/alarms.js';
import type { Gap } from '../../core/gaps.js';
import type { DataInterval } from '../../core/interval.js';
import { AlarmHook } from '../helpers/alarm-hook.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { ticks } from './dag-files.js';

const hook = new AlarmHook();
let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create(
    {
      'paused.ts': ticks('paused', `{ every: '2s', overlap: 'buffer-all', catchupWindow: '10m' }`),
      'skipping.ts': ticks('skipping', `{ every: '2s' }`),
      'past.ts': ticks(
        'past',
        `{ cron: '0 0 1 * *', catchup: true, startAt: '2026-01-01', endAt: '2026-07-01', catchupWindow: '3650d' }`,
      ),
      'newest.ts': ticks(
        'newest',
        `{ cron: '0 0 1 * *', catchup: true, catchupMaxRuns: 2, startAt: '2026-01-01', endAt: '2026-07-01', catchupWindow: '3650d' }`,
      ),
      'failing.ts': ticks(
        'failing',
        `{ every: '2s', overlap: 'buffer-all', maxConsecutiveFailedRuns: 3 }`,
        `if (!existsSync('repaired')) throw new Error('on purpose');`,
      ),
    },
    { alarms: { webhook: await hook.start() } },
  );
  await project.startTemporal();
  await project.startWorker();
  project.write('hold-skipping', '');
  await project.json('deploy');
}, 180_000);

afterAll(() => {
  hook.stop();
});

const linesOf = (id: string): string[] => project.read(`${id}.log`).split('\n').filter(Boolean);
const gapsOf = async (id: string): Promise<Gap[]> =>
  (await project.json<{ gaps: Gap[] }>('dag', 'gaps', id)).gaps;
const alarmsOf = async (id: string): Promise<Alarm[]> => {
  const { stdout } = await project.run('alarms', 'list', '--json');
  return (JSON.parse(stdout) as { alarms: Alarm[] }).alarms.filter(({ dagId }) => dagId === id);
};
const noticesOf = (id: string) => hook.of(id);

describe('the past of a DAG that is deployed for the first time', () => {
  test('runs with catchup, each interval since startAt once', async () => {
    await waitUntil('the five months have run', () => linesOf('past').length >= 6);
    expect(linesOf('past').sort()).toEqual(
      ['01', '02', '03', '04', '05', '06'].map((month) => {
        const next = `0${String(Number(month) + 1)}`;
        return `2026-${month}-01T00:00:00.000Z/2026-${next}-01T00:00:00.000Z`;
      }),
    );
    await waitUntil('no gap is left', async () => (await gapsOf('past')).length === 0);
  });

  test('bounded by count, the newest run and the others are a gap that says so', async () => {
    await waitUntil('the two newest have run', () => linesOf('newest').length >= 2);
    await waitUntil('the gap of those that ran is closed', async () => (await gapsOf('newest')).length === 1);
    expect(
      linesOf('newest')
        .sort()
        .map((line) => line.slice(0, 7)),
    ).toEqual(['2026-05', '2026-06']);
    expect(await gapsOf('newest')).toEqual([
      {
        id: '20260101T000000Z',
        from: '2026-01-01T00:00:00.000Z',
        to: '2026-05-01T00:00:00.000Z',
        count: 4,
        reason: 'dropped',
      },
    ]);
    expect(await alarmsOf('newest')).toMatchObject([{ kind: 'run-missed', count: 6 }]);
  });

  test('one command runs the gap', async () => {
    await project.json('backfill', 'create', 'newest', '--gap', '20260101T000000Z', '--wait');
    expect(linesOf('newest')).toHaveLength(6);
    await waitUntil('the gap is closed', async () => (await gapsOf('newest')).length === 0);
  });
});

describe('a pause', () => {
  test('keeps its reason; resumed, it lists what did not run, and one command runs that', async () => {
    await waitUntil('runs go', () => linesOf('paused').length >= 2);
    await project.json('dag', 'pause', 'paused', '--reason', 'source moves house');
    expect(await project.json('dag', 'show', 'paused')).toMatchObject({
      isPaused: true,
      pauseReason: 'source moves house',
    });
    await waitUntil(
      'three fire times have passed',
      async () => ((await gapsOf('paused'))[0]?.count ?? 0) >= 3,
    );
    const resumed = await project.json<{ gap: Gap; intervals: DataInterval[] }>('dag', 'unpause', 'paused');
    expect(resumed.gap).toMatchObject({
      reason: 'paused',
      note: 'source moves house',
      count: resumed.intervals.length,
    });
    const missing = resumed.intervals.map(({ start, end }) => `${start}/${end}`);
    expect(missing.filter((line) => linesOf('paused').includes(line))).toEqual([]);
    await waitUntil('the watch has filed the gap', async () =>
      (await gapsOf('paused')).some(({ id, count }) => id === resumed.gap.id && count === resumed.gap.count),
    );
    await project.json('backfill', 'create', 'paused', '--gap', resumed.gap.id, '--wait');
    expect(missing.filter((line) => !linesOf('paused').includes(line))).toEqual([]);
    await waitUntil('the gap is closed', async () => (await gapsOf('paused')).length === 0);
    const lines = linesOf('paused');
    expect(new Set(lines).size).toBe(lines.length);
    const sorted = [...lines].sort();
    for (const [index, line] of sorted.entries())
      if (index > 0) expect(line.split('/')[0]).toBe(sorted[index - 1]?.split('/')[1]);
    expect(noticesOf('paused')).toEqual([]);
  }, 180_000);
});

describe('a run that another one keeps from starting', () => {
  test('is a gap, and one alarm tells of however many; the next run on time ends it', async () => {
    await waitUntil('runs were left out', async () => ((await gapsOf('skipping'))[0]?.count ?? 0) >= 3);
    expect(await gapsOf('skipping')).toMatchObject([{ reason: 'skipped' }]);
    expect(await alarmsOf('skipping')).toMatchObject([{ kind: 'run-skipped' }]);
    await waitUntil('the notice has arrived', () => noticesOf('skipping').length >= 1);
    await waitUntil('more were left out', async () => ((await alarmsOf('skipping'))[0]?.count ?? 0) >= 6);
    expect(noticesOf('skipping')).toHaveLength(1);
    project.remove('hold-skipping');
    await waitUntil('the alarm is over', () =>
      noticesOf('skipping').some(({ state }) => state === 'recovered'),
    );
    expect(noticesOf('skipping').map(({ state }) => state)).toEqual(['raised', 'recovered']);
    expect(hook.received.every(({ id, key }) => id === key)).toBe(true);
    expect(await alarmsOf('skipping')).toEqual([]);
  });
});

describe('a DAG whose runs fail', () => {
  test('is paused after so many in a row, names the last one, and counts anew when it is resumed', async () => {
    type Shown = { isPaused: boolean; pauseReason: string };
    const show = () => project.json<Shown>('dag', 'show', 'failing');
    await waitUntil('it is paused', async () => (await show()).isPaused);
    const { runs } = await project.json<{ runs: { workflowId: string; status: string }[] }>(
      'dag',
      'runs',
      'failing',
    );
    const failed = runs.filter(({ status }) => status === 'failed').map(({ workflowId }) => workflowId);
    const { pauseReason } = await show();
    expect(pauseReason).toMatch(/^3 scheduled runs failed in a row, the last millrace\.run\.failing-/);
    expect(failed).toContain(pauseReason.split(' ').at(-1));
    await waitUntil('the alarm has arrived', () => noticesOf('failing').length > 0);
    expect(noticesOf('failing')).toMatchObject([
      { state: 'raised', alarm: { kind: 'dag-paused', count: 1 } },
    ]);
    project.write('repaired', '');
    await project.json('dag', 'unpause', 'failing');
    await waitUntil('runs go again', () => linesOf('failing').length >= 2);
    await waitUntil('the alarm is over', async () => noticesOf('failing').length === 2);
    expect((await show()).isPaused).toBe(false);
  });
});
