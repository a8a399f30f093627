import {
  condition,
  continueAsNew,
  ParentClosePolicy,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  startChild,
  upsertMemo,
  workflowInfo,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { dagDefaults } from '../core/dag/dag-defaults.js';
import { backfillWorkflowId } from '../core/ids.js';
import type { DataInterval } from '../core/interval.js';
import { addToGaps, type Gap } from '../core/schedule/gaps.js';
import { canonicalJson } from '../core/json.js';
import { limits } from '../core/limits.js';
import type {
  EndedRun,
  Inspection,
  ScheduleActivities,
  WatchState,
} from '../core/schedule/schedule-watch.js';
import {
  addPause,
  countEnded,
  firstWatchState,
  lower,
  raise,
  watchStep,
} from '../core/schedule/watch-step.js';
import { backfillDag } from './backfill.js';
import { deploySignal, stopSignal, type PinnedSpec } from './messages.js';
import {
  gapBackfillSignal,
  lookSignal,
  pausedSignal,
  resumedSignal,
  runEndedSignal,
  watchStateQuery,
  type WatchInput,
} from './schedule-messages.js';
import { dagAttribute, modeAttribute } from './search-attributes.js';

const { inspectSchedule, pauseDag } = proxyActivities<ScheduleActivities>({
  startToCloseTimeout: '2m',
  heartbeatTimeout: limits.watchHeartbeatMs,
  retry: { maximumInterval: '1m' },
});
const { sendNotice } = proxyActivities<Pick<ScheduleActivities, 'sendNotice'>>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: limits.watchHeartbeatMs,
  retry: { maximumAttempts: 2 },
});

/**
 * Looks after the schedule of one DAG: finds fire times that passed without a run, files them as gaps with their reason,
 * starts the catch-up of missed ones where the schedule has one, raises and ends alarms, and pauses the DAG after too many
 * failed runs. What it knows is in its memo, which can be read without a worker.
 */
export async function watchDag(input: WatchInput): Promise<void> {
  let pinned: PinnedSpec = { spec: input.spec, specHash: input.specHash };
  let state = input.carried ?? firstWatchState(input.since);
  let { deployed } = input;
  const ended: EndedRun[] = [];
  let isStopping = false;
  let isWoken = true;
  let rounds = 0;
  let memo = '';

  const wake = (change?: WatchState) => {
    if (change !== undefined) state = change;
    isWoken = true;
  };
  setHandler(watchStateQuery, () => state);
  setHandler(lookSignal, () => wake());
  setHandler(stopSignal, () => {
    isStopping = true;
  });
  setHandler(deploySignal, (next) => {
    deployed = next;
    wake();
  });
  setHandler(runEndedSignal, (run) => {
    ended.push(run);
    wake();
  });
  setHandler(pausedSignal, ({ from, reason }) => {
    wake({ ...state, pauses: addPause(state.pauses, { from, reason }) });
  });
  setHandler(resumedSignal, (pause) => {
    const resumed = { ...state, pauses: addPause(state.pauses, pause), failedRuns: 0 };
    wake(lower(resumed, ['dag-paused'], pause.to));
  });
  setHandler(gapBackfillSignal, ({ gapId, backfillId }) => {
    wake({ ...state, gaps: state.gaps.map((gap) => (gap.id === gapId ? { ...gap, backfillId } : gap)) });
  });

  /** Every fire time since the last look, a page at a time. */
  const inspect = async (gaps: readonly Gap[]): Promise<Inspection> => {
    const { id: dagId, schedule } = pinned.spec;
    let page = await inspectSchedule({ dagId, schedule, since: state.since, gaps });
    let { missing, hasRun } = page;
    const { filledGaps } = page;
    for (let pages = 1; page.hasMore && pages < limits.scheduleLookPages; pages += 1) {
      page = await inspectSchedule({ dagId, schedule, since: page.until, gaps: [] });
      missing = [...missing, ...page.missing];
      hasRun ||= page.hasRun;
    }
    return { ...page, missing, hasRun, filledGaps };
  };

  const look = async (): Promise<Inspection> => {
    rounds += 1;
    let inspection = await inspect(gapsToCheck(state, rounds));
    if (inspection.missing.length > 0 && !inspection.isPaused) {
      // A server that comes back needs a moment to start what it missed.
      await sleep(limits.scheduleConfirmMs);
      const again = await inspect([]);
      const first = new Set(inspection.missing.map(({ interval }) => interval.end));
      const missing = again.missing.filter(({ interval }) => first.has(interval.end));
      inspection = { ...again, until: inspection.until, missing, filledGaps: inspection.filledGaps };
    }
    const step = watchStep(pinned.spec.id, pinned.spec.schedule, state, inspection);
    state = step.state;
    if (step.catchUp.length > 0) await catchUp(step.catchUp);
    return inspection;
  };

  const catchUp = async (intervals: readonly DataInterval[]): Promise<void> => {
    const backfillId = await startCatchUp(pinned, intervals);
    state = { ...state, gaps: addToGaps(state.gaps, intervals, 'missed', { backfillId }) };
  };

  const pauseFailing = async (failing: EndedRun): Promise<void> => {
    const at = new Date().toISOString();
    const reason = `${String(state.failedRuns)} scheduled runs failed in a row, the last ${failing.workflowId}`;
    await pauseDag({ dagId: pinned.spec.id, reason, at });
    state = raise(
      { ...state, pauses: addPause(state.pauses, { from: at, reason }) },
      pinned.spec.id,
      'dag-paused',
      1,
      at,
      at,
      reason,
    );
  };

  const publish = () => {
    const { gaps, pauses, alarms } = state;
    const next = { gaps, pauses, alarms };
    if (canonicalJson(next) === memo) return;
    memo = canonicalJson(next);
    upsertMemo({ millrace: next });
    setCurrentDetails(
      `**${pinned.spec.id}** · ${String(gaps.length)} gaps · ${String(alarms.length)} alarms\n\n${alarms.map(({ message }) => `- ${message}`).join('\n')}`,
    );
  };

  while (!isStopping) {
    isWoken = false;
    const inspection = await look();
    if (!inspection.isDeployed) return;
    const counting = countEnded(pinned.spec.schedule, state, [...ended.splice(0), ...inspection.ended]);
    state = counting.state;
    if (counting.failing !== undefined && !inspection.isPaused) await pauseFailing(counting.failing);
    for (const notice of state.outbox) {
      const isSent = await sendNotice(notice).then(
        () => true,
        () => false,
      );
      if (isSent) state = { ...state, outbox: state.outbox.filter(({ id }) => id !== notice.id) };
    }
    publish();
    // A changed schedule holds from now on; what passed before is judged by the one that it replaces.
    if (deployed !== undefined && !inspection.hasMore) {
      pinned = deployed;
      deployed = undefined;
      state = { ...state, since: inspection.at };
    }
    if (workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > limits.watchHistoryEvents) {
      const carried = { since: state.since, carried: state };
      await continueAsNew<typeof watchDag>({
        ...pinned,
        ...carried,
        ...(deployed === undefined ? {} : { deployed }),
      });
    }
    if (inspection.hasMore) continue;
    await condition(() => isWoken || isStopping, waitMs(inspection, state));
  }
}

