import { fireTimes, firstRunTime } from '../../core/schedule/fire-times.js';
import type { Gap } from '../../core/schedule/gaps.js';
import { runWorkflowId } from '../../core/ids.js';
import type { DataInterval } from '../../core/interval.js';
import { limits } from '../../core/limits.js';
import { listIntervals } from '../../core/schedule/schedule-intervals.js';
import {
  countsFailures,
  hasFireTimes,
  type ScheduleSpec,
  type TimedSchedule,
} from '../../core/schedule/schedule-spec.js';
import type { InspectRequest, Inspection } from '../../core/schedule/schedule-watch.js';
import type { Stage } from '../deps.js';
import type { RunSpan, TemporalSchedules } from './temporal-schedules.js';

/**
 * Compares the fire times of a schedule that have passed with the runs that exist. A fire time counts only when its run
 * cannot come any more: beyond its jitter and a moment of grace, and not while runs wait for the end of another.
 */
export function createInspectSchedule(schedules: TemporalSchedules): Stage<InspectRequest, Inspection> {
  return async ({ dagId, schedule, since, gaps }) => {
    const at = new Date();
    const view = await schedules.describe(dagId);
    const found: Inspection = {
      isDeployed: view !== undefined,
      at: at.toISOString(),
      until: since,
      hasMore: false,
      missing: [],
      hasRun: false,
      isPaused: view?.isPaused ?? false,
      pauseNote: view?.note ?? '',
      counters: view?.counters ?? { missed: 0, skipped: 0 },
      ended: await endedRuns(schedules, dagId, schedule, since),
      filledGaps: await filledGaps(schedules, dagId, schedule, gaps),
    };
    if (view === undefined || !hasFireTimes(schedule)) return { ...found, until: at.toISOString() };
    const graceMs = schedule.jitterMs + limits.scheduleGraceMs;
    const next = nextFire(schedule, at);
    const { due, hasMore } = dueIntervals(schedule, since, new Date(at.getTime() - graceMs));
    const last = due.at(-1);
    const first = due[0];
    const rest = { ...found, hasMore, ...(next === undefined ? {} : { nextFireAt: next.toISOString() }) };
    if (first === undefined || last === undefined) return rest;
    const runs = await schedules.runsOf(dagId, first.end, last.end);
    const hasRun = ({ end }: DataInterval): boolean => runs.has(runWorkflowId(dagId, end));
    const settled =
      view.waiting === 0 ? due : due.slice(0, due.findLastIndex((interval) => hasRun(interval)) + 1);
    let missing = settled.filter((interval) => !hasRun(interval));
    if (missing.length <= limits.scheduleLookSingly) missing = await confirm(schedules, dagId, missing);
    return {
      ...rest,
      until: settled.at(-1)?.end ?? since,
      hasMore: hasMore && settled.length === due.length,
      hasRun: missing.length < settled.length,
      missing: await withBusy(schedules, dagId, missing),
    };
  };
}

/** Intervals whose fire time lies after `since` and has passed, oldest first, as many as one look takes. */
function dueIntervals(
  schedule: TimedSchedule,
  since: string,
  until: Date,
): { due: DataInterval[]; hasMore: boolean } {
  const times = fireTimes(schedule);
  const due: DataInterval[] = [];
  const first = firstRunTime(schedule)?.toISOString();
  const from = new Date(Math.max(Date.parse(since), first === undefined ? 0 : Date.parse(first) - 1));
  const last =
    schedule.endAt !== undefined && new Date(schedule.endAt) < until ? new Date(schedule.endAt) : until;
  let start = times.before(new Date(from.getTime() + 1));
  let end = times.after(from);
  while (end !== undefined && end <= last) {
    if (due.length === limits.scheduleLookIntervals) return { due, hasMore: true };
    if (start !== undefined) due.push({ start: start.toISOString(), end: end.toISOString() });
    start = end;
    end = times.after(end);
  }
  return { due, hasMore: false };
}

function nextFire(schedule: TimedSchedule, after: Date): Date | undefined {
  const next = fireTimes(schedule).after(after);
  if (next === undefined || schedule.endAt === undefined) return next;
  return next.toISOString() <= schedule.endAt ? next : undefined;
}

/** The listing of runs lags a little; a run that is asked for by its id does not. */
async function confirm(
  schedules: TemporalSchedules,
  dagId: string,
  missing: readonly DataInterval[],
): Promise<DataInterval[]> {
  const found = await Promise.all(missing.map(({ end }) => schedules.hasRun(runWorkflowId(dagId, end))));
  return missing.filter((_, index) => found[index] !== true);
}

async function withBusy(
  schedules: TemporalSchedules,
  dagId: string,
  missing: readonly DataInterval[],
): Promise<Inspection['missing']> {
  const [first, last] = [missing[0], missing.at(-1)];
  if (first === undefined || last === undefined) return [];
  const spans = await schedules.runsWithin(dagId, first.end, last.end);
  return missing.map((interval) => ({
    interval,
    wasBusy: spans.some((span) => wasAhead(span, dagId, interval.end)),
  }));
}

/**
 * Whether a run was going at a fire time, or was itself due by then and ended later: runs that wait for one another start a
 * moment after the one before has ended, and a fire time may lie in that moment.
 */
export function wasAhead(
  { workflowId, startedAt, closedAt }: RunSpan,
  dagId: string,
  fireAt: string,
): boolean {
  const hadBegun = startedAt <= fireAt || workflowId <= runWorkflowId(dagId, fireAt);
  return hadBegun && (closedAt === undefined || fireAt <= closedAt);
}

async function endedRuns(
  schedules: TemporalSchedules,
  dagId: string,
  schedule: ScheduleSpec,
  since: string,
): Promise<Inspection['ended']> {
  return countsFailures(schedule) ? schedules.endedRuns(dagId, since) : [];
}

async function filledGaps(
  schedules: TemporalSchedules,
  dagId: string,
  schedule: ScheduleSpec,
  gaps: readonly Gap[],
): Promise<string[]> {
  if (!hasFireTimes(schedule)) return [];
  const filled: string[] = [];
  for (const gap of gaps) {
    const { intervals } = listIntervals({
      schedule,
      from: gap.from,
      to: gap.to,
      runBackwards: false,
      limit: limits.backfillMaxIntervals,
    });
    const runs = await schedules.runsOf(dagId, gap.from, gap.to);
    if (intervals.every(({ end }) => runs.has(runWorkflowId(dagId, end)))) filled.push(gap.id);
  }
  return filled;
}
