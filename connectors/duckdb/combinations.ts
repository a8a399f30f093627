import type { DuckDBConnection } from '@duckdb/node-api';
import type { Combination, CombinationRequest } from '../warehouse.js';
import { quoteName } from './sql-text.js';

/** Combinations of values as `Warehouse.combinations` gives them, as DuckDB makes them: no more than a chunk is held. */
export async function* combinations(
  connection: DuckDBConnection,
  { table, columns, at, maxRows }: CombinationRequest,
): AsyncGenerator<readonly Combination[]> {
  const text = (expression: string) => `CAST(${expression} AS VARCHAR)`;
  const names = columns.map(quoteName);
  const seen = at === undefined ? [] : [`min(${quoteName(at)})`, `max(${quoteName(at)})`];
  const where = at === undefined ? '' : `WHERE ${quoteName(at)} IS NOT NULL`;
  const result = await connection.stream(
    `SELECT ${[...names, ...seen].map(text).join(', ')} FROM ${quoteName(table)} ${where}
     GROUP BY ${names.join(', ')} LIMIT ${String(maxRows + 1)}`,
  );
  for await (const rows of result.yieldRowsJson()) yield rows as (string | null)[][];
}
