import {
  condition,
  continueAsNew,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { runWorkflowId } from '../core/ids.js';
import type { DataInterval } from '../core/interval.js';
import { limits } from '../core/limits.js';
import type { RunInput } from '../core/run/run.js';
import { deploySignal, pauseSignal, resumeSignal, stopSignal, type PinnedSpec } from './messages.js';
import { runDag } from './run-dag.js';
import { continuousStatsQuery, type ContinuousInput, type ContinuousStats } from './schedule-messages.js';
import { runAttributes } from './search-attributes.js';

/**
 * Starts the runs of a continuous DAG one after another. The data interval of a run goes from the end of the interval before
 * to its own start, in whole seconds, so that intervals adjoin; a run that failed leaves its interval behind all the same.
 */
export async function continuousDag(input: ContinuousInput): Promise<void> {
  let pinned: PinnedSpec = { spec: input.spec, specHash: input.specHash };
  let { since } = input;
  let isPaused = input.carried?.isPaused ?? false;
  let runs = input.carried?.runs ?? 0;
  let isStopping = false;
  let state: ContinuousStats['state'] = 'waiting';

  const enter = (next: ContinuousStats['state']) => {
    state = next;
    setCurrentDetails(`**${pinned.spec.id}** · ${state} · ${String(runs)} runs · up to ${since}`);
  };
  setHandler(continuousStatsQuery, () => ({ state, runs, since }));
  setHandler(deploySignal, (next) => {
    pinned = next;
  });
  setHandler(pauseSignal, () => {
    isPaused = true;
  });
  setHandler(resumeSignal, () => {
    isPaused = false;
  });
  setHandler(stopSignal, () => {
    isStopping = true;
  });

  for (;;) {
    if (isPaused) {
      enter('paused');
      await condition(() => !isPaused || isStopping);
    }
    const { schedule } = pinned.spec;
    if (isStopping || schedule.kind !== 'continuous') break;
    const interval = await nextInterval(since);
    if (schedule.endAt !== undefined && interval.end > schedule.endAt) break;
    enter('running');
    since = interval.end;
    await runOnce(pinned, interval);
    runs += 1;
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    if (continueAsNewSuggested || historyLength > limits.watchHistoryEvents)
      await continueAsNew<typeof continuousDag>({ ...pinned, since, carried: { isPaused, runs } });
    enter('waiting');
    await condition(() => isStopping, schedule.delayMs);
  }
  enter('stopped');
}

/** From the last end to now; at least a second long, and never ahead of the clock. */
async function nextInterval(since: string): Promise<DataInterval> {
  const secondMs = 1_000;
  const earliest = Date.parse(since) + secondMs;
  if (Date.now() < earliest) await sleep(earliest - Date.now());
  const end = Math.max(Math.floor(Date.now() / secondMs) * secondMs, earliest);
  return { start: since, end: new Date(end).toISOString() };
}

async function runOnce({ spec, specHash }: PinnedSpec, interval: DataInterval): Promise<void> {
  const run: RunInput = { spec, specHash, runType: 'scheduled', interval };
  try {
    await executeChild(runDag, {
      workflowId: runWorkflowId(spec.id, interval.end),
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      args: [run],
      staticSummary: `${spec.id} · ${interval.start}`,
      typedSearchAttributes: runAttributes(run),
    });
  } catch (error) {
    // A run that failed, or that somebody cancelled, has ended like any other; only if this workflow itself is cancelled does
    // the sleep throw.
    if (isCancellation(error)) await sleep(1);
  }
}
