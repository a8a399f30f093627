import { ScheduleNotFoundError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { continuousWorkflowId, dagScheduleId, runWorkflowBaseId, runWorkflowId } from '../../core/ids.js';
import { limits } from '../../core/limits.js';
import type { EndedRun, ScheduleCounters } from '../../core/schedule/schedule-watch.js';

/** A schedule as the server has it. */
export interface ScheduleView {
  readonly isPaused: boolean;
  readonly note: string;
  readonly counters: ScheduleCounters;
  /** Runs that are due and wait for the end of another. */
  readonly waiting: number;
}

/** When a run was going. */
export interface RunSpan {
  readonly workflowId: string;
  readonly startedAt: string;
  readonly closedAt?: string;
}

/** What the watch of a schedule asks of Temporal. */
export interface TemporalSchedules {
  /** Undefined where the DAG is not deployed. */
  describe(dagId: string): Promise<ScheduleView | undefined>;
  /** Workflow ids of runs whose intervals end in `[first, last]`. */
  runsOf(dagId: string, first: string, last: string): Promise<ReadonlySet<string>>;
  /** Runs of intervals, scheduled and others, that were going at some time in `[from, to]` or waited to. */
  runsWithin(dagId: string, from: string, to: string): Promise<readonly RunSpan[]>;
  /** Scheduled runs that ended after `from`, oldest first. */
  endedRuns(dagId: string, from: string): Promise<readonly EndedRun[]>;
  hasRun(workflowId: string): Promise<boolean>;
  /** Pauses the schedule and what goes on by itself. */
  pause(dagId: string, note: string): Promise<void>;
}

/** Over a client of any connection, that of a worker too. */
export function createTemporalSchedules(client: Client): TemporalSchedules {
  const quote = (text: string): string => `"${text.replaceAll('"', '')}"`;
  const runsOfDag = (dagId: string): string => `MillraceDag = ${quote(dagId)} AND WorkflowType = "runDag"`;
  return {
    async describe(dagId) {
      try {
        const { state, info, raw } = await client.schedule.getHandle(dagScheduleId(dagId)).describe();
        return {
          isPaused: state.paused,
          note: state.note ?? '',
          counters: {
            missed: info.numActionsMissedCatchupWindow,
            skipped: info.numActionsSkippedOverlap + Number(raw.info?.bufferDropped ?? 0),
          },
          waiting: Number(raw.info?.bufferSize ?? 0),
        };
      } catch (error) {
        if (error instanceof ScheduleNotFoundError) return undefined;
        throw error;
      }
    },

    async runsOf(dagId, first, last) {
      const range = `WorkflowId BETWEEN ${quote(runWorkflowId(dagId, first))} AND ${quote(runWorkflowId(dagId, last))}`;
      const ids = new Set<string>();
      for await (const info of client.workflow.list({ query: `${runsOfDag(dagId)} AND ${range}` }))
        ids.add(info.workflowId);
      return ids;
    },

    async runsWithin(dagId, from, to) {
      const base = `WorkflowId STARTS_WITH ${quote(`${runWorkflowBaseId(dagId)}-`)}`;
      const begun = `(StartTime <= ${quote(to)} OR WorkflowId <= ${quote(runWorkflowId(dagId, to))})`;
      const span = `${begun} AND (ExecutionStatus = "Running" OR CloseTime >= ${quote(from)})`;
      const spans: RunSpan[] = [];
      for await (const info of client.workflow.list({
        query: `${runsOfDag(dagId)} AND ${base} AND ${span}`,
      })) {
        spans.push({
          workflowId: info.workflowId,
          startedAt: info.startTime.toISOString(),
          ...(info.closeTime === undefined ? {} : { closedAt: info.closeTime.toISOString() }),
        });
        if (spans.length >= limits.scheduleLookIntervals) break;
      }
      return spans;
    },

    async endedRuns(dagId, from) {
      const query = `${runsOfDag(dagId)} AND MillraceRunType = "scheduled" AND ExecutionStatus != "Running" AND CloseTime >= ${quote(from)}`;
      const runs: (EndedRun & { closedAt: number })[] = [];
      for await (const { workflowId, runId, status, closeTime } of client.workflow.list({ query })) {
        const state = endStates[status.name];
        if (state !== undefined) runs.push({ workflowId, runId, state, closedAt: closeTime?.getTime() ?? 0 });
        if (runs.length >= limits.countedRunsPerDag) break;
      }
      return runs
        .sort((a, b) => a.closedAt - b.closedAt)
        .map(({ workflowId, runId, state }) => ({ workflowId, runId, state }));
    },

    async hasRun(workflowId) {
      try {
        await client.workflow.getHandle(workflowId).describe();
        return true;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },

    async pause(dagId, note) {
      await client.schedule.getHandle(dagScheduleId(dagId)).pause(note);
      try {
        await client.workflow.getHandle(continuousWorkflowId(dagId)).signal('pause');
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
  };
}

/** A run that a person or an overlap policy stopped has not failed. */
const endStates: Partial<Record<string, EndedRun['state']>> = {
  COMPLETED: 'success',
  FAILED: 'failed',
  TIMED_OUT: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'cancelled',
};
