import type { ColumnSpec, ColumnType } from '../../core/loading/columns.js';

/** A table of Millrace itself. `docs/reference/system-tables.md` describes the columns. */
export interface SystemTable {
  readonly name: string;
  readonly columns: readonly ColumnSpec[];
}

const columns = (type: ColumnType, ...names: string[]): ColumnSpec[] =>
  names.map((name) => ({ name, type, nullable: true }));

export const loadsTable: SystemTable = {
  name: '_millrace_loads',
  columns: [
    ...columns('string', 'load_id', 'dag_id', 'task_id', 'table_name', 'workflow_id', 'run_id'),
    ...columns('int64', 'attempt'),
    ...columns('string', 'interval_key'),
    ...columns('timestamp', 'interval_start', 'interval_end'),
    ...columns('int64', 'fence', 'extracted', 'loaded', 'unchanged', 'superseded', 'quarantined', 'withheld'),
    ...columns('string', 'content_hash', 'cursor'),
    ...columns('timestamp', 'committed_at'),
  ],
};

export const quarantineTable: SystemTable = {
  name: '_millrace_quarantine',
  columns: [
    ...columns('string', 'quarantine_id', 'dag_id', 'task_id', 'table_name', 'code', 'pointer'),
    ...columns('string', 'message', 'raw'),
    ...columns('int64', 'position'),
    ...columns('string', 'load_id', 'workflow_id'),
    ...columns('int64', 'attempt'),
    ...columns('string', 'status'),
    ...columns('timestamp', 'quarantined_at'),
    ...columns('string', 'settled_by_load'),
  ],
};

export const reconcilesTable: SystemTable = {
  name: '_millrace_reconciles',
  columns: [
    ...columns('string', 'reconcile_id', 'dag_id', 'task_id', 'table_name', 'status', 'way', 'reason'),
    ...columns('int64', 'source_rows', 'warehouse_rows', 'missing', 'extra', 'changed'),
    ...columns('int64', 'timestamp_only', 'in_flight'),
    ...columns('string', 'heal_status'),
    ...columns('int64', 'healed', 'remaining'),
    ...columns('string', 'report'),
    ...columns('timestamp', 'compared_at'),
  ],
};

/** A row of `_millrace_reconciles`: values in the order of its columns, the time as ISO 8601 UTC. */
export type ReconcileRow = readonly (string | number | null)[];

/** Columns that every loaded table has beside its own. */
export const systemColumns = {
  loadId: '_millrace_load_id',
  ingestedAt: '_millrace_ingested_at',
  position: '_millrace_position',
} as const;

/** The system columns with their types. */
export const systemColumnSpecs: readonly ColumnSpec[] = [
  ...columns('string', systemColumns.loadId),
  ...columns('timestamp', systemColumns.ingestedAt),
  ...columns('int64', systemColumns.position),
];

/** Columns that `scd2` adds: `valid_from <= t < valid_to`, with `valid_to` NULL while nothing came after. */
export const validityColumns = {
  validFrom: '_millrace_valid_from',
  validTo: '_millrace_valid_to',
  isCurrent: '_millrace_is_current',
} as const;

export const validityColumnSpecs: readonly ColumnSpec[] = [
  ...columns('timestamp', validityColumns.validFrom, validityColumns.validTo),
  ...columns('boolean', validityColumns.isCurrent),
];

/** The table that remembers deletions from `table`: key and version, so that an older row cannot come back. */
export function tombstoneTable(table: string): string {
  return `_millrace_tombstones__${table}`;
}

/** Where several machines write: the fences of one table, so that loads of other tables do not wait. */
export function fenceTable(table: string): string {
  return `_millrace_fences__${table}`;
}

/** Prefix of tables that live for one load. */
export const temporaryPrefix = '_millrace_tmp_';
