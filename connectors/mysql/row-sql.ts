import type { Relation, RowQuery as RelationalQuery } from '../relational/dialect.js';
import type { ColumnForm, CursorKind } from './type-forms.js';

/** One statement that reads rows. */
export type RowQuery = RelationalQuery<ColumnForm>;

/** A name of any characters as SQL text. */
export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A column of what is read. */
export function column(name: string): string {
  return `q.${quoteIdentifier(name)}`;
}

/** What stands after FROM, called `q`. */
export function fromSql({ sql, isTable }: Relation): string {
  return `${isTable === true ? sql : `(\n${sql}\n)`} AS q`;
}

export function whereSql(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

/** The rows of a query, each column in its form. */
export function selectSql({ relation, columns, conditions, orderBy }: RowQuery): string {
  const list = columns.map(([name, form]) => form.expression(column(name)));
  const order = orderBy.length === 0 ? '' : ` ORDER BY ${orderBy.map(column).join(', ')}`;
  return `SELECT ${list.join(', ')} FROM ${fromSql(relation)}${whereSql(conditions)}${order}`;
}

/** A bound that the session holds as `@millrace_<name>`, in a type that compares with the column's. */
export function bound(name: 'lower' | 'upper', kind: CursorKind): string {
  const type = kind === 'integer' ? 'DECIMAL(20, 0)' : 'DATETIME(6)';
  return `CAST(@millrace_${name} AS ${type})`;
}
