import { beforeAll, expect, test } from '@jest/globals';
import { TestProject } from '../helpers/project.js';
import { statesOf, taskOf, triggerRun } from '../helpers/runs.js';

const width = 1_000;
const dags = `
import { defineDag } from 'millrace';
export const wide = defineDag({
  id: 'wide', schedule: 'manual', maxActiveTasks: 50,
  tasks: ({ task }) => {
    const first = task('t0', { run: async () => ({ n: 0, text: 'x'.repeat(2000) }) });
    const all = [first];
    for (let n = 1; n < ${String(width - 1)}; n += 1) all.push(task('t' + n, { run: async () => ({ n, text: 'x'.repeat(200) }) }));
    task('end', { inputs: { first, last: all.at(-1) }, after: all, run: async (_context, { first, last }) => [first.n, first.text.length, last.n] });
  },
});
export const many = defineDag({
  id: 'many', schedule: 'manual', maxActiveTasks: 64,
  tasks: ({ task }) => {
    const numbers = task('numbers', { run: async () => Array.from({ length: 5000 }, (_n, at) => at) });
    const doubled = task.expand('double', { over: { n: numbers }, short: true, run: async (_context, { n }) => n * 2 });
    task('sum', { inputs: { doubled }, run: async (_context, { doubled }) => ({ count: doubled.length, total: doubled.reduce((sum, n) => sum + n, 0) }) });
  },
});
`;

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({ 'dags.ts': dags });
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

test('a run of 1,000 tasks continues as new, keeps what its tasks handed on, and no history passes 4,096 events', async () => {
  const run = await triggerRun(project, 'wide');
  expect(new Set(Object.values(statesOf(run).tasks))).toEqual(new Set(['success']));
  expect(run.result.tasks).toHaveLength(width);
  const lengths = await project.historyLengths(run.workflowId);
  expect(lengths.length).toBeGreaterThan(1);
  expect(Math.max(...lengths)).toBeLessThan(4_096);
  expect((await project.results(run.workflowId))['end']).toEqual([0, 2_000, width - 2]);
}, 300_000);

test('5,000 mapped instances in one run: every history stays short', async () => {
  const run = await triggerRun(project, 'many');
  expect(statesOf(run).state).toBe('success');
  expect(taskOf(run, 'double').mapped).toMatchObject({ total: 5_000, success: 5_000 });
  expect((await project.results(run.workflowId))['sum']).toEqual({ count: 5_000, total: 5_000 * 4_999 });
  const children = Array.from(
    { length: 13 },
    (_none, part) => `${run.workflowId}/double/${String(part * 400)}`,
  );
  for (const id of [run.workflowId, ...children])
    expect(Math.max(...(await project.historyLengths(id)))).toBeLessThan(4_096);
}, 300_000);
