import type { RowQuery as RelationalQuery } from '../relational/dialect.js';
import type { ColumnForm, CursorKind } from './type-forms.js';

/** One statement that reads rows. */
export type RowQuery = RelationalQuery<ColumnForm>;

/** A name of any characters as SQL text. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A column of what is read. */
export function column(name: string): string {
  return `q.${quoteIdentifier(name)}`;
}

/** `COPY` in its text form, whose rows `json-lines.ts` rewrites. */
export function copySql({ relation, columns, conditions, orderBy }: RowQuery): string {
  const list = columns.map(([name, form]) => form.expression(column(name)));
  const from = relation.isTable === true ? relation.sql : `(\n${relation.sql}\n)`;
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const order = orderBy.length === 0 ? '' : ` ORDER BY ${orderBy.map(column).join(', ')}`;
  return `COPY (SELECT ${list.join(', ')} FROM ${from} AS q${where}${order}) TO STDOUT`;
}

/** A bound that the session holds under `millrace.<name>`, in a type that compares with the column's. */
export function bound(name: 'lower' | 'upper', kind: CursorKind): string {
  const text = `current_setting('millrace.${name}')`;
  if (kind === 'integer') return `${text}::bigint`;
  // Columns without a zone hold UTC.
  return kind === 'timestamptz' ? `${text}::timestamptz` : `(${text}::timestamptz AT TIME ZONE 'UTC')`;
}
