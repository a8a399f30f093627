import type { Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import type { ReconcileReport } from '../core/reconcile/reconcile.js';
import { reconcileWorkflowId } from '../core/ids.js';
import type { DataInterval } from '../core/interval.js';
import type { ReconcileInput, ReconcileOptions } from '../workflows/messages.js';
import { dagAttribute, getDag, modeAttribute } from './deployment.js';

/** Compares the tables of a deployed DAG with their sources and waits. @throws PipelineError DAG_NOT_FOUND */
export async function reconcileDag(
  client: Client,
  dagId: string,
  options: { readonly taskQueue: string; readonly interval?: DataInterval } & Partial<ReconcileOptions>,
): Promise<ReconcileReport[]> {
  const { spec, specHash } = await getDag(client, dagId);
  const { taskQueue, ...asked } = options;
  const input: ReconcileInput = { spec, specHash, ...asked };
  return (await client.workflow.execute('reconcileDag', {
    workflowId: reconcileWorkflowId(dagId, new Date().toISOString()),
    taskQueue,
    args: [input],
    typedSearchAttributes: new TypedSearchAttributes([
      { key: dagAttribute, value: dagId },
      { key: modeAttribute, value: spec.mode },
    ]),
  })) as ReconcileReport[];
}
