import { PipelineError } from '../core/errors/index.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import { limits } from '../core/limits.js';
import { isSecretName } from '../security/secret.js';

/** Options of a connection as leaves: values that are no object with members, by path with dots. */
export type OptionLeaves = ReadonlyMap<string, JsonValue>;

/** What a command wants of a connection's options. */
export interface OptionChange {
  /** Options that anybody may see; an object stands for its members. */
  readonly set?: Readonly<Record<string, JsonValue>>;
  /** Options that are kept encrypted. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Options that go, with everything under them. */
  readonly unset?: readonly string[];
}

const namePattern = /^[A-Za-z][A-Za-z0-9_-]{0,127}$/;

/** Leaves of `set`. */
export function leavesOf(set: Readonly<Record<string, JsonValue>>): Map<string, JsonValue> {
  const leaves = new Map<string, JsonValue>();
  const walk = (path: string, value: JsonValue) => {
    const members = isObject(value) ? Object.entries(value) : [];
    if (members.length === 0) leaves.set(path, value);
    for (const [key, member] of members) walk(`${path}.${key}`, member);
  };
  for (const [path, value] of Object.entries(set)) walk(path, value);
  return leaves;
}

/** The object that leaves describe. */
export function objectOf(leaves: OptionLeaves): JsonObject {
  const options: JsonObject = {};
  for (const [path, value] of leaves) {
    const parts = path.split('.');
    const last = parts.pop() ?? '';
    let target = options;
    for (const part of parts) {
      const child = Object.hasOwn(target, part) ? target[part] : undefined;
      target = isObject(child) ? child : define(target, part, {});
    }
    define(target, last, value);
  }
  return options;
}

/** True where a leaf at `path` cannot stay when `other` is written: it is the same, lies under it, or is above it. */
export function collides(path: string, other: string): boolean {
  return path === other || path.startsWith(`${other}.`) || other.startsWith(`${path}.`);
}

/** @throws PipelineError CONNECTION_INVALID naming every problem, never a value */
export function checkChange(connection: string, { set = {}, secrets = {}, unset = [] }: OptionChange): void {
  const leaves = [...leavesOf(set)];
  const paths = [...leaves.map(([path]) => path), ...Object.keys(secrets)];
  const problems = [
    ...(namePattern.test(connection)
      ? []
      : ['its name is not letters, digits, _ and - after a first letter']),
    ...[...paths, ...unset]
      .filter((path) => !path.split('.').every((part) => namePattern.test(part)))
      .map((path) => `"${path}" is no option path, such as "url" or "auth.clientId"`),
    ...paths.filter((path) => path === 'connector').map(() => '"connector" is given with --connector'),
    ...paths
      .filter((path, index) => paths.some((other, at) => at > index && collides(path, other)))
      .map((path) => `"${path}" is given twice`),
    ...leaves
      .filter(([path, value]) => isSecretText(path.split('.'), value))
      .map(([path]) => `"${path}" is a secret by its name: give it with --secret or --secret-env`),
    ...[...leaves.map(([path, value]) => [path, JSON.stringify(value)]), ...Object.entries(secrets)]
      .filter(([, text = '']) => Buffer.byteLength(text) > limits.connectionOptionMaxBytes)
      .map(([path = '']) => `"${path}" is over ${String(limits.connectionOptionMaxBytes)} bytes`),
    ...Object.entries(secrets)
      .filter(([, text]) => text === '')
      .map(([path]) => `"${path}" is empty`),
  ];
  if (problems.length > 0) throw new PipelineError('CONNECTION_INVALID', { connection, problems });
}

/** Text under a secret name, also inside lists. */
function isSecretText(path: readonly string[], value: JsonValue): boolean {
  if (typeof value === 'string') return path.some(isSecretName);
  if (Array.isArray(value)) return value.some((item) => isSecretText(path, item));
  return (
    isObject(value) && Object.entries(value).some(([key, member]) => isSecretText([...path, key], member))
  );
}

function define<Value extends JsonValue>(target: JsonObject, key: string, value: Value): Value {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  return value;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
