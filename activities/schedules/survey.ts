import type { StagedSql } from '../../connectors/duckdb/staged-sql.js';
import { quoteText } from '../../connectors/duckdb/sql-text.js';
import type { ColumnType } from '../../core/loading/columns.js';
import { limits } from '../../core/limits.js';
import type { SourceColumn } from '../../schemas/columns.js';

/** What one look over a raw batch tells, before anything is typed. */
export interface Survey {
  readonly rows: number;
  /** Members that the schema does not name, in order. */
  readonly unknownKeys: readonly string[];
  /** Unknown members that differ from another column by letter case alone; no table can hold both. */
  readonly clashingKeys: readonly string[];
  /** The other unknown members as columns, typed by what the batch holds. */
  readonly extraColumns: readonly SourceColumn[];
  /**
   * The batch holds something that DuckDB's JSON reader takes more leniently than JSON is (trailing commas, NaN), or
   * that it cannot show (lines that are no object, repeated members, escapes of NUL or of half a character, null where
   * the schema allows absence only, and in documents numbers with more digits than a double keeps).
   */
  readonly isDoubtful: boolean;
}

/** A column of the schema that may be absent and, where present, must not be null. */
export type OptionalColumn = Pick<SourceColumn, 'name'>;

/** Surveys raw NDJSON files in one scan. */
export async function surveyFiles(
  sql: StagedSql,
  paths: readonly string[],
  columns: readonly SourceColumn[],
  signal: AbortSignal,
  refusingNull: readonly OptionalColumn[] = [],
): Promise<Survey> {
  const lines = `read_ndjson_objects([${paths.map(quoteText).join(', ')}], ignore_errors = true, maximum_object_size = ${String(limits.recordMaxBytes)})`;
  const shapes = await sql.run(
    [
      `SELECT json_keys(json) AS keys, count(*)::INTEGER AS n,
              bool_or(json IS NULL OR json_type(json) <> 'OBJECT' OR regexp_matches(CAST(json AS VARCHAR), ${quoteText(doubtfulPattern)})) AS doubtful,
              bool_or(regexp_matches(CAST(json AS VARCHAR), ':\\s*null')) AS has_null
       FROM ${lines} GROUP BY keys`,
    ],
    signal,
  );
  const known = new Set(columns.map((column) => column.name));
  const unknown = new Set<string>();
  let rows = 0;
  let isDoubtful = false;
  let hasNull = false;
  for (const shape of shapes) {
    const keys = (shape['keys'] ?? []) as string[];
    rows += Number(shape['n']);
    isDoubtful ||= shape['doubtful'] !== false || new Set(keys).size !== keys.length;
    hasNull ||= shape['has_null'] !== false;
    for (const key of keys) if (!known.has(key)) unknown.add(key);
  }
  const { unknownKeys, clashingKeys, freeKeys } = sortKeys([...unknown], columns);
  const extraColumns = freeKeys.length === 0 ? [] : await inferColumns(sql, lines, freeKeys, signal);
  const holdsDocuments = [...columns, ...extraColumns].some(({ type }) => type === 'json');
  return {
    rows,
    unknownKeys,
    clashingKeys,
    extraColumns,
    isDoubtful:
      isDoubtful ||
      clashingKeys.length > 0 ||
      (hasNull && refusingNull.length > 0 && (await holdsNull(sql, lines, refusingNull, signal))) ||
      (holdsDocuments && (await holdsLongNumber(sql, lines, signal))),
  };
}

/** Members that the schema does not name, as they can become columns or not. */
export interface UnknownKeys {
  /** All, in order. */
  readonly unknownKeys: readonly string[];
  /** Those that no table can hold beside the other columns. */
  readonly clashingKeys: readonly string[];
  readonly freeKeys: readonly string[];
}

