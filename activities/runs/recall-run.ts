import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { StagingStore } from '../../connectors/staging.js';
import type { Activities } from '../../core/activities.js';
import { limits } from '../../core/limits.js';
import type { RunSnapshot, SnapshotEntry } from '../../core/run/run-snapshot.js';
import { readFormerRun } from './former-run.js';
import { parkValues } from '../values.js';

type RecallRun = Activities['recallRun'];

/** What activities ask Temporal about a former execution of a run. */
export interface FormerRuns {
  /** @throws PipelineError RUN_HISTORY_GONE, DISK_FULL */
  recall(request: Parameters<RecallRun>[0], staging: StagingStore): ReturnType<RecallRun>;
  find(workflowId: string): ReturnType<Activities['findFormerRun']>;
}

export function createFormerRuns(client: Client): FormerRuns {
  return {
    recall: async ({ workflowId, rerun }, staging) => {
      const former = await readFormerRun(client, workflowId, rerun.formerRunId);
      const cleared = new Set(rerun.clear);
      const kept = former.entries.filter(({ taskId }) => !cleared.has(taskId));
      const tries = { ...former.tries };
      for (const [taskId, made] of Object.entries(await triesIn(client, workflowId, former.runId)))
        tries[taskId] = (tries[taskId] ?? 0) + made;
      return { snapshot: await snapshotOf(kept, staging), tries };
    },
    find: async (workflowId) => {
      try {
        const { runId } = await client.workflow.getHandle(workflowId).describe();
        return { formerRunId: runId };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },
  };
}

/** Entries that fit into a payload travel in it; more lie in the staging store. */
async function snapshotOf(entries: readonly SnapshotEntry[], staging: StagingStore): Promise<RunSnapshot> {
  if (JSON.stringify(entries).length <= limits.snapshotInlineMaxBytes) return { entries };
  return { files: [await parkValues(staging, entries)] };
}

interface CountedRequest {
  readonly task?: { readonly id?: string; readonly poke?: unknown };
  readonly context?: { readonly mapIndex?: number };
}

interface Instance {
  readonly taskId: string;
  readonly mapIndex: number;
  readonly isPoking: boolean;
}

/**
 * Tries that tasks had in one execution. The server writes the start of an activity down when it ends, with the number of
 * its last try. Of a mapped task the instance with the most counts; short tasks, which the server does not count, have one.
 */
async function triesIn(client: Client, workflowId: string, runId: string): Promise<Record<string, number>> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const scheduled = new Map<string, Instance>();
  const byInstance = new Map<string, number>();
  const tries: Record<string, number> = {};
  for (const event of events ?? []) {
    const payloads = event.activityTaskScheduledEventAttributes?.input?.payloads ?? [];
    const instance = instanceOf(await decodeArrayFromPayloads(client.options.loadedDataConverter, payloads));
    if (instance !== undefined) scheduled.set(String(event.eventId), instance);
    const started = event.activityTaskStartedEventAttributes;
    const of = scheduled.get(String(started?.scheduledEventId));
    if (of === undefined) continue;
    const key = JSON.stringify([of.taskId, of.mapIndex]);
    const made = (byInstance.get(key) ?? 0) + (of.isPoking ? 1 : (started?.attempt ?? 1));
    byInstance.set(key, made);
    tries[of.taskId] = Math.max(tries[of.taskId] ?? 0, made);
  }
  return tries;
}

function instanceOf([request]: readonly unknown[]): Instance | undefined {
  const { task, context } = (request ?? {}) as CountedRequest;
  if (task?.id === undefined) return undefined;
  // The looks of a sensor are one try.
  return { taskId: task.id, mapIndex: context?.mapIndex ?? -1, isPoking: task.poke !== undefined };
}
