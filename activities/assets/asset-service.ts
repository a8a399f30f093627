import { ScheduleNotFoundError, WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { createHash } from 'node:crypto';
import { faultPoint } from '../../connectors/fault-point.js';
import type { AssetRunStart } from '../../core/activities.js';
import type { AssetCondition } from '../../core/assets/asset-condition.js';
import { batchText, type AssetBatch, type AssetEvent } from '../../core/assets/asset-event.js';
import { assetQueueNames, type AssetQueueInput } from '../../core/assets/asset-queue.js';
import { assetConditionOf } from '../../core/dag/asset-schedule.js';
import { assetQueueWorkflowId, assetRunWorkflowId, dagScheduleId } from '../../core/ids.js';
import { limits } from '../../core/limits.js';
import type { RunInput } from '../../core/run/run.js';
import { listListeners } from './asset-listeners.js';
import { dagAttribute, modeAttribute, runTypeAttribute } from '../worker/search-attributes.js';

/** Carries events of assets to the DAGs that listen to them, and starts their runs. */
export interface AssetService {
  /** Puts events into the queue of every DAG that listens; safe to repeat with the same ids. @returns ids of those DAGs */
  publish(events: readonly AssetEvent[]): Promise<string[]>;
  /** Starts the run of a DAG for these events, unless it was started before. */
  start(dagId: string, batch: AssetBatch): Promise<AssetRunStart>;
  conditionOf(dagId: string): Promise<AssetCondition | null>;
}

export function createAssetService(client: Client, taskQueue: string): AssetService {
  const listeners = cached((uri) => listListeners(client, uri));
  return {
    publish: async (events) => {
      const byDag = new Map<string, AssetEvent[]>();
      for (const event of events) {
        for (const dagId of await listeners(event.uri))
          byDag.set(dagId, [...(byDag.get(dagId) ?? []), event]);
      }
      for (const [dagId, wanted] of byDag) {
        const input: AssetQueueInput = { dagId };
        await client.workflow.signalWithStart(assetQueueNames.workflow, {
          workflowId: assetQueueWorkflowId(dagId),
          taskQueue,
          args: [input],
          signal: assetQueueNames.deliver,
          signalArgs: [wanted],
          staticSummary: `assets of ${dagId}`,
        });
      }
      return [...byDag.keys()];
    },
    start: async (dagId, batch) => {
      const deployed = await deployedRun(client, dagId);
      if (deployed === undefined || assetConditionOf(deployed.input.spec) === undefined)
        return { kind: 'gone' };
      if (deployed.isPaused) return { kind: 'paused' };
      const { spec, specHash } = deployed.input;
      const workflowId = assetRunWorkflowId(dagId, batchKey(batch));
      const input: RunInput = {
        spec,
        specHash,
        runType: 'asset_triggered',
        assetEvents: batch,
        triggeredBy: batchText(batch),
      };
      try {
        await client.workflow.start('runDag', {
          workflowId,
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          taskQueue,
          args: [input],
          staticSummary: `${dagId} · assets`,
          typedSearchAttributes: new TypedSearchAttributes([
            { key: dagAttribute, value: spec.id },
            { key: modeAttribute, value: spec.mode },
            { key: runTypeAttribute, value: input.runType },
          ]),
        });
      } catch (error) {
        // A try before this one started it, and died before it could say so.
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
      faultPoint('after-asset-start');
      return { kind: 'started', workflowId };
    },
    conditionOf: async (dagId) => {
      const deployed = await deployedRun(client, dagId);
      return (deployed === undefined ? undefined : assetConditionOf(deployed.input.spec)) ?? null;
    },
  };
}

/** The same events are the same run. */
function batchKey({ events }: AssetBatch): string {
  const ids = events.map(({ id }) => id).join('\n');
  return createHash('sha256').update(ids).digest('hex').slice(0, 24);
}

async function deployedRun(
  client: Client,
  dagId: string,
): Promise<{ readonly input: RunInput; readonly isPaused: boolean } | undefined> {
  try {
    const { action, state } = await client.schedule.getHandle(dagScheduleId(dagId)).describe();
    const [input] = (action.args ?? []) as readonly RunInput[];
    return input === undefined ? undefined : { input, isPaused: state.paused };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

/** Many instances of a mapped task succeed at once; they share one look at the server's list. */
function cached(look: (uri: string) => Promise<string[]>): (uri: string) => Promise<string[]> {
  const known = new Map<string, { readonly atMs: number; readonly answer: Promise<string[]> }>();
  return (uri) => {
    const nowMs = Date.now();
    const entry = known.get(uri);
    if (entry !== undefined && nowMs - entry.atMs < limits.assetConsumersCacheMs) return entry.answer;
    for (const [other, { atMs }] of known)
      if (nowMs - atMs >= limits.assetConsumersCacheMs) known.delete(other);
    const answer = look(uri);
    known.set(uri, { atMs: nowMs, answer });
    answer.catch(() => known.delete(uri));
    return answer;
  };
}
