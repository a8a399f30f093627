import { noticeOf, type Alarm, type AlarmKind, type AlarmNotice, type ScheduleAlarmKind } from '../alarms.js';
import { addToGaps, pauseAt, readNote, type Gap, type Pause } from './gaps.js';
import type { DataInterval } from '../interval.js';
import { limits } from '../limits.js';
import type { ScheduleSpec } from './schedule-spec.js';
import { hasFireTimes } from './schedule-spec.js';
import type { EndedRun, Inspection, WatchState } from './schedule-watch.js';

/** The state of a watch that has seen nothing yet. */
export function firstWatchState(since: string): WatchState {
  return {
    since,
    gaps: [],
    pauses: [],
    alarms: [],
    outbox: [],
    failedRuns: 0,
    countedRuns: [],
    counters: { missed: 0, skipped: 0 },
  };
}

/** What a watch learns from one inspection: the next state, and the missed intervals that are to run after all. */
export interface WatchStep {
  readonly state: WatchState;
  readonly catchUp: readonly DataInterval[];
}

/** Files every missing interval under its reason, raises or ends alarms, and moves on. */
export function watchStep(
  dagId: string,
  schedule: ScheduleSpec,
  before: WatchState,
  inspection: Inspection,
): WatchStep {
  const pauses = notePause(before.pauses, inspection);
  let gaps: Gap[] = [...before.gaps];
  const missed: DataInterval[] = [];
  const skipped: DataInterval[] = [];
  const ofPauses = pausesOf(inspection, before, pauses);
  for (const { interval, wasBusy } of inspection.missing) {
    const pause = ofPauses.get(interval.end);
    if (pause !== undefined) {
      gaps = addToGaps(gaps, [interval], 'paused', { note: pause.reason });
      continue;
    }
    if (isSkipped(schedule, before, inspection, wasBusy)) {
      gaps = addToGaps(gaps, [interval], 'skipped');
      skipped.push(interval);
    } else missed.push(interval);
  }
  const catchUp = intervalsToCatchUp(schedule, missed, inspection.at);
  const firstCaught = catchUp[0]?.start;
  for (const interval of missed) {
    if (firstCaught !== undefined && interval.start >= firstCaught) continue;
    const isDropped = hasFireTimes(schedule) && schedule.catchup;
    gaps = addToGaps(gaps, [interval], isDropped ? 'dropped' : 'missed');
  }
  const state: WatchState = {
    ...before,
    since: inspection.until,
    pauses,
    // While runs are missing, the counters stay where they were before: they run ahead of the fire times looked at.
    counters: inspection.missing.length === 0 ? inspection.counters : before.counters,
    gaps: gaps.filter(({ id }) => !inspection.filledGaps.includes(id)),
  };
  const alarms = [['run-missed', missed] as const, ['run-skipped', skipped] as const].reduce(
    (next, [kind, intervals]) =>
      intervals.length === 0
        ? next
        : raise(next, dagId, kind, intervals.length, intervals.at(-1)?.end ?? '', inspection.at),
    state,
  );
  const isQuiet = missed.length === 0 && skipped.length === 0;
  const settled = isQuiet && inspection.hasRun ? recover(alarms, inspection) : alarms;
  return { state: inspection.isPaused ? settled : resumed(settled, inspection.at), catchUp };
}

/** Counts ended runs; true when the schedule must pause now. */
export function countEnded(
  schedule: ScheduleSpec,
  before: WatchState,
  ended: readonly EndedRun[],
): { state: WatchState; failing: EndedRun | undefined } {
  let { failedRuns } = before;
  const counted = [...before.countedRuns];
  const limit = 'maxConsecutiveFailedRuns' in schedule ? schedule.maxConsecutiveFailedRuns : undefined;
  let failing: EndedRun | undefined;
  for (const run of ended) {
    if (counted.includes(run.runId)) continue;
    counted.push(run.runId);
    if (run.state === 'success') failedRuns = 0;
    if (run.state === 'failed') failedRuns += 1;
    failing = limit !== undefined && run.state === 'failed' && failedRuns >= limit ? run : undefined;
  }
  return {
    state: { ...before, failedRuns, countedRuns: counted.slice(-limits.countedRunsPerDag) },
    failing,
  };
}

/** Raises an alarm, or adds to the one that is open already, which tells nobody again. */
export function raise(
  state: WatchState,
  dagId: string,
  kind: ScheduleAlarmKind,
  count: number,
  lastAt: string,
  at: string,
  reason = '',
): WatchState {
  const open = state.alarms.find((alarm) => alarm.kind === kind);
  const total = (open?.count ?? 0) + count;
  const alarm: Alarm = {
    id: open?.id ?? `${dagId}/${kind}/${at}`,
    dagId,
    kind,
    raisedAt: open?.raisedAt ?? at,
    count: total,
    lastAt,
    message: messageOf(dagId, kind, total, lastAt, reason),
  };
  return {
    ...state,
    alarms: [...state.alarms.filter((other) => other.kind !== kind), alarm],
    outbox: open === undefined ? send(state.outbox, noticeOf(alarm, 'raised', at)) : state.outbox,
  };
}

