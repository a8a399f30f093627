import type { DagSpec } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import type { JsonObject } from '../core/json.js';
import { createAjv } from './ajv.js';

/** What is wrong with run parameters, a sentence each; an empty list where they fit the schema. */
export function paramProblems(schema: JsonObject, params: JsonObject): string[] {
  const validate = createAjv({ allErrors: true }).compile(schema);
  if (validate(params)) return [];
  return (validate.errors ?? []).map((error) => {
    const name = error.instancePath.replaceAll('/', '.').slice(1);
    const { additionalProperty, missingProperty } = error.params as Record<string, unknown>;
    if (additionalProperty !== undefined) return `there is no parameter "${String(additionalProperty)}"`;
    if (missingProperty !== undefined && name === '') return `"${String(missingProperty)}" is missing`;
    return `"${name}" ${error.message ?? 'does not fit'}`;
  });
}

/** Refuses params, beside the DAG's own, that do not fit its schema. @throws PipelineError PARAMS_INVALID with every problem */
export function refuseParams(spec: DagSpec, params: JsonObject = {}): void {
  if (spec.paramsSchema === undefined) return;
  const problems = paramProblems(spec.paramsSchema, { ...spec.params, ...params });
  if (problems.length > 0) throw new PipelineError('PARAMS_INVALID', { dagId: spec.id, problems });
}
