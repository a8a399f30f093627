/** The workflows of `bench/dag.ts`: the interpreter of the package, and what a Temporal user would write by hand. */
import { proxyActivities } from '@temporalio/workflow';

export { runDag } from '../dist/workflows/index.js';

const { runFunction } = proxyActivities({
  startToCloseTimeout: '1h',
  heartbeatTimeout: '30s',
  retry: { maximumAttempts: 6 },
});

/** The same activities, one after another or all at once. */
export async function handWritten({ context, tasks, isParallel }) {
  const request = (task) => ({ context, task, inputs: {} });
  if (isParallel) return Promise.all(tasks.map((task) => runFunction(request(task))));
  const results = [];
  for (const task of tasks) results.push(await runFunction(request(task)));
  return results;
}
