import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { getDag } from '../../client/deployment.js';
import { listRuns } from '../../client/runs.js';
import { listAlarms, listGaps } from '../../client/watches.js';
import type { Alarm } from '../../core/alarms.js';
import type { Gap } from '../../core/schedule/gaps.js';
import { dagScheduleId, watchWorkflowId } from '../../core/ids.js';
import type { DataInterval } from '../../core/interval.js';
import { limits } from '../../core/limits.js';
import type { WatchState } from '../../core/schedule/schedule-watch.js';
import type { WatchInput } from '../../workflows/schedule-messages.js';
import { AlarmHook } from '../helpers/alarm-hook.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { sideBySide } from '../helpers/side-by-side.js';
import { ticks } from './dag-files.js';

/** A server that asks workflows to continue as new this early makes the watches do so in the middle of what they are at. */
const suggestedEvents = 40;
/** Events that one round of a watch may add: twice at most `scheduleLookPages` looks, six events each, and some more. */
const roundEvents = limits.scheduleLookPages * 12 + 100;

const hook = new AlarmHook();
let project: TestProject;
let connection: Connection;
let client: Client;
let outcomes: Readonly<Partial<Record<Story, Promise<void>>>> = {};

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
      'cautious.ts': ticks(
        'cautious',
        `{ cron: '0 0 1 * *', catchup: true, startAt: '2026-01-01', endAt: '2026-04-01', catchupWindow: '3650d' }`,
        '',
        0,
        'pausedUponCreation: true,',
      ),
      'failing.ts': ticks(
        'failing',
        `{ every: '2s', overlap: 'buffer-all', maxConsecutiveFailedRuns: 3 }`,
        `if (!existsSync('repaired')) throw new Error('on purpose');`,
      ),
      'bygone.ts': ticks(
        'bygone',
        `{ every: '1s', startAt: '2026-01-01T00:00:00Z', endAt: '2026-01-01T08:00:00Z' }`,
      ),
    },
    // Notices of failed runs stay in the log: here it is about those of the watch.
    { alarms: { webhook: await hook.start(), routes: [{ kinds: ['run-failed'], sinks: [] }] } },
  );
  await project.startTemporal([
    '--dynamic-config-value',
    `limit.historyCount.suggestContinueAsNew=${String(suggestedEvents)}`,
  ]);
  await project.startWorker();
  project.write('hold-skipping', '');
  await project.json('deploy');
  connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
  client = new Client({ connection });
  outcomes = sideBySide(stories);
}, 240_000);

afterAll(async () => {
  await Promise.allSettled(Object.values(outcomes));
  await connection.close();
  hook.stop();
});

const linesOf = (id: string): string[] => project.read(`${id}.log`).split('\n').filter(Boolean);
const gapsOf = (id: string): Promise<Gap[]> => listGaps(client, id);
const alarmsOf = async (id: string): Promise<Alarm[]> =>
  (await listAlarms(client)).filter(({ dagId }) => dagId === id);
const noticesOf = (id: string) => hook.of(id);

/** On a machine that stood still for a while a server misses runs besides, and a run under way fails and is begun anew. */
const skippedOf = async (id: string): Promise<number> =>
  (await gapsOf(id)).reduce((sum, { reason, count }) => sum + (reason === 'skipped' ? count : 0), 0);
const skipAlarmOf = async (id: string): Promise<Alarm | undefined> =>
  (await alarmsOf(id)).find(({ kind }) => kind === 'run-skipped');
const skipNoticesOf = (id: string) => hook.of(id).filter(({ alarm }) => alarm.kind === 'run-skipped');
const pauseNoticesOf = (id: string) => hook.of(id).filter(({ alarm }) => alarm.kind === 'dag-paused');

