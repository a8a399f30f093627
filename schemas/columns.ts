import type { ColumnSpec, ColumnType } from '../core/loading/columns.js';
import type { JsonObject, JsonValue } from '../core/json.js';

/** A column with the kind of JSON that its values arrive as. */
export interface SourceColumn extends ColumnSpec {
  /** True when JSON numbers (not only text) may stand for a decimal or a text, whose digits a double could round. */
  readonly hasInexactNumbers: boolean;
}

/** Columns of a record schema, in the order of its properties. `x-type` decides; else type and format do. */
export function schemaColumns(document: JsonObject): SourceColumn[] {
  const properties = (document['properties'] ?? {}) as Record<string, JsonObject>;
  const required = new Set((document['required'] ?? []) as string[]);
  return Object.entries(properties).map(([name, property]) => {
    const types = jsonTypes(property);
    const column = columnType(property, types);
    return {
      name,
      ...column,
      nullable: !required.has(name) || types.length === 0 || types.includes('null'),
      hasInexactNumbers:
        (column.type === 'decimal' || column.type === 'string') &&
        (types.length === 0 || types.includes('number')),
    };
  });
}

/** The `type` keyword as a list; empty where any type is allowed. */
export function jsonTypes(property: JsonObject): string[] {
  const type: JsonValue | undefined = property['type'];
  if (typeof type === 'string') return [type];
  return Array.isArray(type) ? type.map(String) : [];
}

function columnType(
  property: JsonObject,
  types: readonly string[],
): Pick<ColumnSpec, 'type' | 'precision' | 'scale'> {
  const declared = property['x-type'];
  if (typeof declared === 'string') {
    const decimal = /^decimal\((\d{1,2}),(\d{1,2})\)$/.exec(declared);
    if (decimal !== null)
      return { type: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) };
    if (isColumnType(declared)) return { type: declared };
  }
  const concrete = types.filter((type) => type !== 'null');
  if (concrete.length !== 1) return { type: 'json' };
  switch (concrete[0]) {
    case 'string':
      if (property['format'] === 'date-time') return { type: 'timestamp' };
      if (property['contentEncoding'] === 'base64') return { type: 'bytes' };
      return { type: property['format'] === 'date' ? 'date' : 'string' };
    case 'integer':
      return { type: 'int64' };
    case 'number':
      return { type: 'double' };
    case 'boolean':
      return { type: 'boolean' };
    default:
      return { type: 'json' };
  }
}

function isColumnType(text: string): text is Exclude<ColumnType, 'decimal'> {
  return ['string', 'int64', 'double', 'boolean', 'timestamp', 'date', 'bytes', 'json'].includes(text);
}
