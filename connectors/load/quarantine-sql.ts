import { limits } from '../../core/limits.js';
import { quoteText } from '../duckdb/sql-text.js';
import type { LoadRequest } from '../warehouse.js';
import { timestampSql } from './batch-sql.js';
import { quarantineTable } from './system-tables.js';

/** DuckDB's own default of `maximum_object_size`. */
const jsonObjectDefaultBytes = 16 * 1024 * 1024;

/** Columns of `_millrace_quarantine` that a load writes. */
export const quarantineColumns: readonly string[] = quarantineTable.columns
  .map(({ name }) => name)
  .filter((name) => name !== 'settled_by_load');

/** Quarantine rows of what earlier stages rejected, as DuckDB's SQL over the staged files. */
export function rejectsSql(request: LoadRequest, paths: readonly string[]): string {
  // DuckDB reserves buffers of twice this size for each thread, hence no more than the longest line can need.
  const largestFile = Math.max(...request.manifest.rejects.map((file) => file.bytes));
  const objectMaxBytes = Math.max(jsonObjectDefaultBytes, Math.min(largestFile, limits.recordMaxBytes * 2));
  return quarantineSql(
    request,
    'reject',
    `read_json([${paths.map(quoteText).join(', ')}], format = 'newline_delimited', maximum_object_size = ${String(objectMaxBytes)},
               columns = {code: 'VARCHAR', pointer: 'VARCHAR', message: 'VARCHAR', raw: 'VARCHAR', position: 'BIGINT'})`,
  );
}

/** Quarantine rows of what the table's contract refused; `source` has code, pointer, message, raw and position. */
export function refusalsSql(request: LoadRequest, source: string): string {
  return quarantineSql(request, 'refusal', source);
}

function quarantineSql(request: LoadRequest, kind: string, source: string): string {
  const { loadId, dagId, taskId, config, workflowId, attempt } = request;
  const id = `left(sha256(concat_ws('/', ${quoteText(loadId)}, ${quoteText(kind)}, CAST(position AS VARCHAR), code, pointer)), 32)`;
  const values: Readonly<Record<string, string>> = {
    quarantine_id: id,
    dag_id: quoteText(dagId),
    task_id: quoteText(taskId),
    table_name: quoteText(config.into),
    load_id: quoteText(loadId),
    workflow_id: quoteText(workflowId),
    attempt: String(attempt),
    status: `'open'`,
    quarantined_at: timestampSql(new Date().toISOString()),
  };
  return `SELECT ${quarantineColumns.map((name) => `${values[name] ?? name} AS ${name}`).join(', ')} FROM ${source}`;
}
