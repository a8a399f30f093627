import { ServiceError, type Client } from '@temporalio/client';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import { instantText } from '../../core/schedule/cron-text.js';
import { clockChanges, wallTime } from '../../core/schedule/cron.js';
import { fireTimes } from '../../core/schedule/fire-times.js';
import { limits } from '../../core/limits.js';
import type { CronText, ScheduleSpec } from '../../core/schedule/schedule-spec.js';
import { noCorrections, temporalTimes, type Corrections } from './schedule-times.js';

/** A clock change and its surroundings, in which a server may fire otherwise than the calendar says. */
const aroundMs = 36 * 3_600_000;
const yearMs = 366 * 86_400_000;

/**
 * What must be added to a schedule, and left out of it, so that a server fires exactly the times of `fireTimes`. Around
 * changes of the clocks servers fire other times than documented (1.29 repeats the wrong hour in zones east of Greenwich,
 * and takes the wrong weekday where a day begins at one o'clock). The server itself is asked, through a paused schedule
 * that is removed again, for the years to come; what it gets right needs no correction.
 */
export async function clockCorrections(
  client: Client,
  probeId: string,
  schedule: ScheduleSpec,
  now: Date,
): Promise<Corrections> {
  if (schedule.kind !== 'cron') return noCorrections;
  const horizon = new Date(now.getTime() + limits.scheduleClockYears * yearMs);
  const changes = clockChanges(schedule.timezone, now, horizon);
  if (changes.length === 0) return noCorrections;
  const { startAt: _start, endAt: _end, ...always } = schedule;
  const handle = client.schedule.getHandle(probeId);
  const spec = (corrections: Corrections) => ({
    spec: temporalTimes(always, now, corrections),
    action: { type: 'startWorkflow' as const, workflowType: 'none', workflowId: probeId, taskQueue: 'none' },
    state: { paused: true, note: 'asked for its times while a DAG is deployed' },
  });
  await handle.delete().catch(() => undefined);
  await client.schedule.create({ scheduleId: probeId, ...spec(noCorrections) });
  try {
    let corrections = noCorrections;
    let open = changes;
    // Each correction moves the point from which the server looks on, so that it may need another.
    for (let round = 0; round < limits.scheduleProbeRounds && open.length > 0; round += 1) {
      if (round > 0) await handle.update(() => spec(corrections));
      const found = await Promise.all(open.map((change) => compareAround(client, probeId, always, change)));
      open = open.filter((_, index) => found[index]?.isSame === false);
      corrections = {
        add: [...corrections.add, ...found.flatMap(({ add }) => add)].slice(0, limits.scheduleMaxCorrections),
        leaveOut: [...corrections.leaveOut, ...found.flatMap(({ leaveOut }) => leaveOut)].slice(
          0,
          limits.scheduleMaxCorrections,
        ),
      };
    }
    return corrections;
  } finally {
    await handle.delete();
  }
}

async function compareAround(
  client: Client,
  probeId: string,
  schedule: ScheduleSpec & { kind: 'cron' },
  change: Date,
): Promise<{ isSame: boolean; add: Date[]; leaveOut: CronText[] }> {
  const from = new Date(change.getTime() - aroundMs);
  const { times: served, to } = await serverTimes(
    client,
    probeId,
    from,
    new Date(change.getTime() + aroundMs),
  );
  const wanted = new Set<number>();
  const times = fireTimes(schedule);
  for (let time = times.after(from); time !== undefined && time <= to; time = times.after(time))
    wanted.add(time.getTime());
  const wallOf = (time: number): string => wallTime(schedule.timezone, new Date(time)).toISOString();
  const wantedWalls = new Set([...wanted].map(wallOf));
  const missing = [...wanted].filter((time) => !served.has(time));
  const wrong = [...served].filter((time) => !wanted.has(time));
  return {
    isSame: missing.length + wrong.length === 0,
    add: missing.map((time) => new Date(time)),
    leaveOut: wrong
      .map(wallOf)
      .filter((wall) => !wantedWalls.has(wall))
      .map((wall) => instantText(wall)),
  };
}

/** The server's own times in `(from, to]`; `to` moves back where a schedule is so dense that it fills every page. */
async function serverTimes(
  client: Client,
  scheduleId: string,
  from: Date,
  to: Date,
): Promise<{ times: Set<number>; to: Date }> {
  const times = new Set<number>();
  let after = from;
  for (let page = 0; page < limits.scheduleProbePages; page += 1) {
    const found = (await matchingTimes(client, scheduleId, after, to)).filter(
      (time) => time > after.getTime(),
    );
    for (const time of found) times.add(time);
    if (found.length < pageTimes) return { times, to };
    after = new Date(found.at(-1) ?? 0);
  }
  return { times, to: after };
}

/** A server lists so many times at once, and sometimes one less. */
const pageTimes = 999;

/** A schedule that was made this moment does not answer yet. */
async function matchingTimes(client: Client, scheduleId: string, from: Date, to: Date): Promise<number[]> {
  const { namespace } = client.options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const found = await client.workflowService.listScheduleMatchingTimes({
        namespace,
        scheduleId,
        startTime: msToTs(from.getTime()),
        endTime: msToTs(to.getTime()),
      });
      return found.startTime.map((time) => tsToMs(time));
    } catch (error) {
      if (attempt === limits.scheduleProbeMaxTries || error instanceof ServiceError) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