/** Ends the alarms of a kind. */
export function lower(state: WatchState, kinds: readonly AlarmKind[], at: string): WatchState {
  const over = state.alarms.filter(({ kind }) => kinds.includes(kind));
  return {
    ...state,
    alarms: state.alarms.filter((alarm) => !over.includes(alarm)),
    outbox: over.reduce((outbox, alarm) => send(outbox, noticeOf(alarm, 'recovered', at)), state.outbox),
  };
}

/** A pause began, or one that is open ends. */
export function addPause(pauses: readonly Pause[], pause: Pause): Pause[] {
  const others = pauses.filter(({ from, to }) => to !== undefined && from !== pause.from);
  return [...others, pause].slice(-limits.pausesPerDag);
}

/** Pauses that were made or lifted elsewhere, in Temporal's UI for one, become known by looking. */
function notePause(pauses: readonly Pause[], { isPaused, pauseNote, at, until }: Inspection): Pause[] {
  const open = pauses.find(({ to }) => to === undefined);
  const note = readNote(pauseNote);
  if (isPaused && open === undefined)
    return addPause(pauses, { from: note.at ?? until, reason: note.reason === '' ? 'paused' : note.reason });
  if (!isPaused && open !== undefined) return addPause(pauses, { ...open, to: note.at ?? at });
  return [...pauses];
}

/**
 * The pause that kept each missing interval from running. A pause also drops runs that were due before it and waited for
 * another to end: those that reach up to it without a run in between, unless the server says that it missed some. The last
 * fire time looked at reaches up to a pause too: those between the two are not yet looked at, and came after it in the queue.
 */
function pausesOf(
  { missing, counters, until, hasMore }: Inspection,
  before: WatchState,
  pauses: readonly Pause[],
): ReadonlyMap<string, Pause> {
  const found = new Map<string, Pause>();
  let next: { start: string; pause: Pause | undefined } | undefined;
  for (const { interval, wasBusy } of [...missing].reverse()) {
    const { start, end } = interval;
    const following = new Date(2 * Date.parse(end) - Date.parse(start)).toISOString();
    const isLast = end === until && !hasMore;
    const dropping =
      next?.start === end
        ? next.pause
        : pauses.find(({ from }) => end <= from && (from < following || isLast));
    const mayHaveWaited = wasBusy && counters.missed === before.counters.missed;
    const pause = pauseAt(pauses, end) ?? (mayHaveWaited ? dropping : undefined);
    if (pause !== undefined) found.set(end, pause);
    next = { start, pause };
  }
  return found;
}

/**
 * A run is left out by overlap when another was going at its time; after an outage also when the first of the late ones was,
 * which only the server's counters tell.
 */
function isSkipped(
  schedule: ScheduleSpec,
  { counters: before }: WatchState,
  { counters }: Inspection,
  wasBusy: boolean,
): boolean {
  const leavesOut =
    'overlap' in schedule && (schedule.overlap === 'skip' || schedule.overlap === 'buffer-one');
  if (wasBusy && leavesOut) return true;
  return counters.skipped > before.skipped && counters.missed === before.missed;
}

/** Missed intervals within the window, the newest `catchupMaxRuns` of them. */
function intervalsToCatchUp(
  schedule: ScheduleSpec,
  missed: readonly DataInterval[],
  at: string,
): DataInterval[] {
  if (!hasFireTimes(schedule) || !schedule.catchup) return [];
  const from = new Date(Date.parse(at) - schedule.catchupWindowMs).toISOString();
  const within = missed.filter(({ end }) => end >= from);
  return schedule.catchupMaxRuns === undefined ? within : within.slice(-schedule.catchupMaxRuns);
}

/** A DAG that runs again, by whatever hand, begins to count anew. */
function resumed(state: WatchState, at: string): WatchState {
  const isAlarmed = state.alarms.some(({ kind }) => kind === 'dag-paused');
  return isAlarmed ? { ...lower(state, ['dag-paused'], at), failedRuns: 0 } : state;
}

function recover(state: WatchState, inspection: Inspection): WatchState {
  const over = state.alarms.filter(({ kind, lastAt }) => kind !== 'dag-paused' && inspection.until > lastAt);
  return lower(
    state,
    over.map(({ kind }) => kind),
    inspection.at,
  );
}

function send(outbox: readonly AlarmNotice[], notice: AlarmNotice): AlarmNotice[] {
  return [...outbox, notice].slice(-limits.alarmOutbox);
}

function messageOf(
  dagId: string,
  kind: ScheduleAlarmKind,
  count: number,
  lastAt: string,
  reason: string,
): string {
  const runs = count === 1 ? '1 run' : `${String(count)} runs`;
  const look = `"millrace dag gaps ${dagId}" lists what is open`;
  switch (kind) {
    case 'run-missed':
      return `DAG "${dagId}": ${runs} did not start in time, the last due at ${lastAt}; ${look}`;
    case 'run-skipped':
      return `DAG "${dagId}": ${runs} left out because another was going, the last due at ${lastAt}; ${look}`;
    case 'dag-paused':
      return `DAG "${dagId}" was paused: ${reason}; correct it, then "millrace dag unpause ${dagId}"`;
  }
}
