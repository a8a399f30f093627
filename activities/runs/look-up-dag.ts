import type { Activities } from '../../core/activities.js';
import { refuseParams } from '../../schemas/params.js';
import type { ActivityDeps, Stage } from '../deps.js';

type LookUp = Activities['lookUpDag'];

/** The spec that a run of another DAG starts with. @throws PipelineError DAG_NOT_FOUND, PARAMS_INVALID */
export function createLookUpDag({
  runs,
}: Pick<ActivityDeps, 'runs'>): Stage<Parameters<LookUp>[0], Awaited<ReturnType<LookUp>>> {
  return async ({ dagId, params }) => {
    const deployed = await runs.deployed(dagId);
    if (params !== undefined) refuseParams(deployed.spec, params);
    return deployed;
  };
}
