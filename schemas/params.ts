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
