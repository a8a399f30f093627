import type { JsonObject, JsonValue } from '../../core/json.js';
import type { RelationalOptions } from '../relational/dialect.js';
import { commonOptions, OptionChecks } from '../relational/option-checks.js';

/** What one read asks for, checked: a table or a query, and how its rows are told apart. */
export interface PostgresOptions extends RelationalOptions {
  readonly from:
    | { readonly table: string; readonly schema: string; readonly columns: readonly string[] | undefined }
    | { readonly sql: string; readonly values: Readonly<Record<string, string>> };
}

/** Options are either fine, or told all that is wrong with them. */
export type CheckedOptions =
  { readonly settings: PostgresOptions } | { readonly problems: readonly string[] };

const known: Readonly<Record<string, readonly string[]>> = {
  table: ['table', 'schema', 'columns', ...commonOptions],
  query: ['sql', 'values', ...commonOptions],
};
/** Longest name of an object in bytes (PostgreSQL documentation, "Identifiers and Key Words": NAMEDATALEN - 1). */
const nameMaxBytes = 63;
const valueName = /^[a-z][a-z0-9_]{0,50}$/;
/** Names under which the connector itself hands values to the server. */
export const reservedValueNames: readonly string[] = ['lower', 'upper', 'keys', 'buckets'];

/** Checks the options of `postgres.table` and `postgres.query`; pure, so that it also runs when a DAG is built. */
export function checkOptions(stream: string, options: JsonObject): CheckedOptions {
  const names = known[stream];
  if (names === undefined)
    return { problems: [`connector "postgres" has no stream "${stream}"; it has "table" and "query"`] };
  const checks = new OptionChecks(options, names, { max: nameMaxBytes, unit: 'bytes' });
  const { problems } = checks;
  const from =
    stream === 'table'
      ? {
          table: checks.table(),
          schema: checks.name('schema') ?? 'public',
          columns: checks.nameList('columns'),
        }
      : { sql: checks.sql(), values: valuesOf(options['values'], problems) };
  const settings = { from, ...checks.common() };
  return problems.length > 0 ? { problems } : { settings };
}

function valuesOf(value: JsonValue | undefined, problems: string[]): Record<string, string> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push('"values" must be an object');
    return {};
  }
  const values: Record<string, string> = {};
  for (const [name, item] of Object.entries(value)) {
    if (!valueName.test(name) || reservedValueNames.includes(name))
      problems.push(
        `value name "${name}" must be small letters, digits and "_", starting with a letter, and not ${reservedValueNames.join(' or ')}`,
      );
    if (typeof item === 'object') problems.push(`value "${name}" must be text, a number or a boolean`);
    else values[name] = String(item);
  }
  return values;
}
