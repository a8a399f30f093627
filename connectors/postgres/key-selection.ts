import type { DescribedRows } from '../relational/dialect.js';
import type { KeyRequest } from '../source.js';
import { column, quoteIdentifier, type RowQuery } from './row-sql.js';
import type { ColumnForm } from './type-forms.js';

/** The asked keys as rows, which the session holds under `millrace.keys`. */
const elements = `jsonb_array_elements(current_setting('millrace.keys')::jsonb) AS e`;

/** Condition of the rows that have one of the asked keys. */
export function isAskedKey({ key }: KeyRequest, { forms }: DescribedRows<ColumnForm>): string {
  const values = key.map((name, index) => typed('key', index, forms.get(name)?.typeName));
  return `(${key.map(column).join(', ')}) IN (SELECT ${values.join(', ')} FROM ${elements})`;
}

/** Asked keys of which no row is left, with their versions. */
export function goneKeys(
  { key, version }: KeyRequest,
  { forms, relation }: DescribedRows<ColumnForm>,
  alive: readonly string[],
): RowQuery {
  const marks = [...key, ...version.filter((name) => !key.includes(name))];
  const values = marks.map((name) => {
    const position = key.indexOf(name);
    const typeName = forms.get(name)?.typeName;
    const value =
      position < 0 ? typed('version', version.indexOf(name), typeName) : typed('key', position, typeName);
    return `${value} AS ${quoteIdentifier(name)}`;
  });
  const from = relation.isTable === true ? relation.sql : `(\n${relation.sql}\n)`;
  const isSame = key.map((name) => `${column(name)} = k.${quoteIdentifier(name)}`);
  return {
    relation: {
      sql: `SELECT k.* FROM (SELECT ${values.join(', ')} FROM ${elements}) AS k
        WHERE NOT EXISTS (SELECT FROM ${from} AS q WHERE ${[...isSame, ...alive].join(' AND ')})`,
    },
    columns: marks.flatMap((name) => {
      const form = forms.get(name);
      return form === undefined ? [] : [[name, form] as const];
    }),
    conditions: [],
    orderBy: [],
  };
}

function typed(list: 'key' | 'version', index: number, typeName = 'text'): string {
  return `(e->'${list}'->>${String(index)})::${typeName}`;
}
