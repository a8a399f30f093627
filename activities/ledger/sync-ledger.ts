import { WorkflowNotFoundError, type Client, type WorkflowExecutionInfo } from '@temporalio/client';
import {
  hasEnded,
  taskStateRank,
  type LedgerBatch,
  type RunLedger,
  type RunRecord,
} from '../../core/run/ledger.js';
import { limits } from '../../core/limits.js';
import { readExecution, runStateOf } from './read-execution.js';

/** What one pass found and did. */
export interface SyncReport {
  /** Executions that Temporal listed. */
  readonly listed: number;
  /** Runs that the ledger lacked, and runs whose state it had not heard of. */
  readonly added: number;
  readonly corrected: number;
  /** False where the bound of one pass was met: another pass goes on. */
  readonly isComplete: boolean;
}

export interface SyncOptions {
  readonly client: Client;
  readonly ledger: RunLedger;
  /** Runs that ended before are of no interest, ISO 8601 UTC. */
  readonly endedSince: string;
  readonly signal?: AbortSignal;
  /** Called now and then; the pass ends where it returns false. */
  keepGoing?(): Promise<boolean>;
}

/**
 * Brings the run ledger up to what Temporal knows: runs that it lacks or has in an earlier state are read from their
 * histories. Safe to repeat and to break off: what was read is written, and a repeat passes over it.
 */
export async function syncLedger(options: SyncOptions): Promise<SyncReport> {
  const report = { listed: 0, added: 0, corrected: 0 };
  const open = new Set<string>();
  const queries = [
    `WorkflowType = "runDag" AND ExecutionStatus = "Running"`,
    `WorkflowType = "runDag" AND CloseTime >= "${options.endedSince}"`,
  ];
  for (const query of queries) {
    for await (const page of pagesOf(options.client, query)) {
      report.listed += page.length;
      for (const { status, runId } of page) if (status.name === 'RUNNING') open.add(runId);
      if (!(await readPage(options, page, report))) return { ...report, isComplete: false };
    }
  }
  return { ...report, isComplete: await settleVanished(options, open, report) };
}

async function* pagesOf(client: Client, query: string): AsyncGenerator<WorkflowExecutionInfo[]> {
  let page: WorkflowExecutionInfo[] = [];
  for await (const info of client.workflow.list({ query, pageSize: limits.ledgerSyncPageRuns })) {
    page.push(info);
    if (page.length < limits.ledgerSyncPageRuns) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

/** False where the pass must end. */
async function readPage(
  options: SyncOptions,
  page: readonly WorkflowExecutionInfo[],
  report: { added: number; corrected: number },
): Promise<boolean> {
  const known = new Map((await options.ledger.findRuns(page)).map((run) => [run.runId, run]));
  for (const info of page) {
    const state = runStateOf(info.status.name);
    const stored = known.get(info.runId);
    if (state === undefined) continue;
    if (stored !== undefined) {
      // Where the ledger is ahead, the list is late: it follows the runs by a moment.
      if (stored.state === state || (hasEnded(stored.state) && !hasEnded(state))) continue;
    }
    if (options.signal?.aborted === true) return false;
    if (report.added + report.corrected >= limits.ledgerSyncMaxRuns) return false;
    if ((await options.keepGoing?.()) === false) return false;
    if (!(await readRun(options, info))) continue;
    if (stored === undefined) report.added += 1;
    else report.corrected += 1;
  }
  return true;
}

async function readRun(
  { client, ledger }: SyncOptions,
  info: Parameters<typeof readExecution>[1],
): Promise<boolean> {
  let batch: LedgerBatch;
  try {
    batch = await readExecution(client, info);
  } catch (error) {
    // Its retention ran out between the list and the look.
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
  if ((batch.runs ?? []).length === 0) return false;
  const stored = new Map(
    (await ledger.listTasks([info])).map((task) => [keyOf(task), taskStateRank(task.state)]),
  );
  // What the worker reported itself is closer to what happened.
  const tasks = (batch.tasks ?? []).filter(
    (task) => taskStateRank(task.state) > (stored.get(keyOf(task)) ?? -1),
  );
  await ledger.record({ ...batch, tasks });
  return true;
}

function keyOf(task: {
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
}): string {
  return `${task.taskId}/${String(task.mapIndex)}/${String(task.tryNumber)}`;
}

/** Runs that the ledger has as under way and Temporal does not list: ended long ago, or forgotten. */
async function settleVanished(
  options: SyncOptions,
  open: ReadonlySet<string>,
  report: { corrected: number },
): Promise<boolean> {
  const { client, ledger } = options;
  for (const state of ['running', 'queued'] as const) {
    const runs = await ledger.listRuns({ state, limit: limits.ledgerSyncMaxRuns });
    for (const run of runs.filter(({ runId }) => !open.has(runId))) {
      if (options.signal?.aborted === true) return false;
      if ((await options.keepGoing?.()) === false) return false;
      if (await settleRun(client, run, options)) report.corrected += 1;
    }
  }
  return true;
}

async function settleRun(client: Client, run: RunRecord, options: SyncOptions): Promise<boolean> {
  try {
    const info = await client.workflow.getHandle(run.workflowId, run.runId).describe();
    const state = runStateOf(info.status.name);
    if (state === undefined || !hasEnded(state)) return false;
    return await readRun(options, info);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    await options.ledger.recordRuns([
      {
        ...run,
        state: 'failed',
        endedAt: new Date().toISOString(),
        note: 'Temporal does not know this run any more; its end was not recorded',
      },
    ]);
    return true;
  }
}
