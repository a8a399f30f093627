import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities, IdentitySplitOutcome } from '../core/activities.js';
import { PipelineError } from '../core/errors/index.js';
import type { IdentityOutcome } from '../core/identity/spec.js';
import type { StageContext } from '../core/run/run.js';
import { activityOptions } from './activity-options.js';
import type { SplitIdentityInput } from './messages.js';

/** Takes a merge of an identity graph back and resolves the graph, or resolves it from everything, in one step of its own. */
export async function splitIdentity({
  spec,
  taskId,
  split,
}: SplitIdentityInput): Promise<IdentityOutcome & { readonly split?: IdentitySplitOutcome }> {
  const task = spec.tasks.find(({ id }) => id === taskId);
  if (task?.kind !== 'identity') throw new PipelineError('UPSTREAM_MISSING', { taskId });
  const { workflowId, runId, startTime } = workflowInfo();
  const context: StageContext = {
    dagId: spec.id,
    workflowId,
    runId,
    runType: 'manual',
    startedAt: startTime.toISOString(),
    params: {},
  };
  const { resolveIdentity } = proxyActivities<Pick<Activities, 'resolveIdentity'>>(
    activityOptions(task, context),
  );
  return resolveIdentity({ context, task, ...(split === undefined ? { full: true } : { split }) });
}
