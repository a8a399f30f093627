import type { DuckDBConnection } from '@duckdb/node-api';
import type { Combination, CombinationRequest } from '../warehouse.js';
import { quoteName } from './sql-text.js';

/** Combinations of values as `Warehouse.combinations` gives them, as DuckDB makes them: no more than a chunk is held. */
export async function* combinations(
  connection: DuckDBConnection,
  { table, columns, at, within, except, maxRows }: CombinationRequest,
): AsyncGenerator<readonly Combination[]> {
  const text = (expression: string) => `CAST(${expression} AS VARCHAR)`;
  const names = columns.map(quoteName);
  const seen = at === undefined ? [] : [`min(${quoteName(at)})`, `max(${quoteName(at)})`];
  const binds: string[] = [];
  const bind = (value: string) => `$${String(binds.push(value))}`;
  const conditions = at === undefined ? [] : [`${quoteName(at)} IS NOT NULL`];
  if (within !== undefined)
    conditions.push(`${text(quoteName(within.column))} IN (${within.values.map(bind).join(', ') || 'NULL'})`);
  if (except !== undefined) {
    const { column, from, fromColumn, having } = except;
    conditions.push(
      `(${quoteName(column)} IS NULL OR ${quoteName(column)} NOT IN (
        SELECT ${quoteName(fromColumn)} FROM ${quoteName(from)} WHERE ${quoteName(having.column)} = ${bind(having.value)}))`,
    );
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const result = await connection.stream(
    `SELECT ${[...names, ...seen].map(text).join(', ')} FROM ${quoteName(table)} ${where}
     GROUP BY ${names.join(', ')} LIMIT ${String(maxRows + 1)}`,
    binds,
  );
  let isRead = false;
  try {
    for await (const rows of result.yieldRowsJson()) yield rows as (string | null)[][];
    isRead = true;
  } finally {
    // A result that is left before its end keeps its snapshot, for which checkpoints wait, until the next statement.
    if (!isRead) await connection.run('SELECT 1').catch(() => undefined);
  }
}
