import type { TypedTextColumn, TypedTextType } from '../typed-text.js';
import type { ColumnForm } from './type-forms.js';

/** Digits of a decimal column; see `ColumnType`. */
const decimalMaxDigits = 38;

const byTypeName: Readonly<Record<string, TypedTextType>> = {
  smallint: 'int64',
  integer: 'int64',
  bigint: 'int64',
  real: 'number',
  'double precision': 'number',
  boolean: 'boolean',
  'timestamp with time zone': 'timestamp',
  'timestamp without time zone': 'timestamp',
  date: 'date',
};

/** The columns of a read with their types; `undefined` where their names cannot stand beside each other in a typed file. */
export function typedColumns(
  columns: readonly (readonly [name: string, form: ColumnForm])[],
): readonly TypedTextColumn[] | undefined {
  const names = new Set(columns.map(([name]) => name.toLowerCase()));
  const isTakeable = columns.every(([name]) => name !== '' && !name.toLowerCase().startsWith('_millrace'));
  if (names.size < columns.length || !isTakeable) return undefined;
  return columns.map(([name, form]) => ({ name, ...typeOf(form) }));
}

function typeOf({ typeName, encoding, digits }: ColumnForm): Omit<TypedTextColumn, 'name'> {
  if (digits !== undefined) {
    const { precision, scale } = digits;
    const isDecimal = precision <= decimalMaxDigits && scale >= 0 && scale <= precision;
    return isDecimal ? { type: 'decimal', precision, scale } : { type: 'string' };
  }
  return { type: encoding === 'json' ? 'json' : (byTypeName[typeName] ?? 'string') };
}
