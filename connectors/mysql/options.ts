import type { JsonObject, JsonValue } from '../../core/json.js';
import type { RelationalOptions } from '../relational/dialect.js';
import { commonOptions, OptionChecks } from '../relational/option-checks.js';
import type { QueryValue } from './session.js';

/** What one read asks for, checked: a table or a query, and how its rows are told apart. */
export interface MysqlOptions extends RelationalOptions {
  readonly from:
    | {
        readonly table: string;
        /** `undefined`: that of the connection. */
        readonly database: string | undefined;
        readonly columns: readonly string[] | undefined;
      }
    | { readonly sql: string; readonly values: readonly QueryValue[] };
  /** What becomes of dates such as `0000-00-00`. */
  readonly zeroDates: 'keep' | 'null';
}

/** Options are either fine, or told all that is wrong with them. */
export type CheckedOptions = { readonly settings: MysqlOptions } | { readonly problems: readonly string[] };

const known: Readonly<Record<string, readonly string[]>> = {
  table: ['table', 'database', 'columns', 'zeroDates', ...commonOptions],
  query: ['sql', 'values', 'zeroDates', ...commonOptions],
};
/** Longest name of a column in characters (MySQL Reference Manual, "Identifier Length Limits": those of aliases). */
const nameMaxCharacters = 256;

/** Checks the options of `mysql.table` and `mysql.query`; pure, so that it also runs when a DAG is built. */
export function checkOptions(stream: string, options: JsonObject): CheckedOptions {
  const names = known[stream];
  if (names === undefined)
    return { problems: [`connector "mysql" has no stream "${stream}"; it has "table" and "query"`] };
  const checks = new OptionChecks(options, names, { max: nameMaxCharacters, unit: 'characters' });
  const { problems } = checks;
  const from =
    stream === 'table'
      ? { table: checks.table(), database: checks.name('database'), columns: checks.nameList('columns') }
      : { sql: checks.sql(), values: valuesOf(options['values'], problems) };
  const { zeroDates = 'keep' } = options;
  if (zeroDates !== 'keep' && zeroDates !== 'null') problems.push('"zeroDates" must be "keep" or "null"');
  const settings = {
    from,
    ...checks.common(),
    zeroDates: zeroDates === 'null' ? ('null' as const) : ('keep' as const),
  };
  return problems.length > 0 ? { problems } : { settings };
}

function valuesOf(value: JsonValue | undefined, problems: string[]): readonly QueryValue[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value;
  problems.push('"values" must be a list of texts, numbers and booleans');
  return [];
}