/** Those whose backfill runs, and the others in turn. */
function gapsToCheck({ gaps }: WatchState, round: number): Gap[] {
  const turn = Math.floor(gaps.length * ((round * 0.618) % 1));
  const others = [...gaps.slice(turn), ...gaps.slice(0, turn)];
  const underWay = gaps.filter(({ backfillId }) => backfillId !== undefined);
  return [...underWay.slice(0, limits.scheduleLookGaps), ...others.slice(0, limits.scheduleLookGaps)];
}

/** Until the next fire time can have been missed; sooner while something is open. */
function waitMs({ nextFireAt, at }: Inspection, { gaps, outbox, alarms }: WatchState): number {
  const untilFireMs =
    nextFireAt === undefined ? limits.scheduleLookMaxMs : Date.parse(nextFireAt) - Date.parse(at);
  const isBusy =
    outbox.length > 0 || alarms.length > 0 || gaps.some(({ backfillId }) => backfillId !== undefined);
  const mostMs = isBusy ? limits.scheduleLookMinMs * 3 : limits.scheduleLookMaxMs;
  return Math.min(Math.max(untilFireMs + limits.scheduleGraceMs + 1_000, limits.scheduleLookMinMs), mostMs);
}

/** One catch-up for the same intervals, however often it is asked for. */
async function startCatchUp(pinned: PinnedSpec, intervals: readonly DataInterval[]): Promise<string> {
  const { spec } = pinned;
  const from = intervals[0]?.start ?? '';
  const to = intervals.at(-1)?.end ?? '';
  const workflowId = backfillWorkflowId(spec.id, `catchup-${from}-${to}`);
  try {
    await startChild(backfillDag, {
      workflowId,
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      args: [
        {
          ...pinned,
          from,
          to,
          reprocess: 'none',
          maxActiveRuns: spec.maxActiveRuns ?? dagDefaults.catchupActiveRuns,
          runBackwards: false,
        },
      ],
      staticSummary: `${spec.id} · catch-up of ${String(intervals.length)}`,
      typedSearchAttributes: [
        { key: dagAttribute, value: spec.id },
        { key: modeAttribute, value: spec.mode },
      ],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  return workflowId;
}