/** They go on side by side, because most of each is waiting for fire times. */
const stories = {
  async past() {
    await waitUntil('the six months have run', () => linesOf('past').length >= 6, patienceMs);
    expect(linesOf('past').sort()).toEqual(
      ['01', '02', '03', '04', '05', '06'].map((month) => {
        const next = `0${String(Number(month) + 1)}`;
        return `2026-${month}-01T00:00:00.000Z/2026-${next}-01T00:00:00.000Z`;
      }),
    );
    await waitUntil('no gap is left', async () => (await gapsOf('past')).length === 0, patienceMs);
  },

  async newest() {
    await waitUntil('the two newest have run', () => linesOf('newest').length >= 2, patienceMs);
    await waitUntil(
      'the gap of those that ran is closed',
      async () => (await gapsOf('newest')).length === 1,
      patienceMs,
    );
    expect(
      linesOf('newest')
        .sort()
        .map((line) => line.slice(0, 7)),
    ).toEqual(['2026-05', '2026-06']);
    const { gaps } = await project.json<{ gaps: Gap[] }>('dag', 'gaps', 'newest');
    expect(gaps).toEqual([
      {
        id: '20260101T000000Z',
        from: '2026-01-01T00:00:00.000Z',
        to: '2026-05-01T00:00:00.000Z',
        count: 4,
        reason: 'dropped',
      },
    ]);
    expect(await alarmsOf('newest')).toMatchObject([{ kind: 'run-missed', count: 6 }]);
    await project.json('backfill', 'create', 'newest', '--gap', '20260101T000000Z', '--wait');
    expect(linesOf('newest')).toHaveLength(6);
    await waitUntil('the gap is closed', async () => (await gapsOf('newest')).length === 0, patienceMs);
  },

  async cautious() {
    expect(await getDag(client, 'cautious')).toMatchObject({ isPaused: true });
    await waitUntil('the others have run', () => linesOf('past').length >= 6, patienceMs);
    expect(await gapsOf('cautious')).toMatchObject([{ reason: 'paused', count: 3 }]);
    expect(await alarmsOf('cautious')).toEqual([]);
    const { gap } = await project.json<{ gap: Gap }>('dag', 'unpause', 'cautious');
    expect(gap).toMatchObject({ from: '2026-01-01T00:00:00.000Z', to: '2026-04-01T00:00:00.000Z', count: 3 });
    expect(linesOf('cautious')).toEqual([]);
    await project.json('backfill', 'create', 'cautious', '--gap', gap.id, '--wait');
    expect(linesOf('cautious')).toHaveLength(3);
  },

  async paused() {
    await waitUntil('runs go', () => linesOf('paused').length >= 2, patienceMs);
    await project.json('dag', 'pause', 'paused', '--reason', 'source moves house');
    expect(await getDag(client, 'paused')).toMatchObject({
      isPaused: true,
      pauseReason: 'source moves house',
    });
    await waitUntil(
      'three fire times have passed',
      async () => ((await gapsOf('paused'))[0]?.count ?? 0) >= 3,
      patienceMs,
    );
    const resumed = await project.json<{ gap: Gap; intervals: DataInterval[] }>('dag', 'unpause', 'paused');
    expect(resumed.gap).toMatchObject({
      reason: 'paused',
      note: 'source moves house',
      count: resumed.intervals.length,
    });
    const missing = resumed.intervals.map(({ start, end }) => `${start}/${end}`);
    expect(missing.filter((line) => linesOf('paused').includes(line))).toEqual([]);
    await waitUntil(
      'the watch has filed the gap',
      async () =>
        (await gapsOf('paused')).some(
          ({ id, count }) => id === resumed.gap.id && count === resumed.gap.count,
        ),
      patienceMs,
    );
    await project.json('backfill', 'create', 'paused', '--gap', resumed.gap.id, '--wait');
    expect(missing.filter((line) => !linesOf('paused').includes(line))).toEqual([]);
    await waitUntil('the gap is closed', async () => (await gapsOf('paused')).length === 0, patienceMs);
    const lines = linesOf('paused');
    expect(new Set(lines).size).toBe(lines.length);
    const sorted = [...lines].sort();
    for (const [index, line] of sorted.entries())
      if (index > 0) expect(line.split('/')[0]).toBe(sorted[index - 1]?.split('/')[1]);
    // A run that was merely late on a busy machine may have raised its alarm; the pause raises none.
    const ofThePause = noticesOf('paused').filter(({ alarm }) =>
      missing.some((line) => line.endsWith(`/${alarm.lastAt}`)),
    );
    expect(ofThePause).toEqual([]);
  },

  async skipping() {
    await waitUntil('runs were left out', async () => (await skippedOf('skipping')) >= 3, patienceMs);
    const { stdout } = await project.run('alarms', 'list', '--json');
    const { alarms } = JSON.parse(stdout) as { alarms: Alarm[] };
    expect(alarms.filter(({ dagId, kind }) => dagId === 'skipping' && kind === 'run-skipped')).toHaveLength(
      1,
    );
    await waitUntil('the notice has arrived', () => skipNoticesOf('skipping').length >= 1, patienceMs);
    await waitUntil(
      'more were left out',
      async () => ((await skipAlarmOf('skipping'))?.count ?? 0) >= 6,
      patienceMs,
    );
    expect(skipNoticesOf('skipping')).toHaveLength(1);
    project.remove('hold-skipping');
    await waitUntil(
      'the alarm is over',
      () => skipNoticesOf('skipping').some(({ state }) => state === 'recovered'),
      patienceMs,
    );
    expect(
      skipNoticesOf('skipping')
        .slice(0, 2)
        .map(({ state }) => state),
    ).toEqual(['raised', 'recovered']);
    expect(hook.received.every(({ id, key }) => id === key)).toBe(true);
    await waitUntil(
      'it is listed no more',
      async () => (await skipAlarmOf('skipping')) === undefined,
      patienceMs,
    );
  },

  async failing() {
    await waitUntil('it is paused', async () => (await getDag(client, 'failing')).isPaused, patienceMs);
    const { pauseReason } = await getDag(client, 'failing');
    expect(pauseReason).toMatch(/^3 scheduled runs failed in a row, the last millrace\.run\.failing-/);
    const failed = (await listRuns(client, 'failing', 20)).filter(({ status }) => status === 'failed');
    expect(failed.map(({ workflowId }) => workflowId)).toContain(pauseReason.split(' ').at(-1));
    await waitUntil('the alarm has arrived', () => pauseNoticesOf('failing').length > 0, patienceMs);
    expect(pauseNoticesOf('failing')).toMatchObject([
      { state: 'raised', alarm: { kind: 'dag-paused', count: 1 } },
    ]);
    project.write('repaired', '');
    await project.json('dag', 'unpause', 'failing');
    await waitUntil('runs go again', () => linesOf('failing').length >= 2, patienceMs);
    await waitUntil('the alarm is over', () => pauseNoticesOf('failing').length >= 2, patienceMs);
    expect(pauseNoticesOf('failing').map(({ state }) => state)).toEqual(['raised', 'recovered']);
    expect((await getDag(client, 'failing')).isPaused).toBe(false);
  },

  async long() {
    const { spec, specHash } = await getDag(client, 'bygone');
    const workflowId = 'watch-of-the-past';
    await client.workflow.start('watchDag', {
      workflowId,
      taskQueue: 'millrace',
      args: [{ spec, specHash, since: '2026-01-01T00:00:00.000Z' }],
    });
    const stateOf = () => client.workflow.getHandle(workflowId).query<WatchState>('watch');
    await waitUntil(
      'all has been looked at',
      async () => (await stateOf()).since === '2026-01-01T08:00:00.000Z',
      patienceMs,
    );
    expect((await stateOf()).gaps).toMatchObject([{ reason: 'missed', count: 8 * 3_600 }]);
    const lengths = await project.historyLengths(workflowId);
    expect(lengths.length).toBeGreaterThan(1);
    expect(Math.max(...lengths)).toBeLessThan(suggestedEvents + roundEvents);
  },
};

