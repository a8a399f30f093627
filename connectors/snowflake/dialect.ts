import type { ColumnSpec } from '../../core/loading/columns.js';
import type { TableLayout } from '../../core/dag/dag-spec.js';
import type { RemoteDialect } from '../remote/engine.js';

/**
 * A plain lower-case name is stored in upper case, so that people write it without quotes, in any case; every other name is
 * stored as it is. Both are quoted here.
 */
export function storedName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name.toUpperCase() : name;
}

/** The name that `storedName` was given. */
export function logicalName(stored: string): string {
  return /^[A-Z_][A-Z0-9_$]*$/.test(stored) ? stored.toLowerCase() : stored;
}

const quoted = (name: string) => `"${storedName(name).replaceAll('"', '""')}"`;

function typeOf(column: Pick<ColumnSpec, 'type' | 'precision' | 'scale'>): string {
  switch (column.type) {
    case 'string':
    case 'json':
      return 'VARCHAR';
    case 'int64':
      return 'NUMBER(19, 0)';
    case 'decimal':
      return `NUMBER(${String(column.precision ?? 38)}, ${String(column.scale ?? 9)})`;
    case 'double':
      return 'FLOAT';
    case 'boolean':
      return 'BOOLEAN';
    case 'timestamp':
      return 'TIMESTAMP_NTZ(6)';
    case 'date':
      return 'DATE';
    case 'bytes':
      return 'BINARY';
  }
}

const typed = (columns: readonly ColumnSpec[]) =>
  columns.map((column) => `${quoted(column.name)} ${typeOf(column)}`).join(', ');

function clusterBy(layout: TableLayout | undefined): string {
  const columns = [layout?.partitionBy?.column, ...(layout?.clusterBy ?? [])].filter(
    (name, index, all): name is string => name !== undefined && all.indexOf(name) === index,
  );
  return columns.length === 0 ? '' : ` CLUSTER BY (${columns.map(quoted).join(', ')})`;
}

/** Snowflake. Instants are stored without zone, in UTC, so that a table reads the same in every session. */
export const snowflakeDialect: RemoteDialect = {
  name: quoted,
  table: quoted,
  typeOf,
  deleteMatching: (target, source, condition) =>
    `DELETE FROM ${target} s USING ${source} j WHERE ${condition}`,
  updateMatching: (target, source, condition, set) =>
    `UPDATE ${target} s SET ${set.map((name) => `${quoted(name)} = j.${quoted(name)}`).join(', ')} FROM ${source} j WHERE ${condition}`,
  prefersMerge: true,
  // Backslashes escape in literals (Snowflake documentation, "String & binary data types").
  text: (value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
  now: 'SYSDATE()',
  instant: 'CAST(? AS TIMESTAMP_NTZ(6))',
  contains: (column) => `CONTAINS(${column}, ?)`,
  asText: (expression, column) =>
    column.type === 'timestamp'
      ? `REGEXP_REPLACE(TO_VARCHAR(${expression}, 'YYYY-MM-DD HH24:MI:SS.FF6'), '([.][0-9]*[1-9])0+$|[.]0+$', '\\\\1')`
      : column.type === 'bytes'
        ? `HEX_ENCODE(${expression})`
        : `CAST(${expression} AS VARCHAR)`,
  createTable: (name, columns, layout) =>
    `CREATE TABLE IF NOT EXISTS ${quoted(name)} (${typed(columns)})${clusterBy(layout)}`,
  createTemporary: (name, columns) => `CREATE TRANSIENT TABLE ${quoted(name)} (${typed(columns)})`,
  rebuildTable: (name, query, layout) =>
    `CREATE OR REPLACE TABLE ${quoted(name)}${clusterBy(layout)} COPY GRANTS AS ${query}`,
  replaceRows: (table, columns, source) => [
    `INSERT OVERWRITE INTO ${table} (${columns.join(', ')}) SELECT ${columns.join(', ')} FROM ${source}`,
  ],
};
