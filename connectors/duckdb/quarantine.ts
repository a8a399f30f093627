import type { DuckDBConnection } from '@duckdb/node-api';
import { quarantineColumns, refusalsSql, rejectsSql } from '../load/quarantine-sql.js';
import type { LoadRequest } from '../warehouse.js';
import { changed } from './rows.js';

/** Writes what earlier stages rejected; returns how many rows. */
export async function writeRejects(
  connection: DuckDBConnection,
  request: LoadRequest,
  paths: readonly string[],
): Promise<number> {
  return paths.length === 0 ? 0 : insert(connection, rejectsSql(request, paths));
}

/** Writes what the table's contract refused; returns how many rows. */
export async function writeRefusals(
  connection: DuckDBConnection,
  request: LoadRequest,
  refused: string | undefined,
): Promise<number> {
  return refused === undefined ? 0 : insert(connection, refusalsSql(request, refused));
}

function insert(connection: DuckDBConnection, rows: string): Promise<number> {
  return changed(connection, `INSERT INTO _millrace_quarantine (${quarantineColumns.join(', ')}) ${rows}`);
}

/** Marks the quarantined rows that a replay has loaded. */
export async function settle(
  connection: DuckDBConnection,
  { loadId, settlesQuarantineIds = [] }: LoadRequest,
): Promise<void> {
  for (const id of settlesQuarantineIds) {
    await connection.run(
      `UPDATE _millrace_quarantine SET status = 'replayed', settled_by_load = $1 WHERE quarantine_id = $2 AND load_id <> $1`,
      [loadId, id],
    );
  }
}
