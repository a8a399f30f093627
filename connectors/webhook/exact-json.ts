import { parse } from 'lossless-json';

/** JSON in which each number is the text that was sent: ids above 2^53 and amounts keep their digits. */
export type ExactValue =
  undefined | null | boolean | string | readonly ExactValue[] | { readonly [name: string]: ExactValue };

/** `undefined` for what is no JSON, or names a member twice with different values. */
export function parseExact(bytes: Uint8Array): ExactValue {
  try {
    return parse(Buffer.from(bytes).toString('utf8'), undefined, (text) => text) as ExactValue;
  } catch {
    return undefined;
  }
}

/** The value at a path of member names; `undefined` where there is none. */
export function valueAt(value: ExactValue, ...path: readonly string[]): ExactValue {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return undefined;
    found = Object.hasOwn(found, name) ? (found as { readonly [name: string]: ExactValue })[name] : undefined;
  }
  return found;
}

/** A text or number at a path, if it is not empty. */
export function textAt(value: ExactValue, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** The elements of an array at a path; none where there is no array. */
export function listAt(value: ExactValue, ...path: readonly string[]): readonly ExactValue[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? (found as readonly ExactValue[]) : [];
}

/** Labels at a path as texts: a text, a list of texts or of `name` and `value`, or an object, whose members become `name:value`. */
export function labelsAt(value: ExactValue, ...path: readonly string[]): string[] {
  const found = valueAt(value, ...path);
  if (typeof found === 'string') return found === '' ? [] : [found];
  if (typeof found !== 'object' || found === null) return [];
  if (!Array.isArray(found)) return Object.entries(found).flatMap(([name, item]) => label(name, item));
  return (found as readonly ExactValue[]).flatMap((item) =>
    typeof item === 'string' ? [item] : label(textAt(item, 'name') ?? '', valueAt(item, 'value')),
  );
}

function label(name: string, value: ExactValue): string[] {
  if (name === '' || value === undefined || value === null) return [];
  return Array.isArray(value) ? value.map((item) => `${name}:${String(item)}`) : [`${name}:${String(value)}`];
}
