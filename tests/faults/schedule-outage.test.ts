import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Gap } from '../../core/gaps.js';
import { ticks } from '../engine/dag-files.js';
import { AlarmHook } from '../helpers/alarm-hook.js';
import { TestProject, waitUntil } from '../helpers/project.js';

const periodMs = 2_000;
/** Longer than the ten seconds that every server makes up for. */
const outageMs = 26_000;
/** With SOAK=true workers die at more points. */
const isSoak = process.env['SOAK'] === 'true';
/** A try whose worker dies is made again. */
const retries = 50;

const hook = new AlarmHook();
let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create(
    {
      'caught.ts': ticks('caught', `{ every: '2s', catchup: true }`, '', retries),
      'counted.ts': ticks('counted', `{ every: '2s', catchup: true, catchupMaxRuns: 3 }`, '', retries),
      'missed.ts': ticks('missed', `{ every: '2s', overlap: 'buffer-all' }`, '', retries),
    },
    { alarms: { webhook: await hook.start() } },
  );
  await project.startTemporal();
  await project.json('deploy');
}, 180_000);

afterAll(() => {
  hook.stop();
});

/** Ends of the intervals that ran, in milliseconds, ascending; a try that is made again may note its interval twice. */
const endsOf = (id: string): number[] => {
  const lines = project.read(`${id}.log`).split('\n').filter(Boolean);
  return [...new Set(lines.map((line) => Date.parse(line.split('/')[1] ?? '')))].sort((a, b) => a - b);
};

const gapsOf = async (id: string): Promise<Gap[]> =>
  (await project.json<{ gaps: Gap[] }>('dag', 'gaps', id)).gaps;

const holesIn = (ends: readonly number[]): [number, number][] =>
  ends.flatMap((end, index) => {
    const before = ends[index - 1];
    return before !== undefined && end - before !== periodMs ? [[before, end] as [number, number]] : [];
  });

test('a server that is killed and comes back later: each schedule makes up for exactly what it says', async () => {
  const first = await project.startWorker();
  for (const id of ['caught', 'counted', 'missed'])
    await waitUntil(`${id} runs`, () => endsOf(id).length >= 2);
  await project.temporal.end('SIGKILL');
  await first.end('SIGKILL');
  const downAt = Date.now();
  await waitUntil('the outage has lasted long enough', () => Date.now() > downAt + outageMs);
  await project.startTemporal();
  const upAt = Date.now();
  // The watches begin their work with workers that die in the middle of it.
  for (const nth of isSoak ? [1, 2, 4] : [2])
    await (
      await project.startWorker(`before-report@${String(nth)}`)
    ).ended;
  const last = await project.startWorker();
  for (const id of ['caught', 'counted', 'missed'])
    await waitUntil(`${id} runs again`, () => endsOf(id).some((end) => end > upAt + 10 * periodMs), 120_000);

  // Within the window: every interval, once.
  await waitUntil('caught has no hole', () => holesIn(endsOf('caught')).length === 0, 120_000);
  expect(await gapsOf('caught')).toEqual([]);

  // Without catchup: a gap, and one alarm.
  await waitUntil('the gap is filed', async () => (await gapsOf('missed')).length > 0, 120_000);
  const [missedGap] = await gapsOf('missed');
  expect(missedGap).toMatchObject({ reason: 'missed' });
  expect(holesIn(endsOf('missed'))).toEqual([
    [Date.parse(missedGap!.from), Date.parse(missedGap!.to) + periodMs],
  ]);
  await waitUntil('the alarm was raised and is over', () => hook.of('missed').length === 2, 120_000);
  expect(hook.of('missed').map(({ state, alarm }) => [state, alarm.kind])).toEqual([
    ['raised', 'run-missed'],
    ['recovered', 'run-missed'],
  ]);

  // Bounded by count: the newest three of the missed run, what is older is a gap that says why.
  await waitUntil(
    'the catch-up is done',
    async () =>
      (await gapsOf('counted')).map(({ reason }) => reason).join() === 'dropped' &&
      holesIn(endsOf('counted')).length === 1,
    120_000,
  );
  const [dropped, ...others] = await gapsOf('counted');
  expect(others).toEqual([]);
  expect(holesIn(endsOf('counted'))).toEqual([
    [Date.parse(dropped!.from), Date.parse(dropped!.to) + periodMs],
  ]);
  expect(dropped!.count).toBe((Date.parse(dropped!.to) - Date.parse(dropped!.from)) / periodMs);
  const { runs } = await project.json<{ runs: { workflowId: string }[] }>(
    'dag',
    'runs',
    'counted',
    '--limit',
    '200',
  );
  expect(new Set(runs.map(({ workflowId }) => workflowId)).size).toBe(runs.length);

  // One command runs what was missed.
  await project.json('backfill', 'create', 'missed', '--gap', missedGap!.id, '--wait');
  expect(holesIn(endsOf('missed'))).toEqual([]);
  await last.end();
  for (const id of ['caught', 'counted', 'missed']) await project.json('dag', 'pause', id);
}, 600_000);

test('a DAG whose runs fail is paused once, though its workers die', async () => {
  project.write(
    'dags/failing.ts',
    ticks(
      'failing',
      `{ every: '2s', overlap: 'buffer-all', maxConsecutiveFailedRuns: 2 }`,
      `if (!existsSync('repaired')) throw new Error('on purpose');`,
    ),
  );
  await project.json('deploy');
  for (const nth of isSoak ? [3, 1, 2, 4, 1] : [3, 1]) {
    const worker = await project.startWorker(`before-report@${String(nth)}`);
    await worker.ended;
  }
  await project.startWorker();
  const show = () => project.json<{ isPaused: boolean; pauseReason: string }>('dag', 'show', 'failing');
  await waitUntil('it is paused', async () => (await show()).isPaused, 120_000);
  expect((await show()).pauseReason).toMatch(
    /scheduled runs failed in a row, the last millrace\.run\.failing-/,
  );
  project.write('repaired', '');
  await project.json('dag', 'unpause', 'failing');
  await waitUntil('runs go on', () => endsOf('failing').length >= 4, 120_000);
  expect((await show()).isPaused).toBe(false);
  await waitUntil('its alarm was raised and is over', () => hook.of('failing').length >= 2, 120_000);
  expect(hook.of('failing').map(({ state, alarm }) => [state, alarm.kind])).toEqual([
    ['raised', 'dag-paused'],
    ['recovered', 'dag-paused'],
  ]);
}, 600_000);
