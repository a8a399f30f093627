import mysql from 'mysql2';
import { limits } from '../../core/limits.js';

/** How the values of a column are written, and whether it can be a cursor. */
export interface ColumnForm {
  /** The column as the server writes it, from its quoted name. */
  expression(column: string): string;
  readonly encoding: Encoding;
  /** How its values are ordered as a cursor; `undefined`: they cannot be one. */
  readonly cursor: CursorKind | undefined;
  readonly typeName: string;
  readonly isNotNull: boolean;
  /** Type of its values where a statement takes them from a JSON document. */
  readonly castType: string;
  /** Of a decimal: digits after the point. Of an instant or a time: digits of a second's fraction. */
  readonly scale: number;
}

/** What the server's text of a value becomes in JSON; see `json-lines.ts`. */
export type Encoding = 'text' | 'number' | 'instant' | 'date' | 'json' | 'base64';

export type CursorKind = 'instant' | 'date' | 'integer';

/** What the protocol says of a column. Source: MySQL Internals, "Column Definition Flags". */
const flag = { notNull: 1, unsigned: 32, zerofill: 64, enum: 256, set: 2048 } as const;
/** The charset of columns that hold bytes. */
const binaryCharset = 63;

interface TypeRule {
  readonly name: string;
  readonly encoding: Encoding;
  readonly cursor?: CursorKind;
  readonly castType: string;
  expression?(column: string): string;
}

const integer = (name: string, castType = 'BIGINT'): TypeRule => ({
  name,
  encoding: 'number',
  cursor: 'integer',
  castType,
});
const asUnsigned = (column: string): string => `CAST(${column} AS UNSIGNED)`;
const orNull = (column: string): string =>
  `IF(MONTH(${column}) = 0 OR DAYOFMONTH(${column}) = 0, NULL, ${column})`;
const { Types } = mysql;

const rules: Readonly<Record<number, TypeRule>> = {
  [Types.TINY]: integer('tinyint'),
  [Types.SHORT]: integer('smallint'),
  [Types.INT24]: integer('mediumint'),
  [Types.LONG]: integer('int'),
  [Types.LONGLONG]: integer('bigint'),
  // Its text is `0000`, and bits have none.
  [Types.YEAR]: { ...integer('year'), expression: asUnsigned },
  [Types.BIT]: { name: 'bit', encoding: 'number', castType: 'BIGINT UNSIGNED', expression: asUnsigned },
  // The server writes six digits of a float; as the double that it is, it has all.
  [Types.FLOAT]: {
    name: 'float',
    encoding: 'number',
    castType: 'DOUBLE',
    expression: (column) => `(${column} * 1e0)`,
  },
  [Types.DOUBLE]: { name: 'double', encoding: 'number', castType: 'DOUBLE' },
  [Types.DECIMAL]: { name: 'decimal', encoding: 'text', castType: 'DECIMAL' },
  [Types.NEWDECIMAL]: { name: 'decimal', encoding: 'text', castType: 'DECIMAL' },
  [Types.DATE]: { name: 'date', encoding: 'date', cursor: 'date', castType: 'DATE' },
  [Types.NEWDATE]: { name: 'date', encoding: 'date', cursor: 'date', castType: 'DATE' },
  [Types.DATETIME]: { name: 'datetime', encoding: 'instant', cursor: 'instant', castType: 'DATETIME(6)' },
  [Types.TIMESTAMP]: { name: 'timestamp', encoding: 'instant', cursor: 'instant', castType: 'DATETIME(6)' },
  [Types.TIME]: { name: 'time', encoding: 'text', castType: 'TIME(6)' },
  [Types.JSON]: { name: 'json', encoding: 'json', castType: 'JSON' },
};
const unreadable: Readonly<Record<number, string>> = { [Types.GEOMETRY]: 'geometry', 242: 'vector' };

/**
 * The form of a column, or the name of its type where it has none.
 *
 * @param zeroDates whether dates with a zero month or day, which no calendar has, are read as they are or as NULL.
 */
export function formOf(
  field: mysql.FieldPacket,
  zeroDates: 'keep' | 'null',
): ColumnForm | { readonly unreadable: string } {
  const { flags: given, decimals, characterSet } = field;
  const flags = typeof given === 'number' ? given : 0;
  const type = field.columnType ?? field.type ?? Types.VAR_STRING;
  const refused = unreadable[type];
  if (refused !== undefined) return { unreadable: refused };
  const rule = rules[type] ?? textRule(type, flags, characterSet, field);
  const isUnsigned = (flags & flag.unsigned) !== 0 && rule.encoding === 'number';
  const hasZeros = (flags & flag.zerofill) !== 0 && rule.cursor === 'integer';
  const isDate = rule.cursor === 'instant' || rule.cursor === 'date';
  const plain = isDate && zeroDates === 'null' ? orNull : (column: string): string => column;
  const own = hasZeros ? asUnsigned : (rule.expression ?? plain);
  return {
    expression: isLong(field) ? (column) => `LEFT(${column}, ${String(limits.recordMaxBytes + 1)})` : own,
    encoding: rule.encoding,
    cursor: rule.cursor,
    typeName: rule.name,
    isNotNull: (flags & flag.notNull) !== 0,
    castType: castTypeOf(rule, isUnsigned, decimals),
    scale: decimals,
  };
}

function castTypeOf({ castType }: TypeRule, isUnsigned: boolean, scale: number): string {
  if (castType === 'DECIMAL') return `DECIMAL(65, ${String(Math.min(scale, 30))})`;
  return isUnsigned && castType === 'BIGINT' ? 'BIGINT UNSIGNED' : castType;
}

function textRule(
  type: number,
  flags: number,
  characterSet: number | undefined,
  field: mysql.FieldPacket & { readonly extendedFormat?: string; readonly extendedTypeName?: string },
): TypeRule {
  const castType = 'LONGTEXT CHARACTER SET utf8mb4';
  // MariaDB keeps documents as text, and says so beside the type.
  if (field.extendedFormat === 'json') return { name: 'json', encoding: 'json', castType };
  const { extendedTypeName } = field;
  if (extendedTypeName !== undefined) return { name: extendedTypeName, encoding: 'text', castType };
  if ((flags & flag.enum) !== 0 || type === Types.ENUM) return { name: 'enum', encoding: 'text', castType };
  if ((flags & flag.set) !== 0 || type === Types.SET) return { name: 'set', encoding: 'text', castType };
  if (characterSet === binaryCharset) return { name: 'binary', encoding: 'base64', castType };
  return { name: 'text', encoding: 'text', castType };
}

/** Of a longer value no more is read than it takes to see that its record is too long. */
function isLong({ columnType, type, columnLength = 0 }: mysql.FieldPacket): boolean {
  const longTypes: readonly (number | undefined)[] = [
    Types.BLOB,
    Types.MEDIUM_BLOB,
    Types.LONG_BLOB,
    Types.JSON,
  ];
  return longTypes.includes(columnType ?? type) && columnLength > limits.recordMaxBytes;
}
