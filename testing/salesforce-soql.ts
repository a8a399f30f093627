import { LosslessNumber } from 'lossless-json';
import type { SalesforceValue } from './salesforce-state.js';

/** A query as the fixture org understands it: one object, conditions that all hold, an order. */
export interface FixtureQuery {
  readonly object: string;
  readonly fields: readonly string[];
  readonly orderBy: readonly string[];
  /** Fields that conditions name. */
  readonly asked: readonly string[];
  passes(valueOf: (field: string) => SalesforceValue): boolean;
}

type Literal = { readonly text: string } | { readonly plain: string };

/** Reads a query; `undefined` for what is none, or more than the fixture knows. */
export function parseSoql(query: string): FixtureQuery | undefined {
  const found = /^SELECT ([\w,]+) FROM (\w+)(?: WHERE (.+?))?(?: ORDER BY ([\w,]+))?$/su.exec(query);
  if (found === null) return undefined;
  const [, fields = '', object = '', where, orderBy] = found;
  const conditions = where === undefined ? [] : conditionsOf(where);
  if (conditions === undefined) return undefined;
  return {
    object,
    fields: fields.split(','),
    orderBy: orderBy === undefined ? [] : orderBy.split(','),
    asked: conditions.map(({ field }) => field),
    passes: (valueOf) => conditions.every(({ field, holds }) => holds(valueOf(field))),
  };
}

interface Condition {
  readonly field: string;
  holds(value: SalesforceValue): boolean;
}

const literal = String.raw`'(?:[^'\\]|\\.)*'|[\w.:+-]+`;
const condition = new RegExp(
  String.raw`^(\w+) (<=|>=|!=|=|<|>|LIKE|NOT IN|IN) (\((?:(?:${literal}),?)+\)|${literal})(?: AND |$)`,
  'su',
);

function conditionsOf(where: string): Condition[] | undefined {
  const conditions: Condition[] = [];
  for (let rest = where; rest !== '';) {
    const found = condition.exec(rest);
    if (found === null) return undefined;
    const [whole, field = '', operator = '', operand = ''] = found;
    const literals = [...operand.matchAll(new RegExp(literal, 'gsu'))].map(([text]) => literalOf(text));
    conditions.push({ field, holds: (value) => compares(value, operator, literals) });
    rest = rest.slice(whole.length);
  }
  return conditions;
}

function literalOf(text: string): Literal {
  if (!text.startsWith("'")) return { plain: text };
  const known: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };
  const inner = text
    .slice(1, -1)
    .replace(/\\(u[0-9a-fA-F]{4}|.)/gsu, (_, code: string) =>
      code.length === 5 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (known[code] ?? code),
    );
  return { text: inner };
}

function compares(value: SalesforceValue, operator: string, literals: readonly Literal[]): boolean {
  const orders = literals.map((one) => order(value, one));
  const [first] = orders;
  switch (operator) {
    case 'IN':
      return orders.includes(0);
    case 'NOT IN':
      return !orders.includes(0);
    case '=':
      return first === 0;
    case '!=':
      return first !== 0;
    case 'LIKE':
      return like(value, literals[0]);
    default:
      if (first === undefined) return false;
      return operator.startsWith('<')
        ? first < 0 || (operator === '<=' && first === 0)
        : first > 0 || (operator === '>=' && first === 0);
  }
}

/** Like `Array.sort` compares; `undefined` where two values have no order. */
function order(value: SalesforceValue, literal: Literal): number | undefined {
  const other = 'text' in literal ? literal.text : literal.plain;
  if (value === null || other === 'null')
    return value === null && 'plain' in literal && other === 'null' ? 0 : undefined;
  if (value instanceof LosslessNumber) return Number(value.value) - Number(other);
  if (typeof value === 'boolean') return String(value) === other ? 0 : undefined;
  const isInstant = 'plain' in literal && /^\d{4}-\d\d-\d\dT/.test(other);
  if (isInstant) return Date.parse(value.replace('+0000', 'Z')) - Date.parse(other);
  return value < other ? -1 : value > other ? 1 : 0;
}

function like(value: SalesforceValue, literal: Literal | undefined): boolean {
  if (typeof value !== 'string' || literal === undefined || !('text' in literal)) return false;
  const pattern = literal.text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${pattern.replaceAll('%', '.*').replaceAll('_', '.')}$`, 'isu').test(value);
}
