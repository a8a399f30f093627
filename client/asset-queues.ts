import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { SearchAttributePair } from '@temporalio/common';
import { assetKey, assetsAttribute, listListeners } from '../activities/assets/asset-listeners.js';
import { conditionUris } from '../core/assets/asset-condition.js';
import { assetConditionOf } from '../core/dag/asset-schedule.js';
import { assetQueueNames } from '../core/assets/asset-queue.js';
import type { DagSpec } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { assetQueueWorkflowId } from '../core/ids.js';
import { canonicalJson } from '../core/json.js';
import { limits } from '../core/limits.js';

/** What a schedule's record says of the assets that its DAG listens to; nothing where it listens to none. */
export function assetAttributes(spec: DagSpec): SearchAttributePair[] {
  const condition = assetConditionOf(spec);
  if (condition === undefined) return [];
  return [{ key: assetsAttribute, value: conditionUris(condition).map(assetKey) }];
}

/**
 * Tells the queue of a DAG what it waits for now. Once this returns, publishers find the DAG: the server's list, which lags
 * behind its records, shows it.
 *
 * @throws PipelineError TEMPORAL_UNAVAILABLE where the list does not show it in time
 */
export async function deployAssetQueue(
  client: Client,
  spec: DagSpec,
  previous: DagSpec | undefined,
): Promise<void> {
  const condition = assetConditionOf(spec);
  const before = previous === undefined ? undefined : assetConditionOf(previous);
  if (canonicalJson(condition ?? null) === canonicalJson(before ?? null)) return;
  if (condition === undefined) {
    await stopAssetQueue(client, spec.id);
    return;
  }
  await tell(client, spec.id, assetQueueNames.deploy, condition);
  const givenUpMs = Date.now() + limits.assetListingMaxMs;
  for (const uri of conditionUris(condition)) {
    while (!(await listListeners(client, uri)).includes(spec.id)) {
      if (Date.now() > givenUpMs) {
        const reasons = [`its list of schedules does not show that "${spec.id}" listens to ${uri}`];
        throw new PipelineError('TEMPORAL_UNAVAILABLE', { reasons });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Ends the queue of a DAG that assets do not start any more. */
export function stopAssetQueue(client: Client, dagId: string): Promise<void> {
  return tell(client, dagId, assetQueueNames.stop);
}

/** A queue looks at its DAG's record by itself before it starts a run; it is told so that it looks now. */
export async function pauseAssetQueue(client: Client, spec: DagSpec, paused: boolean): Promise<void> {
  if (assetConditionOf(spec) === undefined) return;
  await tell(client, spec.id, paused ? assetQueueNames.pause : assetQueueNames.resume);
}

/** Signals a queue; one that has not begun has nothing to hear. */
async function tell(client: Client, dagId: string, signal: string, ...args: unknown[]): Promise<void> {
  try {
    await client.workflow.getHandle(assetQueueWorkflowId(dagId)).signal(signal, ...args);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