/** Parts unknown members by whether they can become columns beside those of the schema. */
export function sortKeys(
  unknown: readonly string[],
  columns: readonly Pick<SourceColumn, 'name'>[],
): UnknownKeys {
  const lowerKnown = new Set(columns.map((column) => column.name.toLowerCase()));
  const unknownKeys = [...unknown].sort();
  const clashingKeys: string[] = [];
  const freeKeys: string[] = [];
  for (const key of unknownKeys) {
    const lower = key.toLowerCase();
    if (
      lowerKnown.has(lower) ||
      key === '' ||
      key.length > limits.identifierMaxLength ||
      lower.startsWith('_millrace')
    )
      clashingKeys.push(key);
    else {
      lowerKnown.add(lower);
      freeKeys.push(key);
    }
  }
  return { unknownKeys, clashingKeys, freeKeys };
}

/** Whether a member that must not be null is null; as a column it could not be told from an absent one. */
async function holdsNull(
  sql: StagedSql,
  lines: string,
  columns: readonly OptionalColumn[],
  signal: AbortSignal,
): Promise<boolean> {
  const isNull = columns.map(({ name }) => `json_type(json, ${quoteText(jsonPath(name))}) = 'NULL'`);
  const [row] = await sql.run([`SELECT bool_or(${isNull.join(' OR ')}) AS found FROM ${lines}`], signal);
  return row?.['found'] === true;
}

async function holdsLongNumber(sql: StagedSql, lines: string, signal: AbortSignal): Promise<boolean> {
  const found = `regexp_matches(CAST(json AS VARCHAR), ${quoteText(longNumberPattern)})`;
  const [row] = await sql.run([`SELECT coalesce(bool_or(${found}), FALSE) AS found FROM ${lines}`], signal);
  return row?.['found'] === true;
}

/** Commas before a closing bracket, NaN and infinities, escapes of NUL and of surrogates. */
export const doubtfulPattern = ',\\s*[}\\]]|NaN|Infinity|\\\\u0000|\\\\u[dD][89a-fA-F]';

/** Digits that a double keeps of every decimal fraction (IEEE 754: DBL_DIG). */
const doubleDigits = 15;

/**
 * A number with a fraction and more digits: DuckDB's JSON reader keeps integers of any length, and rounds these. It stands
 * behind a bracket, a colon, a comma, or alone.
 */
export const longNumberPattern = `(?:^|[:\\[,])\\s*-?(?:0[.]0*[1-9][0-9]{${String(doubleDigits)}}|[1-9](?:${Array.from(
  { length: doubleDigits + 1 },
  (_, whole) =>
    whole < doubleDigits
      ? `[0-9]{${String(whole)}}[.][0-9]{${String(doubleDigits - whole)}}`
      : `[0-9]{${String(whole)},}(?:[.][0-9]|[eE])`,
).join('|')}))`;

async function inferColumns(
  sql: StagedSql,
  lines: string,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<SourceColumn[]> {
  const rows = await sql.run(
    [
      `SELECT ${keys.map((key, index) => `list_sort(list(DISTINCT json_type(json, ${quoteText(jsonPath(key))}))) AS k${String(index)}`).join(', ')} FROM ${lines}`,
    ],
    signal,
  );
  return keys.map((name, index) => {
    const types = new Set(
      ((rows[0]?.[`k${String(index)}`] ?? []) as (string | null)[]).filter(
        (type) => type !== null && type !== 'NULL',
      ),
    );
    return { name, type: inferType(types), nullable: true, hasInexactNumbers: false };
  });
}

function inferType(types: ReadonlySet<string | null>): ColumnType {
  const is = (...allowed: string[]) => [...types].every((type) => type !== null && allowed.includes(type));
  if (types.size === 0 || is('VARCHAR')) return 'string';
  if (is('BIGINT', 'UBIGINT')) return 'int64';
  if (is('BIGINT', 'UBIGINT', 'DOUBLE')) return 'double';
  return is('BOOLEAN') ? 'boolean' : 'json';
}

/** A JSON pointer: it takes any key. */
function jsonPath(key: string): string {
  return `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
