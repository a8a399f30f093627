import type { ColumnSpec } from '../../core/loading/columns.js';
import type { TableLayout } from '../../core/dag/dag-spec.js';
import { PipelineError } from '../../core/errors/index.js';
import type { RemoteDialect } from '../remote/engine.js';

/** Characters that BigQuery takes in no name of a column (documentation, "Flexible column names"). */
const refusedInColumns = /[!"$()*,./;?@[\\\]^`{}~]/;
/** Beginnings of names that BigQuery keeps for itself (documentation, "Column names"). */
const reservedBeginnings = /^(_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER)/i;

/** @throws PipelineError IDENTIFIER_REFUSED for a name that BigQuery has no quotes for */
export function assertColumn(name: string): void {
  const reason = refusedInColumns.test(name)
    ? 'BigQuery takes none of ! " $ ( ) * , . / ; ? @ [ \\ ] ^ ` { } ~ in it'
    : reservedBeginnings.test(name)
      ? 'BigQuery keeps names that begin so for itself'
      : undefined;
  if (reason !== undefined)
    throw new PipelineError('IDENTIFIER_REFUSED', { what: 'column', name: JSON.stringify(name), reason });
}

/** @throws PipelineError IDENTIFIER_REFUSED for a name that no table of BigQuery can have */
export function assertTable(name: string): void {
  if (/^[\w-]+$/.test(name)) return;
  throw new PipelineError('IDENTIFIER_REFUSED', {
    what: 'table',
    name: JSON.stringify(name),
    reason: 'BigQuery takes letters, digits, underscores and hyphens only',
  });
}

/** A column. @throws PipelineError IDENTIFIER_REFUSED */
export const quoted = (name: string) => {
  assertColumn(name);
  return `\`${name}\``;
};

/** NUMERIC holds 29 digits before the point and 9 after it, BIGNUMERIC 38 and 38. */
export function typeOf(column: Pick<ColumnSpec, 'type' | 'precision' | 'scale'>): string {
  switch (column.type) {
    case 'string':
    case 'json':
      return 'STRING';
    case 'int64':
      return 'INT64';
    case 'decimal': {
      const { precision = 38, scale = 9 } = column;
      const isNumeric = scale <= 9 && precision - scale <= 29;
      return `${isNumeric ? 'NUMERIC' : 'BIGNUMERIC'}(${String(precision)}, ${String(scale)})`;
    }
    case 'double':
      return 'FLOAT64';
    case 'boolean':
      return 'BOOL';
    case 'timestamp':
      return 'TIMESTAMP';
    case 'date':
      return 'DATE';
    case 'bytes':
      return 'BYTES';
  }
}

/** BigQuery. Deleting and updating by another table are MERGE statements, as it advises. */
export function bigQueryDialect(project: string, dataset: string): RemoteDialect {
  const table = (name: string) => {
    assertTable(name);
    return `\`${project}.${dataset}.${name}\``;
  };
  const typed = (columns: readonly ColumnSpec[]) =>
    columns.map((column) => `${quoted(column.name)} ${typeOf(column)}`).join(', ');
  return {
    name: quoted,
    table,
    typeOf,
    deleteMatching: (target, source, condition) =>
      `MERGE INTO ${target} s USING ${source} j ON ${condition} WHEN MATCHED THEN DELETE`,
    updateMatching: (target, source, condition, set) =>
      `MERGE INTO ${target} s USING ${source} j ON ${condition} WHEN MATCHED THEN UPDATE SET ${set.map((name) => `${quoted(name)} = j.${quoted(name)}`).join(', ')}`,
    prefersMerge: true,
    text: literal,
    now: 'CURRENT_TIMESTAMP()',
    instant: 'CAST(? AS TIMESTAMP)',
    contains: (column) => `STRPOS(${column}, ?) > 0`,
    asText,
    createTable: (name, columns, layout) =>
      `CREATE TABLE IF NOT EXISTS ${table(name)} (${typed(columns)})${layoutSql(layout, columns)}`,
    createTemporary: (name, columns) => `CREATE TABLE ${table(name)} (${typed(columns)})`,
    rebuildTable: (name, query, layout) =>
      `CREATE OR REPLACE TABLE ${table(name)}${layoutSql(layout, [])} AS ${query}`,
    replaceRows: (target, columns, source, guard) => [
      `DELETE FROM ${target} WHERE ${guard}`,
      `INSERT INTO ${target} (${columns.join(', ')}) SELECT ${columns.join(', ')} FROM ${source} WHERE ${guard}`,
    ],
  };
}

/** No line break may stand in a literal, and quotes are escaped (documentation, "Lexical structure and syntax"). */
function literal(value: string): string {
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `'${escaped}'`;
}

/**
 * `2026-01-31 23:59:59.5`, with four digits of the year and no zeros at the fraction's end. `%F` writes fewer digits of an early
 * year, and a project may have another time zone than UTC where none is named (documentation, "Format elements",
 * "Manage default configurations": `default_time_zone`).
 */
export function instantText(expression: string): string {
  const time = `FORMAT_TIMESTAMP(' %H:%M:%E6S', ${expression}, 'UTC')`;
  return `REGEXP_REPLACE(CONCAT(CAST(DATE(${expression}, 'UTC') AS STRING), ${time}), r'[.]?0+$', '')`;
}

function asText(expression: string, column: ColumnSpec): string {
  switch (column.type) {
    case 'timestamp':
      return instantText(expression);
    case 'decimal':
      return `FORMAT('%.${String(column.scale ?? 9)}f', ${expression})`;
    case 'bytes':
      return `TO_HEX(${expression})`;
    default:
      return `CAST(${expression} AS STRING)`;
  }
}

function layoutSql(layout: TableLayout | undefined, columns: readonly ColumnSpec[]): string {
  const { partitionBy, clusterBy = [] } = layout ?? {};
  const unit = partitionBy?.unit.toUpperCase() ?? '';
  const isDate = columns.some(({ name, type }) => name === partitionBy?.column && type === 'date');
  const partition =
    partitionBy === undefined
      ? ''
      : isDate
        ? ` PARTITION BY ${unit === 'DAY' ? quoted(partitionBy.column) : `DATE_TRUNC(${quoted(partitionBy.column)}, ${unit})`}`
        : ` PARTITION BY TIMESTAMP_TRUNC(${quoted(partitionBy.column)}, ${unit})`;
  return `${partition}${clusterBy.length === 0 ? '' : ` CLUSTER BY ${clusterBy.map(quoted).join(', ')}`}`;
}
