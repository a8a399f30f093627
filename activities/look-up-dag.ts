import type { Activities } from '../core/activities.js';
import { PipelineError } from '../core/errors/index.js';
import { paramProblems } from '../schemas/params.js';
import type { ActivityDeps, Stage } from './deps.js';

type LookUp = Activities['lookUpDag'];

/** The spec that a run of another DAG starts with. @throws PipelineError DAG_NOT_FOUND, PARAMS_INVALID */
export function createLookUpDag({
  runs,
}: Pick<ActivityDeps, 'runs'>): Stage<Parameters<LookUp>[0], Awaited<ReturnType<LookUp>>> {
  return async ({ dagId, params }) => {
    const deployed = await runs.deployed(dagId);
    const { paramsSchema, params: defaults } = deployed.spec;
    const problems =
      params === undefined || paramsSchema === undefined
        ? []
        : paramProblems(paramsSchema, { ...defaults, ...params });
    if (problems.length > 0) throw new PipelineError('PARAMS_INVALID', { dagId, problems });
    return deployed;
  };
}
