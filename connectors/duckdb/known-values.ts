import type { DuckDBConnection } from '@duckdb/node-api';
import type { StoredValuesRequest, Tally } from '../warehouse.js';
import { rowsOf, tableColumns } from './rows.js';
import { quoteName } from './sql-text.js';

/** Those of the values, as text, that a column has. */
export async function existingValues(
  connection: DuckDBConnection,
  table: string,
  column: string,
  values: readonly string[],
): Promise<readonly string[]> {
  if (values.length === 0) return [];
  const text = textOf(column);
  const rows = await rowsOf(
    connection,
    `SELECT DISTINCT ${text} AS value FROM ${quoteName(table)} WHERE ${text} IN (${bindsOf(values)})`,
    [...values],
  );
  return rows.map((row) => String(row['value']));
}

/** The values of a column beside these keys, as text; of several the greatest. */
export async function storedValues(
  connection: DuckDBConnection,
  { table, key, column, keys }: StoredValuesRequest,
): Promise<readonly (readonly [string, string])[]> {
  if (keys.length === 0) return [];
  const rows = await rowsOf(
    connection,
    `SELECT ${textOf(key)} AS k, max(${textOf(column)}) AS v FROM ${quoteName(table)}
     WHERE ${textOf(key)} IN (${bindsOf(keys)}) AND ${quoteName(column)} IS NOT NULL GROUP BY ${textOf(key)}`,
    [...keys],
  );
  return rows.map((row) => [String(row['k']), String(row['v'])]);
}

/** How many rows a table has, and the greatest value of a column of whole numbers. */
export async function tally(connection: DuckDBConnection, table: string, column: string): Promise<Tally> {
  if ((await tableColumns(connection, table)) === undefined) return { rows: 0, greatest: 0 };
  const [row] = await rowsOf(
    connection,
    `SELECT count(*) AS n, max(${quoteName(column)}) AS greatest FROM ${quoteName(table)}`,
  );
  return { rows: Number(row?.['n'] ?? 0), greatest: Number(row?.['greatest'] ?? 0) };
}

function textOf(column: string): string {
  return `CAST(${quoteName(column)} AS VARCHAR)`;
}

function bindsOf(values: readonly string[]): string {
  return values.map((_, index) => `$${String(index + 1)}`).join(', ');
}
