import { parseInstant } from '../../core/interval.js';

/** Comparisons that a condition can make. */
export const operators = ['=', '!=', '<', '<=', '>', '>=', 'LIKE', 'IN', 'NOT IN'] as const;

/** One condition of a read; all of them must hold. */
export interface SoqlCondition {
  readonly field: string;
  readonly operator: (typeof operators)[number];
  /** A list for `IN` and `NOT IN`, else one value. Instants and days are ISO 8601 text. */
  readonly value: SoqlValue | readonly SoqlValue[];
}

/** One value of a condition. */
export type SoqlValue = string | number | boolean | null;

/** A field, as `describe` of its object tells. */
export interface SoqlField {
  readonly name: string;
  readonly type: string;
}

/** A query over one object. Names and literals are checked before they come here. */
export interface SoqlQuery {
  readonly object: string;
  readonly fields: readonly string[];
  readonly conditions: readonly string[];
  readonly orderBy: readonly string[];
}

const apiName = /^[A-Za-z][A-Za-z0-9_]{0,99}$/;
const numericTypes: ReadonlySet<string> = new Set(['int', 'long', 'double', 'currency', 'percent']);

/** What is wrong with an API name; an empty list where nothing is. Names are never quoted in SOQL, so they must be plain. */
export function nameProblem(what: string, name: string): string[] {
  return apiName.test(name)
    ? []
    : [
        `salesforce: the API name of ${what} is made of letters, digits and "_", which "${name.slice(0, 40)}" is not`,
      ];
}

/** The text of a query. @throws RangeError for a name that is none, which the checks before must have refused */
export function soqlText({ object, fields, conditions, orderBy }: SoqlQuery): string {
  for (const name of [object, ...fields, ...orderBy])
    if (!apiName.test(name)) throw new RangeError('soqlText: no API name');
  return [
    `SELECT ${fields.join(',')} FROM ${object}`,
    ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join(' AND ')}`]),
    ...(orderBy.length === 0 ? [] : [`ORDER BY ${orderBy.join(',')}`]),
  ].join(' ');
}

/** An instant as SOQL writes it, without quotes. @throws RangeError where it is none */
export function instantLiteral(text: string): string {
  const instant = parseInstant(text);
  if (instant === undefined) throw new RangeError('instantLiteral: no instant');
  return instant;
}

/** Text as SOQL writes it (SOQL and SOSL Reference, "Quoted String Escape Sequences"). */
export function textLiteral(text: string): string {
  const escaped = text.replace(/[\\'"\n\r\t\b\f\u0000-\u001f]/g, (character) => {
    const known = escapes[character];
    return known ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `'${escaped}'`;
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

/** A condition as text, or what is wrong with it. Literals go by the type of the field. */
export function conditionText(
  { field, operator, value }: SoqlCondition,
  { type }: SoqlField,
): { readonly text: string } | { readonly problem: string } {
  const place = `salesforce.where: "${field}" (${type})`;
  const isList = operator === 'IN' || operator === 'NOT IN';
  if (isList !== Array.isArray(value))
    return { problem: `${place} needs ${isList ? 'a list' : 'one value'} with ${operator}` };
  const values = (isList ? value : [value]) as readonly SoqlValue[];
  const literals = values.map((one) => literalOf(one, type));
  if (literals.includes(undefined)) return { problem: `${place} is compared with a value of another type` };
  if (operator === 'LIKE' && typeof value !== 'string') return { problem: `${place} needs text with LIKE` };
  return { text: `${field} ${operator} ${isList ? `(${literals.join(',')})` : (literals[0] ?? '')}` };
}

function literalOf(value: SoqlValue, type: string): string | undefined {
  if (value === null) return 'null';
  if (type === 'boolean') return typeof value === 'boolean' ? String(value) : undefined;
  if (numericTypes.has(type)) return numberLiteral(value);
  if (typeof value !== 'string') return undefined;
  if (type === 'datetime') return parseInstant(value);
  if (type === 'date') return /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined;
  return type === 'time' ? undefined : textLiteral(value);
}

/** Numbers beyond what a double holds can be given as text. */
function numberLiteral(value: string | number | boolean): string | undefined {
  const text = String(value);
  return typeof value !== 'boolean' && /^-?\d+(\.\d+)?$/.test(text) ? text : undefined;
}
