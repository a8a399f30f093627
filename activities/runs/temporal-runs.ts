import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { RunChain } from '../../core/pools/pool-state.js';

/** What activities ask Temporal about runs. */
export interface TemporalRuns {
  /**
   * Those of the runs that have ended, or of which the server knows nothing any more. A run that continued as new goes
   * on. The answer comes from the runs' own records, not from the list of workflows, which lags behind.
   */
  closedOf(chains: readonly RunChain[]): Promise<RunChain[]>;
}

/** Questions at once. */
const parallel = 10;

export function createTemporalRuns(client: Client): TemporalRuns {
  return {
    closedOf: async (chains) => {
      const closed: RunChain[] = [];
      for (let at = 0; at < chains.length; at += parallel) {
        const asked = chains.slice(at, at + parallel);
        const isOpen = await Promise.all(asked.map((chain) => isGoingOn(client, chain)));
        closed.push(...asked.filter((_, index) => isOpen[index] === false));
      }
      return closed;
    },
  };
}

async function isGoingOn(client: Client, { workflowId, firstRunId }: RunChain): Promise<boolean> {
  try {
    const { status, raw } = await client.workflow.getHandle(workflowId).describe();
    if (raw.workflowExecutionInfo?.firstRunId !== firstRunId) return false;
    return status.name === 'RUNNING' || status.name === 'PAUSED' || status.name === 'CONTINUED_AS_NEW';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
