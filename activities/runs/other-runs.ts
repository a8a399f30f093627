import type { Activities } from '../../core/activities.js';
import type { DagSensorTask, ScheduleSpec } from '../../core/dag/dag-spec.js';
import { PipelineError } from '../../core/errors/index.js';
import type { DataInterval } from '../../core/interval.js';
import type { StageRequest } from '../../core/run/run.js';
import { listIntervals } from '../../core/schedule/schedule-intervals.js';
import type { ActivityDeps, Stage } from '../deps.js';

type PastRequest = Parameters<Activities['awaitPast']>[0];

/**
 * Waits for the previous interval's run. There is nothing to wait for where no such run exists: it is the first, or was
 * never meant to be. A task that failed there holds this one back until somebody clears it (Airflow's rule).
 *
 * @throws PipelineError NOT_YET
 */
export function createAwaitPast({ runs }: ActivityDeps): Stage<PastRequest, null> {
  return async ({ context, taskId, tasks }) => {
    const { dagId, interval } = context;
    if (interval === undefined) return null;
    const past = await runs.standing(dagId, interval.start);
    if (past === undefined) return null;
    const isGood = tasks.every((id) => past.tasks[id] === 'success' || past.tasks[id] === 'skipped');
    if (isGood) return null;
    throw new PipelineError('NOT_YET', { taskId });
  };
}

/**
 * One look at the run of another DAG: the one whose logical date is that of this run, shifted into the past.
 *
 * @throws PipelineError NOT_YET, UPSTREAM_RUN_FAILED, USAGE (no interval), DAG_NOT_FOUND
 */
export function createPokeDag({ runs }: ActivityDeps): Stage<StageRequest<DagSensorTask>, null> {
  return async ({ context, task }) => {
    const notYet = new PipelineError(
      'NOT_YET',
      { taskId: task.id },
      { retryAfterMs: task.poke.pokeIntervalMs },
    );
    if (context.interval === undefined) {
      throw new PipelineError('USAGE', {
        problem: `Task "${task.id}" waits for the run of the same interval, and this run has none`,
        hint: 'Start the run with an interval',
      });
    }
    const { spec } = await runs.deployed(task.dagId);
    const start = new Date(Date.parse(context.interval.start) - task.executionDeltaMs).toISOString();
    const other = intervalStartingAt(spec.schedule, start) ?? context.interval;
    const standing = await runs.standing(task.dagId, other.end);
    if (standing === undefined) throw notYet;
    const failed = (what: string, state: string): PipelineError =>
      new PipelineError('UPSTREAM_RUN_FAILED', { what, state, taskId: task.id });
    if (task.taskIds.length === 0) {
      if (standing.state === 'failed') throw failed(`The run of "${task.dagId}" at ${other.start}`, 'failed');
      if (standing.state === 'success') return null;
      throw notYet;
    }
    for (const id of task.taskIds) {
      const state = standing.tasks[id] ?? 'none';
      if (state === 'failed' || state === 'upstream_failed' || state === 'skipped')
        throw failed(`Task "${task.dagId}/${id}" at ${other.start}`, state);
      if (state !== 'success') throw notYet;
    }
    return null;
  };
}

/** Whether the schedule has no later interval that has ended by `now`. */
export function isLatestInterval(schedule: ScheduleSpec, interval: DataInterval, now: string): boolean {
  const next = intervalStartingAt(schedule, interval.end);
  return next === undefined || next.end > now;
}

function intervalStartingAt(schedule: ScheduleSpec, start: string): DataInterval | undefined {
  try {
    const { intervals } = listIntervals({
      schedule,
      from: start,
      to: new Date(Date.parse(start) + 1).toISOString(),
      runBackwards: false,
      limit: 1,
    });
    return intervals[0] ?? undefined;
  } catch {
    return undefined;
  }
}
