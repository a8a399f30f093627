import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import type { JsonValue } from '../../core/json.js';
import type { LoadMarker, QueryRow } from '../warehouse.js';

/** Rows of a small result in JSON-safe form; values are bound, never written into the text. */
export async function rowsOf(connection: DuckDBConnection, sql: string, values: DuckDBValue[] = []): Promise<readonly QueryRow[]> {
  const reader = await connection.runAndReadAll(sql, values);
  return reader.getRowObjectsJson() as QueryRow[];
}

/** Columns of a marker in `_millrace_loads`, in the form that `markerOf` reads. */
export const markerColumns = `load_id, table_name, fence, extracted, loaded, unchanged, superseded, quarantined, withheld,
  strftime(committed_at, '%Y-%m-%dT%H:%M:%S.%gZ') AS committed_at, cursor`;

/** A marker from a row of `_millrace_loads`. */
export function markerOf(row: QueryRow): LoadMarker {
  const figure = (name: string) => Number(row[name] ?? 0);
  const cursor = row['cursor'];
  return {
    loadId: String(row['load_id']),
    table: String(row['table_name']),
    fence: figure('fence'),
    counts: {
      extracted: figure('extracted'),
      loaded: figure('loaded'),
      unchanged: figure('unchanged'),
      superseded: figure('superseded'),
      quarantined: figure('quarantined'),
      withheld: figure('withheld'),
    },
    committedAt: String(row['committed_at']),
    ...(typeof cursor === 'string' ? { cursor: JSON.parse(cursor) as JsonValue } : {}),
  };
}
