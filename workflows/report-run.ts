import { getExternalWorkflowHandle, workflowInfo } from '@temporalio/workflow';
import { watchWorkflowId } from '../core/ids.js';
import type { RunInput } from '../core/run/run.js';
import type { RunResult } from '../core/run/run-result.js';
import { countsFailures } from '../core/schedule/schedule-spec.js';
import { runEndedSignal } from './schedule-messages.js';

/** Whether the watch of the DAG counts how its runs end. */
export function isWatched({ runType, spec }: RunInput): boolean {
  return runType === 'scheduled' && countsFailures(spec.schedule);
}

/** Tells the watch of a DAG that counts failures how a scheduled run ended; a DAG without a watch is left alone. */
export async function reportEnd({ spec: { id } }: RunInput, state: RunResult['state']): Promise<void> {
  const { workflowId, runId } = workflowInfo();
  try {
    await getExternalWorkflowHandle(watchWorkflowId(id)).signal(runEndedSignal, { workflowId, runId, state });
  } catch {
    // The watch looks at ended runs by itself, and there may be none.
  }
}
