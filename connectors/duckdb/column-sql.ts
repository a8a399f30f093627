import type { ColumnSpec } from '../../core/loading/columns.js';

/** DuckDB's type of a column. */
export function duckDbType(column: Pick<ColumnSpec, 'type' | 'precision' | 'scale'>): string {
  switch (column.type) {
    case 'string':
    case 'json':
      return 'VARCHAR';
    case 'int64':
      return 'BIGINT';
    case 'decimal':
      return `DECIMAL(${String(column.precision ?? 38)}, ${String(column.scale ?? 9)})`;
    case 'double':
      return 'DOUBLE';
    case 'boolean':
      return 'BOOLEAN';
    case 'timestamp':
      return 'TIMESTAMP';
    case 'date':
      return 'DATE';
    case 'bytes':
      return 'BLOB';
  }
}

/** The logical column of DuckDB's own spelling of a type, such as `DECIMAL(38,2)`; text for a type that is none of ours. */
export function columnOfDuckDb(name: string, sqlType: string): ColumnSpec {
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(sqlType);
  if (decimal !== null)
    return {
      name,
      type: 'decimal',
      precision: Number(decimal[1]),
      scale: Number(decimal[2]),
      nullable: true,
    };
  return { name, type: logicalTypes[sqlType] ?? 'string', nullable: true };
}

const logicalTypes: Readonly<Record<string, ColumnSpec['type']>> = {
  BIGINT: 'int64',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  TIMESTAMP: 'timestamp',
  DATE: 'date',
  BLOB: 'bytes',
};

/** A logical column as DuckDB spells its type, without a space, so that spellings compare. */
export function duckDbSpelling(column: Pick<ColumnSpec, 'type' | 'precision' | 'scale'>): string {
  return duckDbType(column).replaceAll(' ', '');
}

/**
 * A column's value from text: exact, or NULL. Casts that would round (a fraction for an integer, more digits than the
 * scale) give NULL, so that the caller can set the row aside. The session's time zone must be UTC.
 */
export function fromText(column: ColumnSpec, text: string): string {
  switch (column.type) {
    case 'string':
    case 'json':
      return text;
    case 'int64':
      return `CASE WHEN regexp_full_match(${text}, '[+-]?[0-9]{1,19}') THEN TRY_CAST(${text} AS BIGINT) END`;
    case 'decimal': {
      const scale = column.scale ?? 9;
      const whole = (column.precision ?? 38) - scale;
      const fraction = scale === 0 ? '([.]0*)?' : `([.][0-9]{0,${String(scale)}}0*)?`;
      return `CASE WHEN regexp_full_match(${text}, '[+-]?0*[0-9]{1,${String(Math.max(whole, 1))}}${fraction}') THEN TRY_CAST(${text} AS ${duckDbType(column)}) END`;
    }
    case 'double':
      return `TRY_CAST(${text} AS DOUBLE)`;
    case 'boolean':
      return `CASE ${text} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END`;
    case 'timestamp':
      return `CAST(TRY_CAST(${text} AS TIMESTAMPTZ) AS TIMESTAMP)`;
    case 'date':
      return `TRY_CAST(${text} AS DATE)`;
    case 'bytes':
      return `TRY(from_base64(${text}))`;
  }
}

/** A column's value from a JSON value (NULL for an absent or null one). */
export function fromJson(column: ColumnSpec, json: string): string {
  return column.type === 'json' ? `CAST(${json} AS VARCHAR)` : fromText(column, `(${json} ->> '$')`);
}
