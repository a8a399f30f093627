import type { Activities } from '../core/activities.js';
import { intervalEndingAt, listIntervals } from '../core/schedule-intervals.js';
import { toActivity } from './boundary.js';
import type { ActivityDeps } from './deps.js';
import { createExtract } from './extract.js';
import { createLoad } from './load.js';
import { createReconcile } from './reconcile.js';
import { createRunFunction } from './run-function.js';
import { createTransform } from './transform.js';
import { createValidate } from './validate.js';

/** The activities of a worker: every stage behind the boundary. */
export function createActivities(deps: ActivityDeps): Activities {
  return {
    extract: toActivity(createExtract(deps), deps),
    validate: toActivity(createValidate(deps), deps),
    transform: toActivity(createTransform(deps), deps),
    load: toActivity(createLoad(deps), deps),
    runFunction: toActivity(createRunFunction(deps), deps),
    reconcile: toActivity(createReconcile(deps), deps),
    resolveInterval: toActivity(
      async ({ schedule, nominalTime }) => intervalEndingAt(schedule, nominalTime),
      deps,
    ),
    ensurePool: toActivity(({ pool, limit }) => deps.pools.ensure(pool, limit), deps),
    findClosedRuns: toActivity(({ chains }) => deps.temporalRuns.closedOf(chains), deps),
    listIntervals: toActivity(async (request) => listIntervals(request), deps),
  };
}
