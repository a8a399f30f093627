/** The workflows of `bench/dag.ts`: the interpreter of the package, and what a Temporal user would write by hand. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';

export { runDag } from '../dist/workflows/index.js';

/** The guarantees of a task that its author sets nothing for: see `core/dag/dag-defaults.ts`. */
const options = {
  startToCloseTimeout: '1h',
  scheduleToCloseTimeout: '24h',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '100s', maximumAttempts: 6 },
};
const { work } = proxyActivities({
  ...options,
  heartbeatTimeout: '30s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
});
const local = proxyLocalActivities(options);

/** Steps one after another, each with the result of the one before. */
export async function chain(length) {
  let last = await work('t0', {});
  for (let index = 1; index < length; index += 1) last = await work(`t${index}`, { last });
  return last;
}

/** The same, fused into one workflow task. */
export async function localChain(length) {
  let last = await local.work('t0', {});
  for (let index = 1; index < length; index += 1) last = await local.work(`t${index}`, { last });
  return last;
}

/** One step, then many beside each other, then one that has all their results. */
export async function diamond(width) {
  const first = await work('first', {});
  const middle = await Promise.all(
    Array.from({ length: width }, (_none, index) => work(`m${index}`, { first })),
  );
  return work('last', Object.fromEntries(middle.map((result, index) => [`m${index}`, result])));
}
