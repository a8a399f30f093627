import { ScheduleNotFoundError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { DagSpec, TaskState } from '../../core/dag/dag-spec.js';
import { PipelineError } from '../../core/errors/index.js';
import { dagScheduleId, runWorkflowId } from '../../core/ids.js';
import type { RunInput } from '../../core/run/run.js';
import type { RunResult } from '../../core/run/run-result.js';
import { statesQueryName } from '../../core/message-names.js';
import { resultOfFailure } from './failed-run.js';

/** How a run of another DAG, or of another interval, stands. */
export interface RunStanding {
  readonly state: 'running' | 'success' | 'failed';
  readonly tasks: Readonly<Record<string, TaskState>>;
}

/** What activities ask Temporal about DAGs and their runs. */
export interface TemporalDags {
  /** The spec that the next run of a DAG starts with. @throws PipelineError DAG_NOT_FOUND */
  deployed(dagId: string): Promise<{ readonly spec: DagSpec; readonly specHash: string }>;
  /** How the run of the interval that ends at `intervalEnd` stands; undefined where there is none. */
  standing(dagId: string, intervalEnd: string): Promise<RunStanding | undefined>;
  /** How long the last successful runs took, milliseconds, newest first. */
  runtimesMs(dagId: string, limit: number): Promise<number[]>;
}

export function createTemporalDags(client: Client): TemporalDags {
  return {
    deployed: async (dagId) => {
      try {
        const { action } = await client.schedule.getHandle(dagScheduleId(dagId)).describe();
        const [input] = (action.args ?? []) as readonly RunInput[];
        if (input !== undefined) return { spec: input.spec, specHash: input.specHash };
      } catch (error) {
        if (!(error instanceof ScheduleNotFoundError)) throw error;
      }
      throw new PipelineError('DAG_NOT_FOUND', { dagId, known: 'see "millrace dag list"' });
    },
    runtimesMs: async (dagId, limit) => {
      const runtimesMs: number[] = [];
      const query = `MillraceDag = "${dagId}" AND WorkflowType = "runDag" AND ExecutionStatus = "Completed"`;
      for await (const { startTime, closeTime } of client.workflow.list({ query, pageSize: limit })) {
        if (closeTime !== undefined) runtimesMs.push(closeTime.getTime() - startTime.getTime());
        if (runtimesMs.length >= limit) break;
      }
      return runtimesMs;
    },
    standing: async (dagId, intervalEnd) => {
      const handle = client.workflow.getHandle(runWorkflowId(dagId, intervalEnd));
      try {
        const { status } = await handle.describe();
        switch (status.name) {
          case 'RUNNING':
          case 'CONTINUED_AS_NEW':
          case 'PAUSED':
            return {
              state: 'running',
              tasks: await handle.query<Readonly<Record<string, TaskState>>>(statesQueryName),
            };
          case 'COMPLETED':
            return { state: 'success', tasks: statesOf((await handle.result()) as RunResult) };
          default:
            return { state: 'failed', tasks: await failedStates(handle.result()) };
        }
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return undefined;
        throw error;
      }
    },
  };
}

function statesOf(result: Pick<RunResult, 'tasks'>): Record<string, TaskState> {
  return Object.fromEntries(result.tasks.map(({ taskId, state }) => [taskId, state]));
}

/** A failed run carries its result as the detail of its failure; a cancelled or terminated one has none. */
async function failedStates(result: Promise<unknown>): Promise<Record<string, TaskState>> {
  try {
    await result;
    return {};
  } catch (error) {
    const detail = resultOfFailure(error);
    return detail === undefined ? {} : statesOf(detail);
  }
}
