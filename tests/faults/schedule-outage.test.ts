import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { getDag } from '../../client/deployment.js';
import { listGaps } from '../../client/watches.js';
import type { Gap } from '../../core/schedule/gaps.js';
import { ticks } from '../engine/dag-files.js';
import { AlarmHook } from '../helpers/alarm-hook.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { sideBySide } from '../helpers/side-by-side.js';

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
let connection: Connection;
let client: Client;
let outcomes: Readonly<Partial<Record<keyof typeof stories, Promise<void>>>> = {};

beforeAll(async () => {
  project = await TestProject.create(
    {
      'caught.ts': ticks('caught', `{ every: '2s', catchup: true }`, '', retries),
      'counted.ts': ticks('counted', `{ every: '2s', catchup: true, catchupMaxRuns: 3 }`, '', retries),
      'missed.ts': ticks('missed', `{ every: '2s', overlap: 'buffer-all' }`, '', retries),
    },
    // Notices of failed runs stay in the log: here it is about those of the watch.
    { alarms: { webhook: await hook.start(), routes: [{ kinds: ['run-failed'], sinks: [] }] } },
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
  connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
  client = new Client({ connection });
  outcomes = sideBySide(stories);
}, 600_000);

afterAll(async () => {
  await Promise.allSettled(Object.values(outcomes));
  await connection.close();
  hook.stop();
});

/** Ends of the intervals that ran, in milliseconds, ascending; a try that is made again may note its interval twice. */
const endsOf = (id: string): number[] => {
  const lines = project.read(`${id}.log`).split('\n').filter(Boolean);
  return [...new Set(lines.map((line) => Date.parse(line.split('/')[1] ?? '')))].sort((a, b) => a - b);
};

const gapsOf = (id: string): Promise<Gap[]> => listGaps(client, id);

const holesIn = (ends: readonly number[]): [number, number][] =>
  ends.flatMap((end, index) => {
    const before = ends[index - 1];
    return before !== undefined && end - before !== periodMs ? [[before, end] as [number, number]] : [];
  });

/** Waits until the one gap that is listed covers exactly the intervals that have not run. */
async function gapThatIsTheHole(id: string): Promise<Gap> {
  const look = async () => {
    const [gap, ...others] = await gapsOf(id);
    return { gap, others, holes: holesIn(endsOf(id)) };
  };
  const isTheHole = ({ gap, others, holes }: Awaited<ReturnType<typeof look>>): boolean =>
    gap !== undefined &&
    others.length === 0 &&
    JSON.stringify(holes) === JSON.stringify([[Date.parse(gap.from), Date.parse(gap.to) + periodMs]]);
  let seen = await look();
  await waitUntil(`${id} has one gap`, async () => isTheHole((seen = await look())), patienceMs).catch(() => {
    throw new Error(`the gaps of ${id} are not what did not run: ${JSON.stringify(seen)}`);
  });
  if (seen.gap === undefined) throw new Error(`${id} has no gap`);
  return seen.gap;
}

/** They go on side by side, because most of each is waiting. */
const stories = {
  async caught() {
    await waitUntil('it runs again', () => endsOf('caught').some((end) => end > upAt), patienceMs);
    await waitUntil('it has no hole', () => holesIn(endsOf('caught')).length === 0, patienceMs);
    expect(await gapsOf('caught')).toEqual([]);
  },

  async missed() {
    const gap = await gapThatIsTheHole('missed');
    expect(gap.reason).toBe('missed');
    await waitUntil('the alarm was raised and is over', () => hook.of('missed').length === 2, patienceMs);
    expect(hook.of('missed').map(({ state, alarm }) => [state, alarm.kind])).toEqual([
      ['raised', 'run-missed'],
      ['recovered', 'run-missed'],
    ]);
    await project.json('backfill', 'create', 'missed', '--gap', gap.id, '--wait');
    expect(holesIn(endsOf('missed'))).toEqual([]);
  },

  async counted() {
    const gap = await gapThatIsTheHole('counted');
    expect(gap.reason).toBe('dropped');
    expect(gap.count).toBe((Date.parse(gap.to) - Date.parse(gap.from)) / periodMs);
    const { runs } = await project.json<{ runs: { workflowId: string }[] }>(
      ...['dag', 'runs', 'counted', '--limit', '200'],
    );
    expect(new Set(runs.map(({ workflowId }) => workflowId)).size).toBe(runs.length);
  },

  async failing() {
    const show = () => getDag(client, 'failing');
    await waitUntil('it is paused', async () => (await show()).isPaused, patienceMs);
    expect((await show()).pauseReason).toMatch(
      /scheduled runs failed in a row, the last millrace\.run\.failing-/,
    );
    project.write('repaired', '');
    // Runs that began before the repair may fail yet, and two of them would pause the DAG once more.
    const query = 'MillraceDag = "failing" AND WorkflowType = "runDag" AND ExecutionStatus = "Running"';
    await waitUntil('its runs end', async () => (await client.workflow.count(query)).count === 0, patienceMs);
    await project.json('dag', 'unpause', 'failing');
    await waitUntil('runs go on', () => endsOf('failing').length >= 4, patienceMs);
    expect((await show()).isPaused).toBe(false);
    await waitUntil('its alarm was raised and is over', () => hook.of('failing').length >= 2, patienceMs);
    expect(hook.of('failing').map(({ state, alarm }) => [state, alarm.kind])).toEqual([
      ['raised', 'dag-paused'],
      ['recovered', 'dag-paused'],
    ]);
  },
};

test.each<[string, keyof typeof stories]>([
  ['a server that is killed and comes back later: within the window every interval runs, once', 'caught'],
  ['without catchup what was missed is a gap, with one alarm, and one command runs it', 'missed'],
  ['bounded by count the newest of the missed run, and what is older is a gap that says why', 'counted'],
  ['a DAG whose runs fail is paused once, though its workers die', 'failing'],
])(
  '%s',
  async (_title, story) => {
    await outcomes[story];
  },
  600_000,
);
