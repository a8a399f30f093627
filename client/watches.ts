import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Alarm } from '../core/alarms.js';
import { PipelineError } from '../core/errors/index.js';
import { fireTimes, firstRunTime } from '../core/schedule/fire-times.js';
import { addToGaps, gapStart, type Gap } from '../core/schedule/gaps.js';
import { runWorkflowId, watchWorkflowId } from '../core/ids.js';
import type { DataInterval } from '../core/interval.js';
import { limits } from '../core/limits.js';
import { listIntervals } from '../core/schedule/schedule-intervals.js';
import { hasFireTimes } from '../core/schedule/schedule-spec.js';
import type { WatchState } from '../core/schedule/schedule-watch.js';
import { createTemporalSchedules } from '../activities/schedules/temporal-schedules.js';
import { gapBackfillSignal, pausedSignal, resumedSignal } from '../workflows/schedule-messages.js';
import { getDag, type DeployedDag } from './deployment.js';

type Published = Pick<WatchState, 'gaps' | 'pauses' | 'alarms'>;

/** Open alarms of every DAG, oldest first. */
export async function listAlarms(client: Client): Promise<Alarm[]> {
  const alarms: Alarm[] = [];
  const query = 'WorkflowType = "watchDag" AND ExecutionStatus = "Running"';
  for await (const { memo } of client.workflow.list({ query })) {
    alarms.push(...((memo?.['millrace'] as Published | undefined)?.alarms ?? []));
  }
  return alarms.sort((a, b) => (a.raisedAt < b.raisedAt ? -1 : 1));
}

/**
 * Intervals of a DAG that have no run, oldest first: what its watch has filed, and those of a pause that goes on.
 *
 * @throws PipelineError DAG_NOT_FOUND
 */
export async function listGaps(client: Client, dagId: string): Promise<Gap[]> {
  const dag = await getDag(client, dagId);
  const filed = (await published(client, dagId)).gaps;
  if (!dag.isPaused || dag.pausedAt === undefined) return [...filed];
  const { gap } = await gapOfPause(client, dag, dag.pausedAt, new Date().toISOString());
  const isFiled = gap === undefined || filed.some((other) => other.from <= gap.from && gap.from < other.to);
  if (gap === undefined) return [...filed];
  return isFiled ? filed.map((other) => (other.id === gap.id ? gap : other)) : [...filed, gap];
}

/** @throws PipelineError DAG_NOT_FOUND, RUN_NOT_FOUND where the DAG has no such gap */
export async function getGap(client: Client, dagId: string, id: string): Promise<Gap> {
  const gaps = await listGaps(client, dagId);
  const start = gapStart(id);
  const gap =
    gaps.find((item) => item.id === id) ??
    // A gap may have grown to the front, or become one with its neighbour, since its id was told.
    gaps.find(({ from, to }) => start !== undefined && from <= start && start < to);
  if (gap !== undefined) return gap;
  throw new PipelineError('RUN_NOT_FOUND', { what: 'gap', id, command: `millrace dag gaps ${dagId}` });
}

/** The intervals that a pause kept from running: as one gap, and the first few of them by name. */
export interface PauseGap {
  readonly gap?: Gap;
  readonly intervals: readonly DataInterval[];
}

/** What did not run in `[from, to)`. */
export async function gapOfPause(
  client: Client,
  dag: DeployedDag,
  from: string,
  to: string,
): Promise<PauseGap> {
  const { schedule, id } = dag.spec;
  if (!hasFireTimes(schedule)) return { intervals: [] };
  const listed = listIntervals({
    schedule,
    from: fireTimes(schedule).before(new Date(from))?.toISOString() ?? from,
    to,
    runBackwards: false,
    limit: limits.backfillMaxIntervals,
  });
  // A pause may begin before the first run time of the schedule, and end after its last.
  const firstEnd = firstRunTime(schedule)?.toISOString() ?? from;
  const lastEnd = schedule.endAt ?? to;
  const due = listed.intervals.filter(
    ({ end }) => from <= end && firstEnd <= end && end < to && end <= lastEnd,
  );
  const [first, last] = [due[0], due.at(-1)];
  if (first === undefined || last === undefined) return { intervals: [] };
  const runs = await createTemporalSchedules(client).runsOf(id, first.end, last.end);
  const missing = due.filter(({ end }) => !runs.has(runWorkflowId(id, end)));
  if (missing.length === 0) return { intervals: [] };
  const gaps = addToGaps([], missing, 'paused', { note: dag.pauseReason });
  const oldest = gaps[0];
  const newest = gaps.at(-1);
  if (oldest === undefined || newest === undefined) return { intervals: [] };
  return {
    gap: { ...oldest, to: newest.to, count: missing.length },
    intervals: missing.slice(0, limits.gapSamples),
  };
}

/** Tells the watch of a pause; a DAG without one, or whose watch learns of it by looking, is no error. */
export async function tellPaused(client: Client, dagId: string, from: string, reason: string): Promise<void> {
  await tell(client, dagId, (handle) => handle.signal(pausedSignal, { from, reason }));
}

export async function tellResumed(
  client: Client,
  dagId: string,
  pause: { from: string; to: string; reason: string },
): Promise<void> {
  await tell(client, dagId, (handle) => handle.signal(resumedSignal, pause));
}

export async function tellBackfill(
  client: Client,
  dagId: string,
  gapId: string,
  backfillId: string,
): Promise<void> {
  await tell(client, dagId, (handle) => handle.signal(gapBackfillSignal, { gapId, backfillId }));
}

async function tell(
  client: Client,
  dagId: string,
  work: (handle: ReturnType<Client['workflow']['getHandle']>) => Promise<void>,
): Promise<void> {
  try {
    await work(client.workflow.getHandle(watchWorkflowId(dagId)));
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

async function published(client: Client, dagId: string): Promise<Published> {
  const nothing: Published = { gaps: [], pauses: [], alarms: [] };
  try {
    const { memo } = await client.workflow.getHandle(watchWorkflowId(dagId)).describe();
    return (memo?.['millrace'] as Published | undefined) ?? nothing;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return nothing;
    throw error;
  }
}
