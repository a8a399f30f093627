import { describe, expect, test } from '@jest/globals';
import { addToGaps, gapId, gapStart, readNote, writeNote } from '../../core/schedule/gaps.js';
import type { DataInterval } from '../../core/interval.js';
import { limits } from '../../core/limits.js';
import { readSchedule } from '../../core/schedule/read-schedule.js';
import type { ScheduleOptions } from '../../core/schedule/schedule-options.js';
import type { Inspection } from '../../core/schedule/schedule-watch.js';
import { addPause, countEnded, firstWatchState, watchStep } from '../../core/schedule/watch-step.js';

const day = (number: number): string => new Date(Date.UTC(2026, 0, number)).toISOString();
const interval = (number: number): DataInterval => ({ start: day(number), end: day(number + 1) });

function inspectionOf(missing: number[], change: Partial<Inspection> = {}): Inspection {
  return {
    isDeployed: true,
    at: day(20),
    until: day(19),
    hasMore: false,
    missing: missing.map((number) => ({ interval: interval(number), wasBusy: false })),
    hasRun: true,
    isPaused: false,
    pauseNote: '',
    counters: { missed: missing.length, skipped: 0 },
    ended: [],
    filledGaps: [],
    ...change,
  };
}

const stepOf = (options: ScheduleOptions, inspection: Inspection, before = firstWatchState(day(1))) =>
  watchStep('orders', readSchedule(options, []), before, inspection);

describe('what a watch makes of missing runs', () => {
  test('adjoining intervals are one gap, others are another', () => {
    const { state, catchUp } = stepOf('@daily', inspectionOf([3, 4, 5, 8]));
    expect(state.gaps).toEqual([
      { id: '20260103T000000Z', from: day(3), to: day(6), count: 3, reason: 'missed' },
      { id: '20260108T000000Z', from: day(8), to: day(9), count: 1, reason: 'missed' },
    ]);
    expect(catchUp).toEqual([]);
    expect(state.outbox).toMatchObject([{ state: 'raised', alarm: { kind: 'run-missed', count: 4 } }]);
  });

  test('a catch-up takes the newest within count and window; the rest is dropped', () => {
    const { state, catchUp } = stepOf(
      { cron: '@daily', catchup: true, catchupMaxRuns: 2, catchupWindow: '13d' },
      inspectionOf([3, 4, 5, 8]),
    );
    expect(catchUp).toEqual([interval(8)]);
    expect(state.gaps.map(({ reason, count }) => [reason, count])).toEqual([['dropped', 3]]);
  });

  test('intervals of a pause have its reason, and raise no alarm', () => {
    const before = {
      ...firstWatchState(day(1)),
      pauses: addPause([], { from: day(4), to: day(6), reason: 'house move' }),
    };
    const { state } = stepOf('@daily', inspectionOf([3, 4, 5]), before);
    // A fire time belongs to the pause in which it lies: the interval of the 5th ends after it.
    expect(state.gaps.map(({ from, reason, note }) => [from, reason, note])).toEqual([
      [day(3), 'paused', 'house move'],
      [day(5), 'missed', undefined],
    ]);
  });

  test('a pause drops what waited before it', () => {
    const before = {
      ...firstWatchState(day(1)),
      pauses: addPause([], { from: day(6), to: day(9), reason: 'failed' }),
    };
    const waited = [3, 4, 5, 6].map((number) => ({ interval: interval(number), wasBusy: number > 3 }));
    const { state } = stepOf('@daily', inspectionOf([], { missing: waited }), before);
    expect(state.gaps.map(({ from, count, reason }) => [from, count, reason])).toEqual([
      [day(3), 1, 'missed'],
      [day(4), 3, 'paused'],
    ]);
  });

  test('a pause drops what waited before it, also where its last fire times are too young to be looked at', () => {
    const before = {
      ...firstWatchState(day(1)),
      pauses: addPause([], { from: day(9), reason: 'failed' }),
    };
    const missing = [3, 4, 5].map((number) => ({ interval: interval(number), wasBusy: true }));
    const reasons = (change: Partial<Inspection>) =>
      stepOf(
        { cron: '@daily', overlap: 'buffer-all' },
        inspectionOf([], { missing, isPaused: true, counters: { missed: 0, skipped: 0 }, ...change }),
        before,
      ).state.gaps.map(({ count, reason }) => [count, reason]);
    expect(reasons({ until: day(6) })).toEqual([[3, 'paused']]);
    // The fire time of the 7th has its run, so these did not wait for the same one.
    expect(reasons({ until: day(7) })).toEqual([[3, 'missed']]);
  });

  test('a pause that was made elsewhere is known by looking', () => {
    const { state } = stepOf(
      '@daily',
      inspectionOf([19], { isPaused: true, pauseNote: 'by hand', until: day(20) }),
      {
        ...firstWatchState(day(1)),
        since: day(19),
      },
    );
    expect(state.pauses).toMatchObject([{ reason: 'by hand' }]);
    expect(state.pauses[0]?.to).toBeUndefined();
  });

  test('left out by overlap: while another was going, or by the word of the counters', () => {
    const busy = inspectionOf([3], { missing: [{ interval: interval(3), wasBusy: true }] });
    expect(stepOf('@daily', busy).state.gaps).toMatchObject([{ reason: 'skipped' }]);
    const counted = inspectionOf([3], { counters: { missed: 0, skipped: 1 } });
    expect(stepOf('@daily', counted).state.gaps).toMatchObject([{ reason: 'skipped' }]);
    const neither = inspectionOf([3], { counters: { missed: 0, skipped: 0 } });
    expect(stepOf('@daily', neither).state.gaps).toMatchObject([{ reason: 'missed' }]);
  });

  test('one alarm stands for however many; a run on time after them ends it', () => {
    const first = stepOf('@daily', inspectionOf([3])).state;
    const second = stepOf('@daily', inspectionOf([4]), first).state;
    expect(second.alarms).toMatchObject([{ count: 2, lastAt: day(5) }]);
    expect(second.outbox).toHaveLength(1);
    const third = stepOf('@daily', inspectionOf([]), second).state;
    expect(third.alarms).toEqual([]);
    expect(third.outbox.map(({ state }) => state)).toEqual(['raised', 'recovered']);
  });

  test('a gap that has its runs is gone', () => {
    const { state } = stepOf('@daily', inspectionOf([3]));
    expect(
      stepOf('@daily', inspectionOf([], { filledGaps: ['20260103T000000Z'] }), state).state.gaps,
    ).toEqual([]);
  });
});

