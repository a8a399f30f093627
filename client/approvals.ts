import {
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
} from '@temporalio/client';
import { noWorkerAnswers } from '../activities/worker/no-worker.js';
import { PipelineError } from '../core/errors/index.js';
import type { Decision } from '../core/run/run.js';
import { approvalsQuery, decideUpdate } from '../workflows/messages.js';
import { getDag } from './deployment.js';
import { listRuns } from './runs.js';

/** An approval task that waits for an answer. */
export interface PendingApproval {
  readonly dagId: string;
  readonly workflowId: string;
  readonly taskId: string;
  readonly subject: string;
}

/** Approval tasks of a DAG's running runs that wait for an answer. @throws PipelineError DAG_NOT_FOUND */
export async function listApprovals(
  client: Client,
  dagId: string,
  limit: number,
): Promise<PendingApproval[]> {
  const { spec } = await getDag(client, dagId);
  const subjects = new Map(
    spec.tasks.flatMap((task) => {
      if (task.kind === 'approval') return [[task.id, task.subject] as const];
      return task.kind === 'anomaly-gate' ? [[task.id, 'anomalies of its batch'] as const] : [];
    }),
  );
  const pending: PendingApproval[] = [];
  for (const { workflowId } of await listRuns(client, dagId, limit, 'Running')) {
    try {
      for (const taskId of await client.workflow.getHandle(workflowId).query(approvalsQuery))
        pending.push({ dagId, workflowId, taskId, subject: subjects.get(taskId) ?? '' });
    } catch (error) {
      // A run that ends while the list is made waits for nobody.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
  return pending;
}

/**
 * Answers an approval task; the first answer counts.
 *
 * @throws PipelineError RUN_NOT_FOUND (no such run is under way), USAGE (no approval task, or answered already)
 */
export async function decide(client: Client, workflowId: string, decision: Decision): Promise<void> {
  let isFirst: boolean;
  try {
    isFirst = await client.workflow.getHandle(workflowId).executeUpdate(decideUpdate, { args: [decision] });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError)
      throw new PipelineError('RUN_NOT_FOUND', {
        what: 'running run',
        id: workflowId,
        command: 'millrace dag runs DAG',
      });
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) throw noWorkerAnswers(error);
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    throw new PipelineError('USAGE', {
      problem: error.cause?.message ?? error.message,
      hint: 'See "millrace approval list DAG"',
    });
  }
  if (isFirst) return;
  throw new PipelineError('USAGE', {
    problem: `Task "${decision.taskId}" of ${workflowId} has been answered before`,
    hint: 'The first answer counts; clear the task to ask again',
  });
}
