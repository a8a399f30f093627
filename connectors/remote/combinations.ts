import type { ColumnSpec } from '../../core/loading/columns.js';
import type { CombinationRequest } from '../warehouse.js';
import type { RemoteDialect, Statement } from './engine.js';

/** The statement for `Warehouse.combinations`, whose columns are `c0` and so on, and how many there are. */
export function combinationsStatement(
  { table, columns, at, within, except, maxRows }: CombinationRequest,
  specs: readonly ColumnSpec[],
  dialect: RemoteDialect,
): { readonly statement: Statement; readonly width: number } {
  const text = (expression: string, column: string) => {
    const spec = specs.find(({ name }) => name === column);
    return dialect.asText(expression, spec ?? { name: column, type: 'string', nullable: true });
  };
  const names = columns.map((column) => dialect.name(column));
  // Texts of instants are in the order of the instants.
  const seen = at === undefined ? [] : ['MIN', 'MAX'].map((f) => `${f}(${text(dialect.name(at), at)})`);
  const values = [...columns.map((column, index) => text(names[index] ?? '', column)), ...seen];
  const conditions = at === undefined ? [] : [`${dialect.name(at)} IS NOT NULL`];
  const binds: string[] = [];
  if (within !== undefined) {
    const marks = within.values.map(() => '?').join(', ') || 'NULL';
    conditions.push(`${text(dialect.name(within.column), within.column)} IN (${marks})`);
    binds.push(...within.values);
  }
  if (except !== undefined) {
    const { column, from, fromColumn, having } = except;
    const name = dialect.name(column);
    conditions.push(
      `(${name} IS NULL OR ${name} NOT IN (SELECT ${dialect.name(fromColumn)} FROM ${dialect.table(from)} WHERE ${dialect.name(having.column)} = ?))`,
    );
    binds.push(having.value);
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const selected = values.map((value, index) => `${value} AS c${String(index)}`).join(', ');
  const sql = `SELECT ${selected} FROM ${dialect.table(table)} ${where} GROUP BY ${names.join(', ')} LIMIT ${String(maxRows + 1)}`;
  return { statement: { sql, binds }, width: values.length };
}
