import type { ValidateFunction } from 'ajv/dist/2020.js';
import type { JsonObject } from '../core/json.js';
import { createAjv } from '../schemas/ajv.js';

/** A schema of an object that has these options and no others. */
export function closedObject(properties: JsonObject, required: string[] = []): JsonObject {
  return { type: 'object', additionalProperties: false, properties, required };
}

const compiled = new WeakMap<JsonObject, ValidateFunction>();

/** What is wrong with options, a sentence each that begins with the option's place; never a value. */
export function optionProblems(schema: JsonObject, value: unknown, place: string): string[] {
  const validate = compiled.get(schema) ?? createAjv({ allErrors: true }).compile(schema);
  compiled.set(schema, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map((error) => {
    const at = `${place}${error.instancePath.replaceAll('/', '.')}`;
    const { additionalProperty, missingProperty, allowedValues } = error.params as Record<string, unknown>;
    if (additionalProperty !== undefined) return `${at} has no option "${String(additionalProperty)}"`;
    if (missingProperty !== undefined) return `${at} needs "${String(missingProperty)}"`;
    if (Array.isArray(allowedValues)) return `${at} must be one of ${allowedValues.join(', ')}`;
    return `${at} ${error.message ?? 'does not fit'}`;
  });
}

/** The same for an object whose `type` names its schema. */
export function typedProblems(
  schemas: Readonly<Record<string, JsonObject>>,
  value: JsonObject,
  place: string,
): string[] {
  const schema =
    typeof value['type'] === 'string' && Object.hasOwn(schemas, value['type'])
      ? schemas[value['type']]
      : undefined;
  return schema === undefined
    ? [`${place}.type must be one of ${Object.keys(schemas).join(', ')}`]
    : optionProblems(schema, value, place);
}