describe('failed runs in a row', () => {
  const schedule = readSchedule({ cron: '@daily', maxConsecutiveFailedRuns: 3 }, []);
  const run = (runId: string, state: 'success' | 'failed' | 'cancelled') => ({
    workflowId: runId,
    runId,
    state,
  });

  test('a success begins anew; a cancelled run and a repeat say nothing', () => {
    const first = countEnded(schedule, firstWatchState(day(1)), [
      run('1', 'failed'),
      run('2', 'success'),
      run('3', 'failed'),
      run('4', 'cancelled'),
      run('5', 'failed'),
      run('5', 'failed'),
    ]);
    expect([first.state.failedRuns, first.failing]).toEqual([2, undefined]);
    const second = countEnded(schedule, first.state, [run('5', 'failed'), run('6', 'failed')]);
    expect(second.failing).toMatchObject({ runId: '6' });
  });
});

describe('gaps', () => {
  test('never more than the limit, and none is lost: the oldest become one', () => {
    const odd = Array.from({ length: limits.gapsPerDag + 5 }, (_, index) => interval(1 + index * 2));
    const gaps = addToGaps([], odd, 'missed');
    expect(gaps).toHaveLength(limits.gapsPerDag);
    expect(gaps[0]).toMatchObject({ from: day(1), count: 6 });
    expect(gaps.reduce((sum, { count }) => sum + count, 0)).toBe(odd.length);
  });

  test('an interval is filed once', () => {
    const gaps = addToGaps([], [interval(1), interval(2)], 'missed');
    expect(addToGaps(gaps, [interval(2)], 'skipped')).toEqual(gaps);
  });

  test('a note keeps its reason and its time; one from elsewhere has none', () => {
    expect(readNote(writeNote('a (b) c', 'paused', day(1)))).toEqual({
      reason: 'a (b) c',
      verb: 'paused',
      at: day(1),
    });
    expect(readNote('by hand')).toEqual({ reason: 'by hand' });
  });

  test('an id tells its start', () => {
    expect(gapStart(gapId(day(9)))).toBe(day(9));
    expect(gapStart('soon')).toBeUndefined();
  });
});
