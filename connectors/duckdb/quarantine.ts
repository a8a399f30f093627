import type { DuckDBConnection } from '@duckdb/node-api';
import { limits } from '../../core/limits.js';
import type { LoadRequest } from '../warehouse.js';
import { changed, timestamp } from './rows.js';
import { quoteText } from './sql-text.js';

/** DuckDB's own default of `maximum_object_size`. */
const jsonObjectDefaultBytes = 16 * 1024 * 1024;

const quarantineColumns = `quarantine_id, dag_id, task_id, table_name, code, pointer, message, raw, position, load_id, workflow_id, attempt, status, quarantined_at`;

function quarantineValues(request: LoadRequest, kind: string): string {
  const { loadId, dagId, taskId, config, workflowId, attempt } = request;
  const id = `sha256(concat_ws('/', ${quoteText(loadId)}, ${quoteText(kind)}, CAST(position AS VARCHAR), code, pointer))`;
  return `left(${id}, 32), ${[dagId, taskId, config.into].map(quoteText).join(', ')}, code, pointer, message, raw, position,
    ${quoteText(loadId)}, ${quoteText(workflowId)}, ${String(attempt)}, 'open', ${timestamp(new Date().toISOString())}`;
}

/** Writes what earlier stages rejected; returns how many rows. */
export async function writeRejects(
  connection: DuckDBConnection,
  request: LoadRequest,
  paths: readonly string[],
): Promise<number> {
  if (paths.length === 0) return 0;
  // DuckDB reserves buffers of twice this size for each thread, hence no more than the longest line can need.
  const largestFile = Math.max(...request.manifest.rejects.map((file) => file.bytes));
  const objectMaxBytes = Math.max(jsonObjectDefaultBytes, Math.min(largestFile, limits.recordMaxBytes * 2));
  return changed(
    connection,
    `INSERT INTO _millrace_quarantine (${quarantineColumns}) SELECT ${quarantineValues(request, 'reject')}
     FROM read_json([${paths.map(quoteText).join(', ')}], format = 'newline_delimited', maximum_object_size = ${String(objectMaxBytes)},
                    columns = {code: 'VARCHAR', pointer: 'VARCHAR', message: 'VARCHAR', raw: 'VARCHAR', position: 'BIGINT'})`,
  );
}

/** Writes what the table's contract refused; returns how many rows. */
export async function writeRefusals(
  connection: DuckDBConnection,
  request: LoadRequest,
  refused: string | undefined,
): Promise<number> {
  if (refused === undefined) return 0;
  return changed(
    connection,
    `INSERT INTO _millrace_quarantine (${quarantineColumns}) SELECT ${quarantineValues(request, 'refusal')} FROM ${refused}`,
  );
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
