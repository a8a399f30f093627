import type { JsonObject, JsonValue } from '../../core/json.js';
import { nearestName } from '../nearest-name.js';

/** What one read asks for, checked: a table or a query, and how its rows are told apart. */
export interface PostgresOptions {
  readonly from:
    | { readonly table: string; readonly schema: string; readonly columns: readonly string[] | undefined }
    | { readonly sql: string; readonly values: Readonly<Record<string, string>> };
  /** Columns that identify a row; `undefined`: the primary key. */
  readonly key: readonly string[] | undefined;
  readonly intervalColumn: string | undefined;
  /** Integer cursors: re-read this many values before the cursor. */
  readonly overlap: bigint;
  /** Column that marks a row as deleted, and how. */
  readonly deleted: { readonly column: string; readonly mark: 'true' | 'set' } | undefined;
  /** Column that orders a deletion among the versions of its row; `undefined`: the cursor's or the interval's. */
  readonly version: string | undefined;
}

/** Options are either fine, or told all that is wrong with them. */
export type CheckedOptions =
  { readonly settings: PostgresOptions } | { readonly problems: readonly string[] };

const common = ['key', 'intervalColumn', 'overlap', 'deletedWhen', 'deletedAt', 'version'];
const known: Readonly<Record<string, readonly string[]>> = {
  table: ['table', 'schema', 'columns', ...common],
  query: ['sql', 'values', ...common],
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
  const problems = Object.keys(options)
    .filter((name) => !names.includes(name))
    .map((name) => `there is no option "${name}"${nearestName(name, names)}`);
  const name = (option: string): string | undefined => {
    const value = options[option];
    if (value === undefined || isName(value)) return value;
    problems.push(`"${option}" must be a name of 1 to ${String(nameMaxBytes)} bytes`);
    return undefined;
  };
  const nameList = (option: string): readonly string[] | undefined => {
    const value = options[option];
    if (value === undefined) return undefined;
    if (
      Array.isArray(value) &&
      value.length > 0 &&
      value.every(isName) &&
      new Set(value).size === value.length
    )
      return value;
    problems.push(`"${option}" must be a list of different names`);
    return undefined;
  };
  const from =
    stream === 'table'
      ? { table: name('table') ?? '', schema: name('schema') ?? 'public', columns: nameList('columns') }
      : { sql: sqlText(options['sql'], problems), values: valuesOf(options['values'], problems) };
  if (stream === 'table' && options['table'] === undefined) problems.push('"table" is missing');
  const deletedWhen = name('deletedWhen');
  const deletedAt = name('deletedAt');
  if (deletedWhen !== undefined && deletedAt !== undefined)
    problems.push('give "deletedWhen" or "deletedAt", not both');
  const overlap = options['overlap'] ?? 0;
  if (typeof overlap !== 'number' || !Number.isSafeInteger(overlap) || overlap < 0)
    problems.push('"overlap" must be a whole number from 0 on');
  const settings = {
    from,
    key: nameList('key'),
    intervalColumn: name('intervalColumn'),
    overlap: typeof overlap === 'number' && Number.isSafeInteger(overlap) ? BigInt(overlap) : 0n,
    deleted: deletedMark(deletedWhen, deletedAt),
    version: name('version'),
  };
  return problems.length > 0 ? { problems } : { settings };
}

function deletedMark(when: string | undefined, at: string | undefined): PostgresOptions['deleted'] {
  if (when !== undefined) return { column: when, mark: 'true' };
  return at === undefined ? undefined : { column: at, mark: 'set' };
}

function isName(value: JsonValue): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    !value.includes('\0') &&
    new TextEncoder().encode(value).length <= nameMaxBytes
  );
}

/** One statement: the query becomes a part of a larger one, in which a semicolon cannot stand. */
function sqlText(value: JsonValue | undefined, problems: string[]): string {
  if (typeof value !== 'string' || value.trim() === '') problems.push('"sql" is missing');
  else if (value.includes('\0')) problems.push('"sql" holds a NUL character');
  else if (/;\s*$/.test(value)) problems.push('"sql" must not end with a semicolon');
  else return value;
  return '';
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
