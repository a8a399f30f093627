import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import proto from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { installLogging } from '../activities/sdk-logging.js';
import { workflowCode } from '../activities/workflow-code.js';
import { PipelineError } from '../core/errors/index.js';
import { pino } from 'pino';

const { History } = proto.temporal.api.history.v1;
type HistoryEvents = ReturnType<typeof historyFromJSON>;

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

/**
 * Reads a history from a file: JSON as Temporal's UI and command line write it, or its binary form (`.history`, `.bin`).
 *
 * @throws PipelineError HISTORY_INVALID
 */
export function readHistory(path: string): RecordedHistory {
  try {
    const bytes = readFileSync(path);
    const history = path.endsWith('.json')
      ? historyFromJSON(JSON.parse(bytes.toString('utf8')))
      : History.decode(bytes);
    if ((history.events?.length ?? 0) === 0) throw new Error('it has no events');
    return { name: path, history };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PipelineError('HISTORY_INVALID', { file: path, reason }, { cause: error });
  }
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
    histories.push({ name: workflowId, history: history as HistoryEvents });
    if (histories.length >= limit) break;
  }
  return histories;
}

/** Tries histories against the workflows of the present code. */
export async function replayHistories(histories: readonly RecordedHistory[]): Promise<ReplayOutcome[]> {
  installLogging(pino({ level: 'silent' }));
  const outcomes: ReplayOutcome[] = [];
  const given = histories.map(({ name, history }) => ({ workflowId: name, history }));
  for await (const { workflowId, error } of Worker.runReplayHistories(workflowCode(), given)) {
    outcomes.push({
      name: workflowId,
      isCompatible: error === undefined,
      ...(error === undefined ? {} : { reason: error.message }),
    });
  }
  return outcomes;
}
