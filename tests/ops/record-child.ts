import { openOpsStore } from '../../ops/store.js';
import { Secret } from '../../security/secret.js';
import { runOf, taskOf } from './records.js';

/** A process that opens the store and writes runs of its own: `place name count`, the place as JSON. */
const [place = '{}', name = '', count = '0'] = process.argv.slice(2);
const { path = '', url } = JSON.parse(place) as { path?: string; url?: string };
const store = await openOpsStore(url === undefined ? { path } : { url: new Secret(url) });
for (let index = 0; index < Number(count); index += 1) {
  const run = runOf({ workflowId: `${name}-${String(index)}`, runId: `${name}-${String(index)}` });
  await store.ledger.record({
    runs: [run],
    tasks: [taskOf({ workflowId: run.workflowId, runId: run.runId })],
  });
  // Looks first and writes then, while the others write.
  const old = { ...run, workflowId: 'old', runId: `old-${run.runId}`, endedAt: '2000-01-01T00:00:00.000Z' };
  await store.ledger.recordRuns([{ ...old, state: 'failed' }]);
  await store.ledger.deleteBefore('2001-01-01T00:00:00.000Z');
  // Every process also write this one.
  await store.ledger.recordRuns([runOf({ workflowId: 'shared', runId: 'shared' })]);
}
await store.close();
