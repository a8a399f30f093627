import {
  QueryNotRegisteredError,
  QueryRejectedError,
  ServiceError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { PipelineError } from '../../core/errors/index.js';
import { recallEntriesQueryName, recallQueryName } from '../../core/message-names.js';
import type { RunInput } from '../../core/run/run.js';
import { settledEntries, type SnapshotEntry } from '../../core/run/run-snapshot.js';
import { type RecallPage, type RunRecall } from '../../core/run/run-recall.js';
import { noWorkerAnswers } from '../worker/no-worker.js';

/** What one execution of a run has done. */
export interface FormerRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly isRunning: boolean;
  /** What it was started with; the interval is that of the run, wherever it came from. */
  readonly input: RunRecall['input'];
  /** Tasks that it finished for good. */
  readonly entries: readonly SnapshotEntry[];
  readonly tries: Readonly<Record<string, number>>;
}

/**
 * Asks an execution what it has done. The server keeps the history of one that has ended for its retention time, and a
 * worker answers from it, so that everything counts: skips, short tasks, decisions and mapped instances too.
 *
 * @param runId the newest execution where absent.
 * @throws PipelineError RUN_NOT_FOUND, RUN_HISTORY_GONE, TEMPORAL_UNAVAILABLE (no worker answers)
 */
export async function readFormerRun(client: Client, workflowId: string, runId?: string): Promise<FormerRun> {
  try {
    const { status, runId: foundId } = await client.workflow.getHandle(workflowId, runId).describe();
    const handle = client.workflow.getHandle(workflowId, foundId);
    const recall = await recallOf(client, handle);
    const isRunning = status.name === 'RUNNING' || status.name === 'PAUSED';
    const wasStopped = ['CANCELLED', 'TERMINATED', 'TIMED_OUT'].includes(status.name);
    const wasCutShort = wasStopped || (status.name === 'FAILED' && recall.input.spec.failFast === true);
    const of = { workflowId, runId: foundId, isRunning, input: recall.input };
    if (!recall.hasBegun && recall.former !== undefined) {
      const before = await readFormerRun(client, workflowId, recall.former.formerRunId);
      const cleared = new Set(recall.former.clear);
      const entries = before.entries.filter(({ taskId }) => !cleared.has(taskId));
      return { ...of, entries, tries: before.tries };
    }
    if (!recall.hasBegun) return { ...of, entries: [], tries: recall.tries };
    const entries = settledEntries(await readPages(handle), { wasCutShort });
    return { ...of, entries, tries: recall.tries };
  } catch (error) {
    throw explained(error, workflowId);
  }
}

/** What an execution says of itself, or, where it was ended before it began, what it was started with. */
async function recallOf(client: Client, handle: WorkflowHandle): Promise<RunRecall> {
  try {
    return await handle.query<RunRecall>(recallQueryName);
  } catch (error) {
    if (!(error instanceof ServiceError) || !/closed before WorkflowTaskStarted/.test(causeOf(error)))
      throw error;
    const { events } = await handle.fetchHistory();
    const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    const [input] = (await decodeArrayFromPayloads(client.options.loadedDataConverter, payloads)) as [
      RunInput,
    ];
    // The interval of a scheduled run is known once it has begun.
    if (input.runType === 'scheduled' && input.interval === undefined)
      throw new PipelineError('RUN_HISTORY_GONE', {
        id: handle.workflowId,
        reason: 'it was ended before it began',
      });
    const { snapshot: _snapshot, carried: _carried, rerun, tries = {}, ...lasting } = input;
    return { input: lasting, hasBegun: false, tries, ...(rerun === undefined ? {} : { former: rerun }) };
  }
}

function causeOf({ cause }: Error): string {
  return cause instanceof Error ? cause.message : '';
}

async function readPages(handle: WorkflowHandle): Promise<SnapshotEntry[]> {
  const entries: SnapshotEntry[] = [];
  for (let from: number | undefined = 0; from !== undefined;) {
    const page: RecallPage = await handle.query<RecallPage, [number]>(recallEntriesQueryName, from);
    entries.push(...page.entries);
    from = page.next;
  }
  return entries;
}

function explained(error: unknown, id: string): unknown {
  if (error instanceof WorkflowNotFoundError)
    return new PipelineError(
      'RUN_HISTORY_GONE',
      { id, reason: 'the server knows no such run; it forgets runs after its retention time' },
      { cause: error },
    );
  if (error instanceof QueryNotRegisteredError || error instanceof QueryRejectedError)
    return new PipelineError('RUN_HISTORY_GONE', { id, reason: error.message }, { cause: error });
  if (!(error instanceof ServiceError)) return error;
  const text = `${error.message} ${causeOf(error)}`;
  if (/nondetermin|TMPRL1100/i.test(text))
    return new PipelineError(
      'RUN_HISTORY_GONE',
      { id, reason: 'another version of Millrace ran it' },
      { cause: error },
    );
  // Only a worker can tell what a workflow's state is.
  return /query|DEADLINE_EXCEEDED/i.test(text) ? noWorkerAnswers(error) : error;
}
