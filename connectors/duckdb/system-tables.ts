/** Tables of Millrace itself, as DDL that is safe to repeat. `docs/reference/system-tables.md` describes the columns. */
export const systemTables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS _millrace_loads (
     load_id VARCHAR, dag_id VARCHAR, task_id VARCHAR, table_name VARCHAR, workflow_id VARCHAR, run_id VARCHAR, attempt INTEGER,
     interval_key VARCHAR, interval_start TIMESTAMP, interval_end TIMESTAMP, fence BIGINT,
     extracted BIGINT, loaded BIGINT, unchanged BIGINT, superseded BIGINT, quarantined BIGINT, withheld BIGINT,
     content_hash VARCHAR, cursor VARCHAR, committed_at TIMESTAMP)`,
  `CREATE TABLE IF NOT EXISTS _millrace_fences (table_name VARCHAR, interval_key VARCHAR, fence BIGINT)`,
  `CREATE TABLE IF NOT EXISTS _millrace_quarantine (
     quarantine_id VARCHAR, dag_id VARCHAR, task_id VARCHAR, table_name VARCHAR, code VARCHAR, pointer VARCHAR, message VARCHAR,
     raw VARCHAR, position BIGINT, load_id VARCHAR, workflow_id VARCHAR, attempt INTEGER, status VARCHAR,
     quarantined_at TIMESTAMP, settled_by_load VARCHAR)`,
];

/** Columns that every loaded table has beside its own. */
export const systemColumns = {
  loadId: '_millrace_load_id',
  ingestedAt: '_millrace_ingested_at',
  position: '_millrace_position',
} as const;

/** The table that remembers deletions from `table`: key and version, so that an older row cannot come back. */
export function tombstoneTable(table: string): string {
  return `_millrace_tombstones__${table}`;
}
