import type { Activities } from '../../core/activities.js';
import type { ActivityDeps, Stage } from '../deps.js';

type Request = Parameters<Activities['deadlineBase']>[0];

/**
 * The average runtime of a DAG's last successful runs, in milliseconds, for a deadline that counts from it; null where
 * there are too few of them.
 */
export function createDeadlineBase({ runs }: ActivityDeps): Stage<Request, number | null> {
  return async ({ dagId, reference }) => {
    if (reference.kind !== 'average-runtime') return null;
    const runtimesMs = await runs.runtimesMs(dagId, reference.limit);
    if (runtimesMs.length < reference.minRuns || runtimesMs.length === 0) return null;
    return runtimesMs.reduce((sum, runtimeMs) => sum + runtimeMs, 0) / runtimesMs.length;
  };
}
