import { beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRecord, TaskSummary } from '../../core/run/ledger.js';
import { openOpsStore } from '../../ops/store.js';
import { TestProject } from '../helpers/project.js';
import { lineOf, runOf, taskOf } from '../ops/records.js';

let project: TestProject;

const day = (number: number) => `2026-01-0${String(number)}T00:00:00.000Z`;
const counts = { extracted: 5, loaded: 4, unchanged: 0, superseded: 0, quarantined: 1, withheld: 0 };

/** Three days of one DAG and one run of another, as a worker would have recorded them. */
beforeAll(async () => {
  project = await TestProject.create({});
  const store = await openOpsStore({ path: join(project.folder, '.millrace', 'ops.db') });
  const runs = [1, 2, 3].map((number) =>
    runOf({
      workflowId: `orders-${String(number)}`,
      runId: `orders-${String(number)}`,
      runType: 'scheduled',
      interval: { start: day(number), end: day(number + 1) },
      startedAt: day(number + 1),
      endedAt: day(number + 1).replace('00.000', '07.000'),
      state: number === 2 ? 'failed' : 'success',
      counts,
      params: { limit: number },
    }),
  );
  const [first, second, third] = runs as [RunRecord, RunRecord, RunRecord];
  const ofRun = ({ workflowId, runId }: RunRecord) => ({ workflowId, runId });
  await store.ledger.record({
    runs: [
      ...runs,
      runOf({ workflowId: 'other', runId: 'other', dagId: 'other' }),
      // Run again: the grid shows the newest execution of an interval.
      { ...first, runId: 'earlier', startedAt: day(1), state: 'failed' },
    ],
    tasks: [
      ...[first, third].flatMap((run) => [
        taskOf({ ...ofRun(run), state: 'success', startedAt: run.startedAt, endedAt: run.endedAt! }),
        taskOf({ ...ofRun(run), taskId: 'store', tryNumber: 0, state: 'skipped' }),
      ]),
      taskOf({
        ...ofRun(second),
        state: 'up_for_retry',
        startedAt: second.startedAt,
        endedAt: second.endedAt!,
        errorCode: 'SOURCE_UNAVAILABLE',
        errorMessage: 'no answer\nsecond line',
      }),
      taskOf({
        ...ofRun(second),
        tryNumber: 2,
        state: 'failed',
        errorCode: 'SOURCE_REFUSED',
        errorMessage: 'no',
      }),
      taskOf({ ...ofRun(second), taskId: 'store', tryNumber: 0, state: 'upstream_failed' }),
    ],
    logs: [
      lineOf(1, { ...ofRun(second), fields: { rows: 2 } }),
      lineOf(1, { ...ofRun(second), tryNumber: 2, level: 'error', message: 'gave up' }),
      lineOf(1, { ...ofRun(second), mapIndex: 3, message: 'mapped' }),
    ],
  });
  await store.close();
}, 240_000);

const idsOf = async (...args: string[]) =>
  (await project.json<{ runs: RunRecord[] }>('run', 'list', ...args)).runs.map(({ runId }) => runId);

describe('run list', () => {
  test('lists runs of a DAG or of all, newest first, by every filter', async () => {
    expect(await idsOf('orders')).toEqual(
      ['orders-3', 'orders-2', 'orders-1', 'earlier', 'other'].slice(0, 4),
    );
    expect(await idsOf('--all', '--type', 'manual')).toEqual(['other']);
    expect(await idsOf('orders', '--state', 'failed', '--limit', '1')).toEqual(['orders-2']);
    expect(await idsOf('orders', '--since', '2026-01-04')).toEqual(['orders-3']);
    const { stdout } = await project.run('run', 'list', 'orders', '--limit', '1');
    expect(stdout.split('\n')[1]).toBe(
      'orders-3  orders  scheduled  success  2026-01-03 … 2026-01-04  2026-01-04T00:00:00.000Z  7.0 s',
    );
  });

  test('wants one DAG or all, and knows the states', async () => {
    expect((await project.run('run', 'list')).code).toBe(2);
    expect((await project.run('run', 'list', 'orders', '--all')).code).toBe(2);
    const outcome = await project.run('run', 'list', '--all', '--state', 'odd');
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringMatching(/queued, running, success/) });
  });

  test('says what to do where there is nothing', async () => {
    expect((await project.run('run', 'list', 'nothing')).stdout).toMatch(/millrace run sync/);
  });
});

