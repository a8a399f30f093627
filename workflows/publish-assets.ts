import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import type { TaskSpec } from '../core/dag/dag-spec.js';
import type { JsonObject } from '../core/json.js';
import { isManifest } from '../core/loading/manifest.js';
import type { StageContext } from '../core/run/run.js';
import type { TaskOutput } from '../core/run/task-output.js';

/**
 * Emits the events of a task that is about to count as a success. It lasts until they are in every queue, for as long as
 * that takes, also where the run is being cancelled: the task's work is done and others wait for it.
 */
export async function publishAssets(
  { id, kind, outlets = [] }: TaskSpec,
  { dagId, workflowId, runId, interval, mapIndex, startedAt }: StageContext,
  output: TaskOutput,
  emitted: Readonly<Record<string, JsonObject>>,
): Promise<void> {
  if (outlets.length === 0) return;
  const { publishAssetEvents } = proxyActivities<Pick<Activities, 'publishAssetEvents'>>({
    summary: `${id} ⇒ ${outlets.join(', ')}`,
    startToCloseTimeout: '1m',
    heartbeatTimeout: '15s',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' },
  });
  const loaded = kind === 'load' ? loadExtra(output) : {};
  const extras = Object.fromEntries(outlets.map((uri) => [uri, { ...loaded, ...emitted[uri] }]));
  await CancellationScope.nonCancellable(() =>
    publishAssetEvents({
      context: {
        dagId,
        workflowId,
        runId,
        startedAt,
        ...(interval === undefined ? {} : { interval }),
        ...(mapIndex === undefined ? {} : { mapIndex }),
      },
      taskId: id,
      outlets,
      extras,
    }),
  );
}

/** What a load says of itself. */
function loadExtra(output: TaskOutput): JsonObject {
  if (!isManifest(output) || output.load === undefined) return {};
  const { loadId, table, alreadyCommitted } = output.load;
  return { loadId, table, alreadyCommitted, counts: { ...output.counts } };
}
