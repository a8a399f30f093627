import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Gap } from '../../core/gaps.js';
import { ticks } from '../engine/dag-files.js';
import { AlarmHook } from '../helpers/alarm-hook.js';
import { TestProject, waitUntil } from '../helpers/project.js';

const periodMs = 2_000;
/** Longer than the ten seconds that every server makes up for. */
const outageMs = 18_000;
/** A try whose worker dies is made again. */
const retries = 50;

/** Bounds a hang only. */
const patienceMs = 240_000;

const hook = new AlarmHook();
let project: TestProject;
let upAt: number;

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
  const first = await project.startWorker();
  for (const id of ['caught', 'counted', 'missed'])
    await waitUntil(`${id} runs`, () => endsOf(id).length >= 2, patienceMs);
  await project.temporal.end('SIGKILL');
  await first.end('SIGKILL');
  const downAt = Date.now();
  await waitUntil('the outage has lasted long enough', () => Date.now() > downAt + outageMs, patienceMs);
  await project.startTemporal();
  upAt = Date.now();
  project.write(
    'dags/failing.ts',
    ticks(
      'failing',
      `{ every: '2s', overlap: 'buffer-all', maxConsecutiveFailedRuns: 2 }`,
      `if (!existsSync('repaired')) throw new Error('on purpose');`,
    ),
  );
  await project.json('deploy');
  // The watches begin their work with workers that die in the middle of it.
  for (const nth of [1, 2, 4]) await (await project.startWorker(`before-report@${String(nth)}`)).ended;
  await project.startWorker();
}, 600_000);

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

/** Waits until the one gap that is listed covers exactly the intervals that have not run. */
async function gapThatIsTheHole(id: string): Promise<Gap> {
  let gap: Gap | undefined;
  await waitUntil(
    `the gap of ${id} is what did not run`,
    async () => {
      const gaps = await gapsOf(id);
      gap = gaps[0];
      const hole = gap && [Date.parse(gap.from), Date.parse(gap.to) + periodMs];
      return gaps.length === 1 && JSON.stringify(holesIn(endsOf(id))) === JSON.stringify([hole]);
    },
    patienceMs,
  );
  if (gap === undefined) throw new Error(`${id} has no gap`);
  return gap;
}

test('a server that is killed and comes back later: within the window every interval runs, once', async () => {
  await waitUntil('it runs again', () => endsOf('caught').some((end) => end > upAt), patienceMs);
  await waitUntil('it has no hole', () => holesIn(endsOf('caught')).length === 0, patienceMs);
  expect(await gapsOf('caught')).toEqual([]);
}, 600_000);

test('without catchup what was missed is a gap, with one alarm, and one command runs it', async () => {
  const gap = await gapThatIsTheHole('missed');
  expect(gap.reason).toBe('missed');
  await waitUntil('the alarm was raised and is over', () => hook.of('missed').length === 2, patienceMs);
  expect(hook.of('missed').map(({ state, alarm }) => [state, alarm.kind])).toEqual([
    ['raised', 'run-missed'],
    ['recovered', 'run-missed'],
  ]);
  await project.json('backfill', 'create', 'missed', '--gap', gap.id, '--wait');
  expect(holesIn(endsOf('missed'))).toEqual([]);
}, 600_000);

test('bounded by count the newest of the missed run, and what is older is a gap that says why', async () => {
  const gap = await gapThatIsTheHole('counted');
  expect(gap.reason).toBe('dropped');
  expect(gap.count).toBe((Date.parse(gap.to) - Date.parse(gap.from)) / periodMs);
  const { runs } = await project.json<{ runs: { workflowId: string }[] }>(
    ...['dag', 'runs', 'counted', '--limit', '200'],
  );
  expect(new Set(runs.map(({ workflowId }) => workflowId)).size).toBe(runs.length);
}, 600_000);

test('a DAG whose runs fail is paused once, though its workers die', async () => {
  const show = () => project.json<{ isPaused: boolean; pauseReason: string }>('dag', 'show', 'failing');
  await waitUntil('it is paused', async () => (await show()).isPaused, patienceMs);
  expect((await show()).pauseReason).toMatch(
    /scheduled runs failed in a row, the last millrace\.run\.failing-/,
  );
  project.write('repaired', '');
  await project.json('dag', 'unpause', 'failing');
  await waitUntil('runs go on', () => endsOf('failing').length >= 4, patienceMs);
  expect((await show()).isPaused).toBe(false);
  await waitUntil('its alarm was raised and is over', () => hook.of('failing').length >= 2, patienceMs);
  expect(hook.of('failing').map(({ state, alarm }) => [state, alarm.kind])).toEqual([
    ['raised', 'dag-paused'],
    ['recovered', 'dag-paused'],
  ]);
}, 600_000);