type Story = keyof typeof stories;

/** Bounds a hang of a story only. */
const patienceMs = 240_000;

test.each<[string, Story]>([
  ['catchup: on its first deploy a DAG runs each interval since startAt once', 'past'],
  [
    'catchupMaxRuns: the newest intervals run, the others are a gap that says so, and one command runs it',
    'newest',
  ],
  ['pausedUponCreation: nothing runs before somebody resumes the DAG; what was due is one gap', 'cautious'],
  ['a pause keeps its reason; resumed, it lists what did not run, and one command runs that', 'paused'],
  [
    'runs left out by overlap are a gap, and one alarm tells of however many; the next run on time ends it',
    'skipping',
  ],
  [
    'maxConsecutiveFailedRuns: the DAG is paused, names the last run, and counts anew when it is resumed',
    'failing',
  ],
  ['a watch that has much to look at continues as new, and its history stays short', 'long'],
])(
  '%s',
  async (_title, story) => {
    await outcomes[story];
  },
  patienceMs * 2,
);

test('what was due before the server had the schedule is no run that was missed', async () => {
  const { info } = await client.schedule.getHandle(dagScheduleId('skipping')).describe();
  const watch = client.workflow.getHandle(watchWorkflowId('skipping'));
  const { firstRunId } = (await watch.describe()).raw.workflowExecutionInfo ?? {};
  const { events } = await client.workflow.getHandle(watch.workflowId, firstRunId ?? '').fetchHistory();
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  const { since } = JSON.parse(
    Buffer.from(started?.input?.payloads?.[0]?.data ?? '').toString(),
  ) as WatchInput;
  expect(since).toBe(info.createdAt.toISOString());
});

test(
  'watches that continued as new in the middle of it all knew on what they knew',
  async () => {
    await Promise.all(Object.values(outcomes));
    for (const dagId of ['paused', 'skipping', 'failing']) {
      const lengths = await project.historyLengths(watchWorkflowId(dagId));
      expect(lengths.length).toBeGreaterThan(1);
      expect(Math.max(...lengths)).toBeLessThan(suggestedEvents + roundEvents);
    }
  },
  patienceMs,
);
