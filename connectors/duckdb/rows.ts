import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { quoteName, quoteText } from './sql-text.js';
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

/**
 * Columns of tables with DuckDB's own types, by the name that was asked for; nothing for a table that is not there. Names that
 * differ in case only are one table, as DuckDB sees them.
 */
export async function columnsOf(
  connection: DuckDBConnection,
  tables: readonly string[],
): Promise<ReadonlyMap<string, StoredColumns>> {
  const rows = await askTables(connection, tables).catch(() => askCatalog(connection, tables));
  const found = new Map<string, StoredColumns>();
  for (const row of rows) {
    const table = tables[Number(row['place'])] ?? '';
    const column = { name: String(row['name']), sqlType: String(row['type']).replaceAll(' ', '') };
    found.set(table, [...(found.get(table) ?? []), column]);
  }
  return found;
}

/** Looks at these tables alone. DuckDB refuses it where one of them is not there. */
function askTables(connection: DuckDBConnection, tables: readonly string[]): Promise<readonly QueryRow[]> {
  const asked = tables.map(
    (table, place) =>
      `SELECT ${String(place)} AS place, cid, name, type FROM pragma_table_info(${quoteText(`"main".${quoteName(table)}`)})`,
  );
  return rowsOf(connection, `${asked.join(' UNION ALL ')} ORDER BY place, cid`);
}

/** Looks through the columns of every table, DuckDB's own among them, which takes several times as long. */
function askCatalog(connection: DuckDBConnection, tables: readonly string[]): Promise<readonly QueryRow[]> {
  const asked = tables.map((_, place) => `(${String(place)}, lower($${String(place + 1)}))`);
  return rowsOf(
    connection,
    `SELECT place, column_name AS name, data_type AS type
     FROM duckdb_columns() JOIN (VALUES ${asked.join(', ')}) asked(place, name) ON lower(table_name) = asked.name
     WHERE NOT internal AND schema_name = 'main' AND database_name = current_database() ORDER BY place, column_index`,
    [...tables],
  );
}

/** Columns of a table with DuckDB's own types; `undefined` where there is no such table. */
export async function tableColumns(
  connection: DuckDBConnection,
  table: string,
): Promise<StoredColumns | undefined> {
  return (await columnsOf(connection, [table])).get(table);
}
