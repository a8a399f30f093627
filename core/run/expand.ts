import { PipelineError } from '../errors/index.js';
import type { JsonObject, JsonValue } from '../json.js';
import { limits } from '../limits.js';
import type { ExpandSpec, ListSource } from '../dag/task-spec.js';

/** The arguments of one instance of a mapped task or group, and its name. */
export interface Expanded {
  readonly value: JsonObject;
  readonly label: string;
}

/** Upstream tasks whose results a mapping needs. */
export function expandSources(expand: ExpandSpec): string[] {
  const { over } = expand;
  const sources = over.kind === 'kwargs' ? [over.items] : Object.values(over.arguments);
  return sources.flatMap((source) => ('task' in source ? [source.task] : []));
}

/**
 * The instances of a mapped task: one for each combination of the arguments, the last one fastest, or one for each object
 * of a list. An object in place of a list stands for its members, as `[name, value]`.
 *
 * @param valueOf result of an upstream task.
 * @throws PipelineError MAPPING_INVALID (not a list, or not objects), LIMIT_EXCEEDED
 */
export function expandInstances(
  taskId: string,
  expand: ExpandSpec,
  valueOf: (taskId: string) => JsonValue,
): Expanded[] {
  const listOf = (source: ListSource, name: string): readonly JsonValue[] => {
    if ('values' in source) return source.values;
    const value = valueOf(source.task);
    if (Array.isArray(value)) return value;
    if (typeof value === 'object' && value !== null) return Object.entries(value);
    throw new PipelineError('MAPPING_INVALID', {
      taskId,
      problem: `"${source.task}" gave ${describe(value)} for "${name}"`,
    });
  };
  const { over } = expand;
  const items = over.kind === 'kwargs' ? objectsOf(taskId, listOf(over.items, 'over')) : undefined;
  const lists = Object.entries(over.kind === 'kwargs' ? {} : over.arguments).map(
    ([name, source]) => [name, listOf(source, name)] as const,
  );
  const count = items?.length ?? lists.reduce((product, [, list]) => product * list.length, 1);
  if (count > limits.mappedMaxInstances) {
    throw new PipelineError('LIMIT_EXCEEDED', {
      what: `The number of instances of "${taskId}"`,
      actual: count,
      limit: 'mappedMaxInstances',
      allowed: limits.mappedMaxInstances,
    });
  }
  let values: JsonObject[] = items ?? [{}];
  for (const [name, list] of lists)
    values = values.flatMap((value) => list.map((item) => ({ ...value, [name]: item })));
  const labels = values.map((value, index) => labelOf(expand.label, value, index));
  const times = new Map<string, number>();
  for (const label of labels) times.set(label, (times.get(label) ?? 0) + 1);
  return values.map((value, index) => {
    const label = labels[index] ?? '';
    // A label tells instances apart, also in what they load.
    return { value, label: times.get(label) === 1 ? label : `${label} #${String(index)}` };
  });
}

function objectsOf(taskId: string, list: readonly JsonValue[]): JsonObject[] {
  return list.map((item, index) => {
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) return item;
    throw new PipelineError('MAPPING_INVALID', {
      taskId,
      problem: `element ${String(index)} is ${describe(item)}, and expandKwargs needs objects`,
    });
  });
}

function describe(value: JsonValue): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

/** Fills a template; without one, the arguments that are text or numbers, else the index. */
function labelOf(template: string | undefined, value: JsonObject, index: number): string {
  const text = (item: JsonValue | undefined): string =>
    typeof item === 'string' ? item : JSON.stringify(item ?? null);
  if (template !== undefined) {
    const label = template.replace(/\{(\w+)\}/g, (_whole, name: string) => text(value[name]));
    return label.slice(0, limits.mappedLabelMaxLength);
  }
  const plain = Object.values(value);
  const isPlain =
    plain.length > 0 && plain.every((item) => typeof item === 'string' || typeof item === 'number');
  return isPlain ? plain.map(text).join(', ').slice(0, limits.mappedLabelMaxLength) : String(index);
}
