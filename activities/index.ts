import type { Activities } from '../core/activities.js';
import { intervalEndingAt, listIntervals } from '../core/schedule/schedule-intervals.js';
import { createCompareBatch, createSettleBatch } from './anomaly-gate.js';
import { toActivity } from './boundary.js';
import { createCheck } from './check.js';
import { createDeadlineBase } from './runs/deadline-base.js';
import { createLookUpDag } from './runs/look-up-dag.js';
import type { ActivityDeps } from './deps.js';
import { createExtract } from './extract.js';
import { createResolveIdentity } from './identity/resolve.js';
import { createLoad } from './load.js';
import { createExpandMapping, createPark, createReadSnapshot } from './mapping.js';
import { createAwaitPast, createPokeDag, isLatestInterval } from './runs/other-runs.js';
import { createPoke } from './poke.js';
import { createPublishAssetEvents } from './assets/publish-assets.js';
import { createReconcile } from './reconcile/reconcile.js';
import { createPlanReconcile } from './reconcile/reconcile-plan.js';
import {
  createCompareBuckets,
  createCompareKeys,
  createCompareRows,
  createRecordReconcile,
} from './reconcile/reconcile-steps.js';
import { createRunCallback } from './run-callback.js';
import { createRunFunction } from './run-function.js';
import { createTransform } from './transform.js';
import { createValidate } from './validate.js';

/** The activities of a worker: every stage behind the boundary. */
export function createActivities(deps: ActivityDeps): Activities {
  return {
    extract: toActivity(createExtract(deps), deps),
    validate: toActivity(createValidate(deps), deps),
    transform: toActivity(createTransform(deps), deps),
    check: toActivity(createCheck(deps), deps),
    compareBatch: toActivity(createCompareBatch(deps), deps),
    settleBatch: toActivity(createSettleBatch(deps), deps),
    load: toActivity(createLoad(deps), deps),
    resolveIdentity: toActivity(createResolveIdentity(deps), deps),
    runFunction: toActivity(createRunFunction(deps), deps),
    poke: toActivity(createPoke(deps), deps),
    pokeDag: toActivity(createPokeDag(deps), deps),
    awaitPast: toActivity(createAwaitPast(deps), deps),
    runCallback: toActivity(createRunCallback(deps), deps),
    expandMapping: toActivity(createExpandMapping(deps), deps),
    park: toActivity(createPark(deps), deps),
    readSnapshot: toActivity(createReadSnapshot(deps), deps),
    recallRun: toActivity((request) => deps.formerRuns.recall(request, deps.staging), deps),
    findFormerRun: toActivity(({ workflowId }) => deps.formerRuns.find(workflowId), deps),
    lookUpDag: toActivity(createLookUpDag(deps), deps),
    isLatest: toActivity(
      async ({ schedule, interval, now }) => isLatestInterval(schedule, interval, now),
      deps,
    ),
    deadlineBase: toActivity(createDeadlineBase(deps), deps),
    reconcile: toActivity(createReconcile(deps), deps),
    planReconcile: toActivity(createPlanReconcile(deps), deps),
    compareBuckets: toActivity(createCompareBuckets(deps), deps),
    compareKeys: toActivity(createCompareKeys(deps), deps),
    compareRows: toActivity(createCompareRows(deps), deps),
    recordReconcile: toActivity(createRecordReconcile(deps), deps),
    resolveInterval: toActivity(
      async ({ schedule, nominalTime }) => intervalEndingAt(schedule, nominalTime),
      deps,
    ),
    publishAssetEvents: toActivity(createPublishAssetEvents(deps), deps),
    startAssetRun: toActivity(({ dagId, batch }) => deps.assets.start(dagId, batch), deps),
    lookUpAssetCondition: toActivity(({ dagId }) => deps.assets.conditionOf(dagId), deps),
    ensurePool: toActivity(({ pool, limit }) => deps.pools.ensure(pool, limit), deps),
    findClosedRuns: toActivity(({ chains }) => deps.temporalRuns.closedOf(chains), deps),
    listIntervals: toActivity(async (request) => listIntervals(request), deps),
  };
}
