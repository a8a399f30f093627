import {
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  continueAsNew,
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  startChild,
  workflowInfo,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Activities } from '../core/activities.js';
import { runWorkflowId } from '../core/ids.js';
import type { DataInterval } from '../core/interval.js';
import { limits } from '../core/limits.js';
import { addCounts } from '../core/loading/manifest.js';
import type { RunInput } from '../core/run/run.js';
import { countsLine } from './details.js';
import {
  backfillProgressQuery,
  cancelSignal,
  firstProgress,
  pauseSignal,
  resumeSignal,
  type BackfillInput,
  type BackfillProgress,
  type ReprocessBehavior,
} from './messages.js';
import { runDag } from './run-dag.js';
import { runAttributes } from './search-attributes.js';

const { listIntervals } = proxyActivities<Pick<Activities, 'listIntervals'>>({
  startToCloseTimeout: '2m',
  summary: 'list intervals',
});

const { findFormerRun } = proxyLocalActivities<Pick<Activities, 'findFormerRun'>>({
  startToCloseTimeout: '10s',
  summary: 'find the former run',
});

/** The server itself refuses a second run of an interval, by its id; a run under way is never doubled. */
const reusePolicies: Record<ReprocessBehavior, WorkflowIdReusePolicy> = {
  none: WorkflowIdReusePolicy.REJECT_DUPLICATE,
  failed: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
  completed: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
};

/**
 * Runs past intervals, at most `maxActiveRuns` at a time, each as a run with the id that its schedule would have given
 * it. Before the history grows long, no further run is started, and the workflow continues as new once those under way
 * have ended.
 */
export async function backfillDag(input: BackfillInput): Promise<BackfillProgress> {
  const { total } = input;
  let progress = input.carried?.progress ?? { ...firstProgress, ...(total === undefined ? {} : { total }) };
  let isPaused = input.carried?.isPaused ?? false;
  let isCancelled = false;
  let afterStart = input.carried?.afterStart;
  const children = new CancellationScope();

  const update = (change: Partial<BackfillProgress>) => {
    progress = { ...progress, ...change };
    setCurrentDetails(
      `**backfill ${input.spec.id}** · ${progress.state} · ${input.from} … ${input.to}\n\n${total === undefined ? '' : `${String(total)} intervals · `}started ${String(progress.started)} · running ${String(progress.running)} · succeeded ${String(progress.succeeded)} · failed ${String(progress.failed)} · skipped ${String(progress.skipped)}\n\n${countsLine(progress.counts)}`,
    );
  };
  setHandler(backfillProgressQuery, () => progress);
  setHandler(pauseSignal, () => {
    isPaused = true;
    update({ state: 'paused' });
  });
  setHandler(resumeSignal, () => {
    isPaused = false;
    update({ state: 'running' });
  });
  const cancel = () => {
    isCancelled = true;
    children.cancel();
  };
  setHandler(cancelSignal, cancel);
  CancellationScope.current().cancelRequested.catch(cancel);

  const drainEvents =
    limits.backfillSpareEvents +
    Math.min(input.maxActiveRuns, limits.backfillMaxActiveRuns) * limits.backfillEventsPerRun;
  const yieldAt = limits.historyMaxEvents - drainEvents;
  const isHistoryLong = () => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > yieldAt;
  update({ state: isPaused ? 'paused' : 'running' });

  await CancellationScope.nonCancellable(async () => {
    for (let isComplete = false; !isComplete && !isCancelled && !isHistoryLong();) {
      const page = await listIntervals({
        schedule: input.spec.schedule,
        from: input.from,
        to: input.to,
        runBackwards: input.runBackwards,
        ...(afterStart === undefined ? {} : { afterStart }),
        limit: limits.backfillPageIntervals,
      });
      for (const interval of page.intervals) {
        await condition(() => isCancelled || (!isPaused && progress.running < input.maxActiveRuns));
        if (isCancelled || isHistoryLong()) break;
        const child = await children.run(() => startRun(input, interval));
        afterStart = interval.start;
        if (child === undefined) update({ skipped: progress.skipped + 1 });
        else {
          update({ started: progress.started + 1, running: progress.running + 1 });
          void child.result().then(
            (result) => {
              update({
                running: progress.running - 1,
                succeeded: progress.succeeded + 1,
                counts: addCounts(progress.counts, result.counts),
              });
            },
            (error: unknown) => {
              const running = progress.running - 1;
              if (isCancellation(error)) update({ running, cancelled: progress.cancelled + 1 });
              else {
                const failedIntervals = [...progress.failedIntervals, interval];
                update({
                  running,
                  failed: progress.failed + 1,
                  failedIntervals: failedIntervals.slice(0, limits.backfillFailedSamples),
                });
              }
            },
          );
        }
      }
      isComplete =
        (page.isComplete && afterStart === page.intervals.at(-1)?.start) || page.intervals.length === 0;
    }
    await condition(() => progress.running === 0);
  });
  if (!isCancelled && isHistoryLong()) {
    return continueAsNew<typeof backfillDag>({
      ...input,
      carried: { progress, isPaused, ...(afterStart === undefined ? {} : { afterStart }) },
    });
  }
  update({ state: isCancelled ? 'cancelled' : 'completed' });
  return progress;
}

/** Starts the run of one interval, unless one exists that must be left alone. */
async function startRun({ spec, specHash, params, reprocess, tasks }: BackfillInput, interval: DataInterval) {
  const workflowId = runWorkflowId(spec.id, interval.end);
  const former = tasks === undefined ? null : await findFormerRun({ workflowId });
  const run: RunInput = {
    spec,
    specHash,
    runType: 'backfill',
    interval,
    ...(params === undefined ? {} : { params }),
    ...(tasks === undefined ? {} : { tasks }),
    ...(tasks === undefined || former === null ? {} : { rerun: { ...former, clear: tasks } }),
    triggeredBy: workflowInfo().workflowId,
  };
  try {
    return await startChild(runDag, {
      workflowId,
      workflowIdReusePolicy: reusePolicies[reprocess],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      args: [run],
      staticSummary: `${spec.id} · ${interval.start}`,
      typedSearchAttributes: runAttributes(run),
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError || isCancellation(error)) return undefined;
    throw error;
  }
}
