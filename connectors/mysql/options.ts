import type { JsonObject, JsonValue } from '../../core/json.js';
import { nearestName } from '../nearest-name.js';
import type { QueryValue } from './session.js';

/** What one read asks for, checked: a table or a query, and how its rows are told apart. */
export interface MysqlOptions {
  readonly from:
    | {
        readonly table: string;
        /** `undefined`: that of the connection. */
        readonly database: string | undefined;
        readonly columns: readonly string[] | undefined;
      }
    | { readonly sql: string; readonly values: readonly QueryValue[] };
  /** Columns that identify a row; `undefined`: the primary key. */
  readonly key: readonly string[] | undefined;
  readonly intervalColumn: string | undefined;
  /** Integer cursors: re-read this many values before the cursor. */
  readonly overlap: bigint;
  /** Column that marks a row as deleted, and how. */
  readonly deleted: { readonly column: string; readonly mark: 'true' | 'set' } | undefined;
  /** Column that orders a deletion among the versions of its row; `undefined`: the cursor's or the interval's. */
  readonly version: string | undefined;
  /** What becomes of dates such as `0000-00-00`. */
  readonly zeroDates: 'keep' | 'null';
}

/** Options are either fine, or told all that is wrong with them. */
export type CheckedOptions = { readonly settings: MysqlOptions } | { readonly problems: readonly string[] };

const common = ['key', 'intervalColumn', 'overlap', 'deletedWhen', 'deletedAt', 'version', 'zeroDates'];
const known: Readonly<Record<string, readonly string[]>> = {
  table: ['table', 'database', 'columns', ...common],
  query: ['sql', 'values', ...common],
};
/** Longest name of a column in characters (MySQL Reference Manual, "Identifier Length Limits": those of aliases). */
const nameMaxCharacters = 256;

/** Checks the options of `mysql.table` and `mysql.query`; pure, so that it also runs when a DAG is built. */
export function checkOptions(stream: string, options: JsonObject): CheckedOptions {
  const names = known[stream];
  if (names === undefined)
    return { problems: [`connector "mysql" has no stream "${stream}"; it has "table" and "query"`] };
  const problems = Object.keys(options)
    .filter((name) => !names.includes(name))
    .map((name) => `there is no option "${name}"${nearestName(name, names)}`);
  const name = (option: string): string | undefined => {
    const value = options[option];
    if (value === undefined || isName(value)) return value;
    problems.push(`"${option}" must be a name of 1 to ${String(nameMaxCharacters)} characters`);
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
      ? { table: name('table') ?? '', database: name('database'), columns: nameList('columns') }
      : { sql: sqlText(options['sql'], problems), values: valuesOf(options['values'], problems) };
  if (stream === 'table' && options['table'] === undefined) problems.push('"table" is missing');
  const deletedWhen = name('deletedWhen');
  const deletedAt = name('deletedAt');
  if (deletedWhen !== undefined && deletedAt !== undefined)
    problems.push('give "deletedWhen" or "deletedAt", not both');
  const { overlap = 0, zeroDates = 'keep' } = options;
  const isOverlap = typeof overlap === 'number' && Number.isSafeInteger(overlap) && overlap >= 0;
  if (!isOverlap) problems.push('"overlap" must be a whole number from 0 on');
  if (zeroDates !== 'keep' && zeroDates !== 'null') problems.push('"zeroDates" must be "keep" or "null"');
  const settings = {
    from,
    key: nameList('key'),
    intervalColumn: name('intervalColumn'),
    overlap: isOverlap ? BigInt(overlap) : 0n,
    deleted: deletedMark(deletedWhen, deletedAt),
    version: name('version'),
    zeroDates: zeroDates === 'null' ? ('null' as const) : ('keep' as const),
  };
  return problems.length > 0 ? { problems } : { settings };
}

function deletedMark(when: string | undefined, at: string | undefined): MysqlOptions['deleted'] {
  if (when !== undefined) return { column: when, mark: 'true' };
  return at === undefined ? undefined : { column: at, mark: 'set' };
}

function isName(value: JsonValue): value is string {
  return (
    typeof value === 'string' && value !== '' && !value.includes('\0') && value.length <= nameMaxCharacters
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

function valuesOf(value: JsonValue | undefined, problems: string[]): readonly QueryValue[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value;
  problems.push('"values" must be a list of texts, numbers and booleans');
  return [];
}
