import type { ColumnSpec } from '../../core/loading/columns.js';
import { duckDbSpelling } from '../duckdb/column-sql.js';
import { typeOf, assertColumn } from './dialect.js';

/** A column of a table's schema, in the service's own form. */
export interface SchemaField {
  readonly name: string;
  readonly type: string;
  readonly precision?: string;
  readonly scale?: string;
}

/** Columns as the service takes them beside a load. @throws PipelineError IDENTIFIER_REFUSED */
export function tableSchema(columns: readonly ColumnSpec[]): SchemaField[] {
  return columns.map((column) => {
    assertColumn(column.name);
    const [, type = '', precision, scale] = /^(\w+)(?:\((\d+), (\d+)\))?$/.exec(typeOf(column)) ?? [];
    return {
      name: column.name,
      type,
      ...(precision === undefined ? {} : { precision, scale: scale ?? '0' }),
    };
  });
}

/** A type of the service as the engine that prepares batches spells its like. */
export function localType({ type, precision, scale }: Omit<SchemaField, 'name'>): string {
  switch (type) {
    case 'INT64':
    case 'INTEGER':
      return duckDbSpelling({ type: 'int64' });
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return duckDbSpelling({
        type: 'decimal',
        precision: Number(precision ?? 38),
        scale: Number(scale ?? (precision === undefined ? 9 : 0)),
      });
    case 'FLOAT64':
    case 'FLOAT':
      return duckDbSpelling({ type: 'double' });
    case 'BOOL':
    case 'BOOLEAN':
      return duckDbSpelling({ type: 'boolean' });
    case 'TIMESTAMP':
      return duckDbSpelling({ type: 'timestamp' });
    case 'DATE':
      return duckDbSpelling({ type: 'date' });
    case 'BYTES':
      return duckDbSpelling({ type: 'bytes' });
    default:
      return duckDbSpelling({ type: 'string' });
  }
}
