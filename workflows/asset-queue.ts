import {
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import { conditionText, missingPart, type AssetCondition } from '../core/assets/asset-condition.js';
import type { AssetEvent } from '../core/assets/asset-event.js';
import {
  AssetQueue,
  assetQueueNames,
  newAssetQueue,
  type AssetQueueInput,
  type AssetQueueView,
} from '../core/assets/asset-queue.js';
import { limits } from '../core/limits.js';

const { startAssetRun, lookUpAssetCondition } = proxyActivities<
  Pick<Activities, 'startAssetRun' | 'lookUpAssetCondition'>
>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: '15s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' },
});

/** Events of one success. */
export const deliverSignal = defineSignal<[readonly AssetEvent[]]>(assetQueueNames.deliver);
/** Another condition than before. */
export const conditionSignal = defineSignal<[AssetCondition]>(assetQueueNames.deploy);
export const stopQueueSignal = defineSignal(assetQueueNames.stop);
export const pauseQueueSignal = defineSignal(assetQueueNames.pause);
export const resumeQueueSignal = defineSignal(assetQueueNames.resume);
/** Undefined until the queue knows what its DAG waits for. */
export const assetQueueQuery = defineQuery<AssetQueueView | undefined>(assetQueueNames.view);

/**
 * Keeps the events of assets that one DAG waits for and starts its runs, one after the other; `core/assets/asset-queue.ts`
 * decides. It begins with the first event, and ends where assets do not start the DAG any more. A run gets the spec that is
 * deployed when it starts, and an id that comes from its events, so a start that is repeated finds the run. A paused DAG
 * starts nothing: the server's word counts, whoever paused it. A request to cancel it is not heard: DAGs rely on it.
 */
export async function assetQueue(input: AssetQueueInput): Promise<void> {
  const { dagId } = input;
  let isStopping = false;
  let queue: AssetQueue | undefined = input.state === undefined ? undefined : new AssetQueue(input.state);
  // What comes before the queue knows its condition.
  const early: ((to: AssetQueue) => void)[] = [];
  const apply = (change: (to: AssetQueue) => void) => {
    if (queue === undefined) {
      early.push(change);
      return;
    }
    change(queue);
    setCurrentDetails(details(dagId, queue.view));
  };
  setHandler(deliverSignal, (events) => {
    apply((to) => to.deliver(events));
  });
  setHandler(conditionSignal, (next) => {
    apply((to) => to.deploy(next));
  });
  setHandler(pauseQueueSignal, () => {
    apply((to) => to.pause());
  });
  setHandler(resumeQueueSignal, () => {
    apply((to) => to.resume());
  });
  setHandler(stopQueueSignal, () => {
    isStopping = true;
  });
  setHandler(assetQueueQuery, () => queue?.view);

  const isHistoryLong = () =>
    workflowInfo().continueAsNewSuggested ||
    workflowInfo().historyLength > (input.historyMaxEvents ?? limits.historyMaxEvents);
  const isLeaving = () => isStopping || isHistoryLong();
  await CancellationScope.nonCancellable(async () => {
    while (queue === undefined || !isHistoryLong()) {
      if (queue === undefined || isStopping) {
        // Also a DAG that was removed may be deployed again by now.
        isStopping = false;
        const deployed = await lookUpAssetCondition({ dagId });
        if (deployed === null) {
          queue = undefined;
          return;
        }
        if (queue === undefined) queue = new AssetQueue(newAssetQueue(deployed));
        else queue.deploy(deployed);
        for (const change of early.splice(0)) apply(change);
      }
      if ((await startNext(dagId, queue, isLeaving)) === 'gone') isStopping = true;
      setCurrentDetails(details(dagId, queue.view));
    }
  });
  if (queue !== undefined) await continueAsNew<typeof assetQueue>({ ...input, state: queue.state });
}

/** Waits for a run that can be started, and starts it. */
async function startNext(
  dagId: string,
  queue: AssetQueue,
  isLeaving: () => boolean,
): Promise<'gone' | 'done'> {
  await condition(() => queue.isReady || queue.isPaused || isLeaving());
  const isTold = () => !queue.isPaused || isLeaving();
  if (!(await condition(isTold, limits.assetPausedLookMs))) queue.resume();
  const batch = isLeaving() ? undefined : queue.begin();
  if (batch === undefined) return 'done';
  const start = await startAssetRun({ dagId, batch });
  if (start.kind === 'gone') return 'gone';
  if (start.kind === 'started') queue.started(start.workflowId);
  else queue.putBack();
  return 'done';
}

function details(dagId: string, view: AssetQueueView): string {
  const { condition: wanted, queued, omitted, pending, isPaused, startedRuns } = view;
  const missing = missingPart(wanted, new Set(queued.map(({ uri }) => uri)));
  return [
    `**assets of ${dagId}**${isPaused ? ' · paused' : ''} · ${String(startedRuns)} runs started · ${String(pending.length)} to start`,
    `${String(queued.length + omitted)} events queued`,
    ...(missing === undefined ? [] : [`waits for ${conditionText(missing)}`]),
  ].join('\n\n');
}
