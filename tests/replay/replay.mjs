/**
 * Replays recorded histories against the built workflows and prints, for each path, null or the error. With `--edit`, each
 * history is changed first: where it asked for the validate activity, it says transform.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import proto from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
const codePath = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));
/** Workflows derive ids from their own. */
const idOf = ({ events }) => events[0].workflowExecutionStartedEventAttributes.workflowId || undefined;
const isEdited = process.argv[2] === '--edit';
const results = {};
for (const path of process.argv.slice(isEdited ? 3 : 2)) {
  const history = proto.temporal.api.history.v1.History.decode(readFileSync(path));
  for (const { activityTaskScheduledEventAttributes: scheduled } of isEdited ? history.events : []) {
    if (scheduled?.activityType?.name === 'validate') scheduled.activityType.name = 'transform';
  }
  try {
    await Worker.runReplayHistory(
      { workflowBundle: { codePath }, replayName: 'replay' },
      history,
      idOf(history),
    );
    results[path] = null;
  } catch (error) {
    results[path] = { name: error.name, message: error.message };
  }
}
process.stdout.write(`\n${JSON.stringify(results)}\n`);
