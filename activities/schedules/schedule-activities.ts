import type { AlarmBook } from '../../core/alarms.js';
import { readNote, writeNote } from '../../core/schedule/gaps.js';
import type { ScheduleActivities } from '../../core/schedule/schedule-watch.js';
import { toActivity } from '../boundary.js';
import type { ActivityDeps } from '../deps.js';
import { createInspectSchedule } from './inspect-schedule.js';
import type { TemporalSchedules } from './temporal-schedules.js';

/** What the activities that look after schedules need besides. */
export interface ScheduleDeps {
  readonly schedules: TemporalSchedules;
  readonly alarms: Pick<AlarmBook, 'forward'>;
}

/** The activities of watches, behind the boundary. */
export function createScheduleActivities(
  deps: Pick<ActivityDeps, 'logger'>,
  { schedules, alarms }: ScheduleDeps,
): ScheduleActivities {
  return {
    inspectSchedule: toActivity(createInspectSchedule(schedules), deps),
    pauseDag: toActivity(async ({ dagId, reason, at }) => {
      const view = await schedules.describe(dagId);
      if (view === undefined || view.isPaused) return;
      // An attempt whose report was lost is made again; somebody may have resumed the DAG since.
      const note = readNote(view.note);
      if (note.verb === 'resumed' && (note.at ?? '') >= at) return;
      await schedules.pause(dagId, writeNote(reason, 'paused', at));
    }, deps),
    sendNotice: toActivity((notice) => alarms.forward(notice), deps),
  };
}
