import { PipelineError } from '../core/errors/index.js';
import { summariseTasks, type RunLedger, type RunRecord, type TaskSummary } from '../core/run/ledger.js';
import { limits } from '../core/limits.js';

/** A run of the ledger. @throws PipelineError RUN_NOT_FOUND */
export async function findRun(ledger: RunLedger, id: string, runId: string | undefined): Promise<RunRecord> {
  const found = await ledger.getRun(id, runId);
  if (found !== undefined) return found;
  throw new PipelineError('RUN_NOT_FOUND', {
    what: 'run in the ledger',
    id: runId === undefined ? id : `${id} ${runId}`,
    command: 'millrace run list --all',
  });
}

/**
 * An execution and those that it goes on from, newest first: what a run that was cleared has done in all. A run that was
 * started anew under the same workflow id goes on from nothing.
 */
export async function withFormer(ledger: RunLedger, run: RunRecord): Promise<RunRecord[]> {
  const all = await ledger.listExecutions(run.workflowId, limits.ledgerFormerRuns);
  const from = all.findIndex(({ runId }) => runId === run.runId);
  if (from < 0) return [run];
  const chain: RunRecord[] = [];
  for (const execution of all.slice(from)) {
    chain.push(execution);
    if (execution.formerRunId === undefined) break;
  }
  return chain;
}

/** Tasks of the newest of some executions, with the tries that they had in any of them. */
export async function tasksOf(ledger: RunLedger, executions: readonly RunRecord[]): Promise<TaskSummary[]> {
  const [newest] = executions;
  const records = await ledger.listTasks(executions);
  return summariseTasks(records.filter((task) => task.tryNumber > 0 || task.runId === newest?.runId));
}
