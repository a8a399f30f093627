import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DataInterval } from '../../core/interval.js';
import type { BackfillProgress } from '../../workflows/messages.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { daily, etl, gated, rowSchema } from './dag-files.js';

type Progress = BackfillProgress & { readonly id: string };

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({ 'etl.ts': etl(daily), 'gated.ts': gated('gated_rows') });
  project.write('schemas/row.v1.schema.json', rowSchema);
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

const create = (dag: string, from: string, to: string, ...more: string[]) =>
  project.json<Progress>('backfill', 'create', dag, '--from', from, '--to', to, ...more);
const numbers = async () =>
  (await project.rows('SELECT count(*) AS n, count(DISTINCT id) AS ids FROM numbers'))[0];

describe('reprocess', () => {
  test('a dry run lists the intervals and starts nothing', async () => {
    const { intervals } = await project.json<{ intervals: DataInterval[] }>(
      'backfill',
      'create',
      'etl',
      '--from',
      '2026-01-01',
      '--to',
      '2026-01-11',
      '--dry-run',
    );
    expect(intervals).toHaveLength(10);
    expect(intervals[0]).toEqual({ start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' });
    expect((await project.json<{ runs: unknown[] }>('dag', 'runs', 'etl')).runs).toEqual([]);
  });

  test('none starts what never ran, and nothing the second time', async () => {
    expect(await create('etl', '2026-01-01', '2026-01-11', '--max-active-runs', '4', '--wait')).toMatchObject(
      { state: 'completed', started: 10, succeeded: 10, failed: 0, counts: { loaded: 30 } },
    );
    expect(await create('etl', '2026-01-01', '2026-01-11', '--wait')).toMatchObject({
      state: 'completed',
      started: 0,
      skipped: 10,
    });
    expect(await numbers()).toEqual({ n: '30', ids: '30' });
  });

  test('failed leaves successful intervals alone', async () => {
    expect(await create('etl', '2026-01-01', '2026-01-11', '--reprocess', 'failed', '--wait')).toMatchObject({
      started: 0,
      skipped: 10,
    });
  });

  test('completed reloads and changes no row', async () => {
    const before = await project.rows('SELECT * FROM numbers ORDER BY id');
    expect(
      await create('etl', '2026-01-01', '2026-01-11', '--reprocess', 'completed', '--wait'),
    ).toMatchObject({ started: 10, succeeded: 10, counts: { loaded: 0, unchanged: 30 } });
    expect(await project.rows('SELECT * FROM numbers ORDER BY id')).toEqual(before);
  });

  test('two at once never run an interval twice', async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(() => create('etl', '2026-03-01', '2026-03-13', '--max-active-runs', '3', '--wait')),
    );
    expect(one!.started + two!.started).toBe(12);
    expect(one!.skipped + two!.skipped).toBe(12);
    const { runs } = await project.json<{ runs: { workflowId: string }[] }>(
      'dag',
      'runs',
      'etl',
      '--limit',
      '200',
    );
    const ofMarch = runs.filter(({ workflowId }) => workflowId.includes('2026-03'));
    expect(new Set(ofMarch.map(({ workflowId }) => workflowId)).size).toBe(ofMarch.length);
    expect(
      await project.rows(
        `SELECT interval_key FROM _millrace_loads WHERE interval_key LIKE '2026-03%' GROUP BY 1 HAVING count(*) > 1`,
      ),
    ).toEqual([]);
  });
});

test('backwards runs the newest interval first', async () => {
  await create('etl', '2025-06-01', '2025-06-04', '--run-backwards', '--max-active-runs', '1', '--wait');
  const rows = await project.rows(
    `SELECT strftime(interval_start, '%d') AS day FROM _millrace_loads WHERE interval_key LIKE '2025-06%' ORDER BY committed_at`,
  );
  expect(rows.map(({ day }) => day)).toEqual(['03', '02', '01']);
});

describe('while it runs', () => {
  const status = (id: string) => project.json<Progress>('backfill', 'status', id);

  beforeEach(() => {
    rmSync(join(project.folder, 'release'), { force: true });
  });

  test('at most the asked number of runs is active; paused it starts none; resumed it ends', async () => {
    const { id } = await create('gated', '2026-01-01', '2026-01-07', '--max-active-runs', '2');
    await waitUntil('two runs wait', async () => (await status(id)).running === 2);
    await project.json('backfill', 'pause', id);
    project.write('release', '');
    await waitUntil('the two have ended', async () => (await status(id)).succeeded === 2);
    expect(await status(id)).toMatchObject({ state: 'paused', started: 2, running: 0 });
    await project.json('backfill', 'resume', id);
    await waitUntil('all have ended', async () => (await status(id)).state === 'completed');
    expect(await status(id)).toMatchObject({ started: 6, succeeded: 6 });
  });

  test('cancelled, it cancels its runs and ends', async () => {
    const { id } = await create('gated', '2026-02-01', '2026-02-07', '--max-active-runs', '2');
    await waitUntil('two runs wait', async () => (await status(id)).running === 2);
    await project.json('backfill', 'cancel', id);
    await waitUntil('it is cancelled', async () => (await status(id)).state === 'cancelled');
    expect(await status(id)).toMatchObject({ started: 2, running: 0, succeeded: 0 });
    const { runs } = await project.json<{ runs: { workflowId: string; status: string }[] }>(
      'dag',
      'runs',
      'gated',
    );
    expect(runs.filter(({ workflowId }) => workflowId.includes('2026-02')).map((run) => run.status)).toEqual([
      'cancelled',
      'cancelled',
    ]);
  });
});

test('a range that is none, and a DAG that is none, are refused with the exit code of usage', async () => {
  expect(
    (await project.run('backfill', 'create', 'etl', '--from', '2026-02-01', '--to', '2026-01-01')).code,
  ).toBe(2);
  const unknown = await project.run(
    'backfill',
    'create',
    'nowhere',
    '--from',
    '2026-01-01',
    '--to',
    '2026-02-01',
  );
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('DAG_NOT_FOUND') });
});