describe('run show', () => {
  test('shows every try with its error, counts, parameters and the usual time', async () => {
    const { stdout } = await project.run('run', 'show', 'orders-2');
    expect(stdout).toMatch(/^state +failed$/m);
    expect(stdout).toMatch(/^usually +7\.0 s, the mean of the last 2 that succeeded$/m);
    expect(stdout).toMatch(/^params +\{"limit":2\}$/m);
    expect(stdout).toMatch(/^counts +extracted 5, loaded 4, /m);
    const table = stdout.slice(stdout.indexOf('TASK')).trimEnd().split('\n');
    expect(table.slice(1).map((line) => line.split(/ {2,}/))).toEqual([
      ['pull', '1', 'up_for_retry', '2026-01-03T00:00:00.000Z', '7.0 s', 'SOURCE_UNAVAILABLE: no answer'],
      ['', '2', 'failed', '-', '-', 'SOURCE_REFUSED: no'],
      ['store', '-', 'upstream_failed', '-', '-'],
    ]);
    const document = await project.json<{ run: RunRecord; tasks: TaskSummary[] }>('run', 'show', 'orders-2');
    expect(document.tasks.map(({ taskId, state, tries }) => [taskId, state, tries.length])).toEqual([
      ['pull', 'failed', 2],
      ['store', 'upstream_failed', 0],
    ]);
  });

  test('shows an earlier execution where asked', async () => {
    const { run } = await project.json<{ run: RunRecord }>('run', 'show', 'orders-1', '--run-id', 'earlier');
    expect(run.state).toBe('failed');
  });

  test('a run that the ledger lacks is named, with what lists those that it has', async () => {
    expect(await project.run('run', 'show', 'none')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/"none".*millrace run list --all/),
    });
  });
});

describe('run logs', () => {
  test('prints lines by try, of one try, and of one mapped task', async () => {
    expect((await project.run('run', 'logs', 'orders-2', 'pull')).stdout).toBe(
      [
        '2026-01-01T00:00:00.000Z INFO  try 1  line 1 {"rows":2}',
        '2026-01-01T00:00:00.000Z ERROR try 2  gave up',
        '',
      ].join('\n'),
    );
    const { lines } = await project.json<{ lines: { message: string }[] }>(
      ...['run', 'logs', 'orders-2', 'pull', '--try', '2'],
    );
    expect(lines.map(({ message }) => message)).toEqual(['gave up']);
    const followed = await project.run(
      ...['run', 'logs', 'orders-2', 'pull', '--map-index', '3', '--follow', '--json'],
    );
    expect(JSON.parse(followed.stdout)).toMatchObject({ message: 'mapped' });
  });

  test('a task that the run lacks is named', async () => {
    expect(await project.run('run', 'logs', 'orders-2', 'none')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('millrace run show orders-2'),
    });
  });
});

describe('dag grid', () => {
  test('shows intervals against tasks, without colours where no terminal is, and without Temporal', async () => {
    expect((await project.run('dag', 'grid', 'orders')).stdout).toBe(
      [
        '                       1 2',
        '2026-01-01 scheduled ■ ■ −',
        '2026-01-02 scheduled ✗ ✗ !',
        '2026-01-03 scheduled ■ ■ −',
        '',
        '1 pull  2 store',
        '✗ failed  − skipped  ■ success  ! upstream_failed',
        '',
      ].join('\n'),
    );
  });

  test('in letters, and the last ones only', async () => {
    const { stdout } = await project.run('dag', 'grid', 'orders', '--ascii', '--limit', '2');
    expect(stdout.split('\n').slice(1, 3)).toEqual([
      '2026-01-02 scheduled F F U',
      '2026-01-03 scheduled S S -',
    ]);
  });
});

test('an operations store that cannot be used is an error of its own, with what to do', async () => {
  const broken = await TestProject.create({});
  mkdirSync(join(broken.folder, '.millrace'));
  writeFileSync(
    join(broken.folder, '.millrace', 'ops.db'),
    'not a database, for all that one can see of it'.repeat(50),
  );
  expect(await broken.run('run', 'list', '--all')).toMatchObject({
    code: 69,
    stderr: expect.stringMatching(/ops\.db.*move it away.*OPS_UNAVAILABLE/),
  });
  expect((await broken.run('doctor')).stdout).toMatch(/FAIL {2}operations store/);
});
