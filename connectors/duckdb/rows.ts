import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { quoteText } from './sql-text.js';
import type { QueryRow } from '../warehouse.js';

/** Rows of a small result in JSON-safe form; values are bound, never written into the text. */
export async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
  values: DuckDBValue[] = [],
): Promise<readonly QueryRow[]> {
  const reader = await connection.runAndReadAll(sql, values);
  return reader.getRowObjectsJson();
}

/** Columns of a marker in `_millrace_loads`, in the form that `markerOf` reads. */
export const markerColumns = `load_id, table_name, fence, extracted, loaded, unchanged, superseded, quarantined, withheld,
  strftime(committed_at, '%Y-%m-%dT%H:%M:%S.%gZ') AS committed_at, cursor`;

/** Runs one writing statement and returns how many rows it changed. */
export async function changed(connection: DuckDBConnection, sql: string): Promise<number> {
  return (await connection.run(sql)).rowsChanged;
}

/** An ISO instant as a TIMESTAMP in UTC. */
export function timestamp(iso: string): string {
  return `TIMESTAMP ${quoteText(iso.replace('T', ' ').replace('Z', ''))}`;
}

/** Columns of a table with DuckDB's own types; `undefined` where there is no such table. */
export async function tableColumns(
  connection: DuckDBConnection,
  table: string,
): Promise<{ name: string; sqlType: string }[] | undefined> {
  const rows = await rowsOf(
    connection,
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns
     WHERE table_schema = 'main' AND table_catalog = current_database() AND table_name = $1 ORDER BY ordinal_position`,
    [table],
  );
  return rows.length === 0
    ? undefined
    : rows.map((row) => ({ name: String(row['name']), sqlType: String(row['type']).replaceAll(' ', '') }));
}
