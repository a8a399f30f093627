import type { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { installLogging } from '../activities/worker/sdk-logging.js';
import { workflowCode } from '../activities/worker/workflow-code.js';
import { pino } from 'pino';
import type { HistoryEvents } from './temporal/history-file.js';

/** A history to try, under the name that reports give it: a file's path or a workflow id. */
export interface RecordedHistory {
  readonly name: string;
  readonly history: HistoryEvents;
}

/** What trying one history gave. */
export interface ReplayOutcome {
  readonly name: string;
  readonly isCompatible: boolean;
  /** Why the present code would decide otherwise. */
  readonly reason?: string;
}

/** Histories of workflows that are under way: what a deploy of the present code would meet. */
export async function runningHistories(
  client: Client,
  { dagId, limit }: { readonly dagId?: string; readonly limit: number },
): Promise<RecordedHistory[]> {
  const ofDag = dagId === undefined ? '' : ` AND MillraceDag = "${dagId.replaceAll('"', '')}"`;
  const query = `ExecutionStatus = "Running"${ofDag}`;
  const histories: RecordedHistory[] = [];
  for await (const { workflowId, runId } of client.workflow.list({
    query,
    pageSize: Math.min(limit, 1_000),
  })) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.push({ name: workflowId, history });
    if (histories.length >= limit) break;
  }
  return histories;
}

/** Tries histories against the workflows of the present code. */
export async function replayHistories(histories: readonly RecordedHistory[]): Promise<ReplayOutcome[]> {
  installLogging(pino({ level: 'silent' }));
  // Workflows derive ids from their own, so a history is tried under the id that it was recorded with.
  const given = histories.map(({ name, history }) => ({ workflowId: recordedId(history) ?? name, history }));
  const outcomes: ReplayOutcome[] = [];
  // One after another, in order.
  for await (const { error } of Worker.runReplayHistories(workflowCode(), given)) {
    outcomes.push({
      name: histories[outcomes.length]?.name ?? '',
      isCompatible: error === undefined,
      ...(error === undefined ? {} : { reason: error.message }),
    });
  }
  return outcomes;
}

function recordedId(history: HistoryEvents): string | undefined {
  const id = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  return id === null || id === '' ? undefined : id;
}
