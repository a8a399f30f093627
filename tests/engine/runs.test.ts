import { beforeAll, describe, expect, test } from '@jest/globals';
import type { RunResult } from '../../core/run/run-result.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { daily, etl, gated, rowSchema, verdicts } from './dag-files.js';

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({
    'etl.ts': etl(daily),
    'verdicts.ts': verdicts,
    'gated.ts': gated('first'),
  });
  project.write('schemas/row.v1.schema.json', rowSchema);
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

interface Triggered {
  readonly workflowId: string;
  readonly result?: RunResult;
}

/** States of a run's tasks, whatever it ended with. */
async function states(dag: string): Promise<{ state: string; tasks: Record<string, string> }> {
  const outcome = await project.run('dag', 'trigger', dag, '--wait', '--json');
  const { result } = JSON.parse(outcome.stdout) as { result: RunResult };
  return {
    state: result.state,
    tasks: Object.fromEntries(result.tasks.map(({ taskId, state }) => [taskId, state])),
  };
}

test('a run loads its data interval', async () => {
  const { result } = await project.json<Triggered>(
    'dag',
    'trigger',
    'etl',
    '--from',
    '2026-02-01',
    '--to',
    '2026-02-02',
    '--wait',
  );
  expect(result).toMatchObject({ state: 'success', counts: { extracted: 3, loaded: 3 } });
  expect(await project.rows(`SELECT id, value FROM numbers WHERE id LIKE '2026-02-01%' ORDER BY id`)).toEqual(
    [0, 1, 2].map((n) => ({ id: `2026-02-01T00:00:00.000Z/${String(n)}`, value: String(n) })),
  );
});

describe('the verdict of a run', () => {
  test('is that of its leaves: what tidies up after a failure makes a success', async () => {
    expect(await states('recovered')).toEqual({
      state: 'success',
      tasks: { bad: 'failed', after: 'upstream_failed', tidy: 'success' },
    });
  });

  test('is failed where a leaf failed or never came to run, and the command says so', async () => {
    const outcome = await project.run('dag', 'trigger', 'broken', '--wait', '--json');
    expect(outcome.code).toBe(1);
    expect(await states('broken')).toEqual({
      state: 'failed',
      tasks: { bad: 'failed', after: 'upstream_failed' },
    });
  });

  test('skips what a trigger rule does not let run, and what depends on it', async () => {
    expect(await states('skipping')).toEqual({
      state: 'success',
      tasks: { good: 'success', alarm: 'skipped', report: 'skipped', end: 'success' },
    });
  });
});

test('a task that fails is tried again, and its result reaches the next', async () => {
  const { result } = await project.json<Triggered>('dag', 'trigger', 'flaky', '--wait');
  expect(result?.tasks.map(({ state }) => state)).toEqual(['success', 'success']);
});

test('a deploy changes the next run, not the one under way', async () => {
  const before = await project.json<{ specHash: string }>('dag', 'show', 'gated');
  const running = await project.json<Triggered>('dag', 'trigger', 'gated', '--name', 'old');
  project.write('dags/gated.ts', gated('second'));
  expect((await project.run('deploy', '--dry-run')).stdout).toContain('updated');
  await project.json('deploy');
  const after = await project.json<{ specHash: string }>('dag', 'show', 'gated');
  expect(after.specHash).not.toBe(before.specHash);
  project.write('release', '');
  await waitUntil('the old run ends', async () => {
    const { runs } = await project.json<{ runs: { workflowId: string; status: string }[] }>(
      'dag',
      'runs',
      'gated',
    );
    return runs.find(({ workflowId }) => workflowId === running.workflowId)?.status === 'completed';
  });
  const next = await project.json<Triggered>('dag', 'trigger', 'gated', '--name', 'new', '--wait');
  expect(next.result).toMatchObject({ state: 'success', specHash: after.specHash });
  expect(await project.rows('SELECT id FROM first')).toEqual([{ id: running.workflowId }]);
  expect(await project.rows('SELECT id FROM second')).toEqual([{ id: next.workflowId }]);
});
