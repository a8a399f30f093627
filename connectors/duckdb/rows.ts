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

type StoredColumns = { name: string; sqlType: string }[];

/** Columns of tables with DuckDB's own types, by the name of the table; nothing for a table that is not there. */
export async function columnsOf(
  connection: DuckDBConnection,
  tables: readonly string[],
): Promise<ReadonlyMap<string, StoredColumns>> {
  const rows = await rowsOf(
    connection,
    `SELECT table_name, column_name AS name, data_type AS type FROM duckdb_columns()
     WHERE NOT internal AND schema_name = 'main' AND database_name = current_database()
       AND table_name IN (${tables.map((_, index) => `$${String(index + 1)}`).join(', ')}) ORDER BY column_index`,
    [...tables],
  );
  const found = new Map<string, StoredColumns>();
  for (const row of rows) {
    const table = String(row['table_name']);
    const column = { name: String(row['name']), sqlType: String(row['type']).replaceAll(' ', '') };
    found.set(table, [...(found.get(table) ?? []), column]);
  }
  return found;
}

/** Columns of a table with DuckDB's own types; `undefined` where there is no such table. */
export async function tableColumns(
  connection: DuckDBConnection,
  table: string,
): Promise<StoredColumns | undefined> {
  return (await columnsOf(connection, [table])).get(table);
}
