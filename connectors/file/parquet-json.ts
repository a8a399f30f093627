import {
  DuckDBArrayType,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  DuckDBTypeId,
  type DuckDBType,
} from '@duckdb/node-api';
import { quoteText } from '../duckdb/sql-text.js';

/** Types whose values are JSON numbers, digit by digit. */
const integers: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
]);

/** Types whose values are JSON strings of DuckDB's own text. */
const texts: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.DECIMAL,
  DuckDBTypeId.DATE,
  DuckDBTypeId.TIME,
  DuckDBTypeId.TIME_TZ,
  DuckDBTypeId.TIME_NS,
  DuckDBTypeId.INTERVAL,
  DuckDBTypeId.UUID,
  DuckDBTypeId.ENUM,
]);

/** Types that are instants. Without a zone nobody knows which instant it is; it counts as UTC. */
const instants: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TIMESTAMP,
  DuckDBTypeId.TIMESTAMP_S,
  DuckDBTypeId.TIMESTAMP_MS,
  DuckDBTypeId.TIMESTAMP_NS,
  DuckDBTypeId.TIMESTAMP_TZ,
]);

/**
 * An SQL expression for the JSON text of a value, NULL for NULL; `undefined` for a type that has no JSON text here. No value
 * passes through a double that is not one. The time zone of the session has to be UTC.
 *
 * @param value SQL expression of the value
 */
export function jsonSql(type: DuckDBType, value: string, depth = 0): string | undefined {
  const { typeId } = type;
  const text = `CAST(${value} AS VARCHAR)`;
  if (integers.has(typeId) || typeId === DuckDBTypeId.BOOLEAN) return text;
  if (texts.has(typeId)) return jsonString(text);
  if (instants.has(typeId)) return jsonString(instantSql(text));
  if (typeId === DuckDBTypeId.FLOAT || typeId === DuckDBTypeId.DOUBLE) return numberSql(value, text);
  if (typeId === DuckDBTypeId.VARCHAR) return type.alias === 'JSON' ? rawJsonSql(value) : jsonString(value);
  if (typeId === DuckDBTypeId.BLOB) return jsonString(`base64(${value})`);
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType)
    return listSql(type.valueType, value, depth);
  if (type instanceof DuckDBStructType) return structSql(type, value, depth);
  return type instanceof DuckDBMapType ? mapSql(type, value, depth) : undefined;
}

function jsonString(text: string): string {
  return `CAST(to_json(${text}) AS VARCHAR)`;
}

/** `2026-01-01 00:00:00.5` and `…+00` as `2026-01-01T00:00:00.5+00:00`; infinities and years before Christ stay words. */
function instantSql(text: string): string {
  return `regexp_replace(${text}, '^([0-9]+-[0-9]{2}-[0-9]{2}) ([0-9:.]+)([+]00)?$', '\\1T\\2+00:00')`;
}

/** What JSON has no number for becomes a word. */
function numberSql(value: string, text: string): string {
  return `CASE WHEN isnan(${value}) THEN '"NaN"' WHEN isinf(${value}) THEN CASE WHEN ${value} > 0 THEN '"Infinity"' ELSE '"-Infinity"' END ELSE ${text} END`;
}

/** Line breaks stand between tokens only; text that is no JSON after all stays text. */
function rawJsonSql(value: string): string {
  const text = `CAST(${value} AS VARCHAR)`;
  return `CASE WHEN json_valid(${text}) THEN replace(replace(${text}, chr(10), ' '), chr(13), ' ') ELSE ${jsonString(text)} END`;
}

function listSql(elementType: DuckDBType, value: string, depth: number): string | undefined {
  const name = `e${String(depth)}`;
  const element = jsonSql(elementType, name, depth + 1);
  if (element === undefined) return undefined;
  return joined(value, `coalesce(${element}, 'null')`, name, ['[', ']']);
}

function structSql(
  { entryNames, entryTypes }: DuckDBStructType,
  value: string,
  depth: number,
): string | undefined {
  const members: string[] = [];
  for (const [index, name] of entryNames.entries()) {
    const member = jsonSql(
      entryTypes[index] as DuckDBType,
      `struct_extract(${value}, ${quoteText(name)})`,
      depth,
    );
    if (member === undefined) return undefined;
    members.push(memberSql(name, member));
  }
  return `CASE WHEN ${value} IS NOT NULL THEN concat('{', ${[...members.flatMap((one, index) => (index === 0 ? [one] : [`','`, one])), `'}'`].join(', ')}) END`;
}

/** One member of an object, `null` where there is no value. */
export function memberSql(name: string, json: string): string {
  return `${quoteText(`${JSON.stringify(name)}:`)}, coalesce(${json}, 'null')`;
}

/** An object: names are the keys as text, those that are no text as their JSON. */
function mapSql({ keyType, valueType }: DuckDBMapType, value: string, depth: number): string | undefined {
  const entry = `e${String(depth)}`;
  const key = jsonSql(keyType, `${entry}.key`, depth + 1);
  const member = jsonSql(valueType, `${entry}.value`, depth + 1);
  if (key === undefined || member === undefined) return undefined;
  const name = `CASE WHEN starts_with(${key}, '"') THEN ${key} ELSE ${jsonString(key)} END`;
  return joined(
    `map_entries(${value})`,
    `concat(${name}, ':', coalesce(${member}, 'null'))`,
    entry,
    ['{', '}'],
    value,
  );
}

function joined(
  list: string,
  element: string,
  name: string,
  [open, close]: readonly [string, string],
  value = list,
): string {
  const elements = `list_transform(${list}, lambda ${name}: ${element})`;
  return `CASE WHEN ${value} IS NOT NULL THEN concat('${open}', array_to_string(${elements}, ','), '${close}') END`;
}
