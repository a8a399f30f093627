import type { JsonObject, JsonValue } from '../json.js';

const paramMark = '$param';

/** A run parameter with a JSON Schema. */
export interface Param {
  readonly [paramMark]: JsonObject;
}

/**
 * Declares a run parameter (Airflow's `Param`): a JSON Schema whose `default` is what a run gets that sets nothing. A
 * parameter without a default must be given. A DAG with a declared parameter refuses unknown ones.
 */
export function param(schema: JsonObject): Param {
  return { [paramMark]: schema };
}

/** Defaults of a DAG's parameters, and the JSON Schema that they and every run's parameters must fit. */
export function readParams(options: Readonly<Record<string, JsonValue | Param>>): {
  readonly params: JsonObject;
  readonly paramsSchema?: JsonObject;
} {
  const params: JsonObject = {};
  const properties: JsonObject = {};
  const required: string[] = [];
  let isDeclared = false;
  for (const [name, value] of Object.entries(options)) {
    if (!isParam(value)) {
      params[name] = value;
      properties[name] = {};
      continue;
    }
    isDeclared = true;
    const schema = value[paramMark];
    properties[name] = schema;
    const { default: fallback } = schema;
    if (fallback === undefined) required.push(name);
    else params[name] = fallback;
  }
  if (!isDeclared) return { params };
  return {
    params,
    paramsSchema: { type: 'object', properties, required, additionalProperties: false },
  };
}

function isParam(value: JsonValue | Param): value is Param {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && paramMark in value;
}
