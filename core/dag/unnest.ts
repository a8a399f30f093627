import { limits } from '../limits.js';

/** What a member of a JSON value may become. */
export const memberTypes = ['string', 'int64', 'decimal', 'double', 'boolean', 'timestamp', 'json'] as const;
export type MemberType = (typeof memberTypes)[number];

/**
 * One row for each element of an array, which takes the place of the row that holds it (dlt's child tables, Snowflake's
 * `FLATTEN`, BigQuery's `UNNEST`, Spark's `posexplode`).
 */
export interface UnnestConfig {
  /** A JSON column, and the path of the array in it; default `$`, the whole value. */
  readonly column: string;
  readonly path?: string;
  /** Columns that identify the parent, and that order its versions. Both go with each element. */
  readonly key: readonly string[];
  readonly version?: readonly string[];
  /** Further columns of the parent that go with each element. */
  readonly carry?: readonly string[];
  /** New column with the place of the element in the array, from 0. */
  readonly position?: string;
  /** New column → JSON path into the element; `$` is the element itself. */
  readonly columns: Readonly<Record<string, { readonly path: string; readonly type: MemberType }>>;
}

/** True for a path such as `$.customer.email` or `$[0]."a name"`. */
export function isMemberPath(path: string): boolean {
  return /^\$([.][A-Za-z_][A-Za-z0-9_]*|[.]"[^"\\]+"|\[[0-9]+\])*$/.test(path);
}

/** Columns of the parent that go with each element, once each. */
export function carriedColumns({ key, version = [], carry = [] }: UnnestConfig): readonly string[] {
  return [...new Set([...key, ...version, ...carry])];
}

/** Everything that is wrong with a declaration, whatever the columns are; empty when all is well. */
export function unnestProblems(config: UnnestConfig): string[] {
  const { column, path = '$', key, position, columns } = config;
  const problems: string[] = [];
  const paths = [['array', path], ...Object.entries(columns).map(([name, member]) => [name, member.path])];
  if (column === '') problems.push('unnest: name the JSON column that holds the array in "column"');
  if (key.length === 0)
    problems.push('unnest: "key" is empty; name the columns that identify the row which holds the array');
  if (Object.keys(columns).length === 0)
    problems.push('unnest: "columns" is empty; say which members of an element become columns');
  for (const [name = '', text = ''] of paths)
    if (!isMemberPath(text)) problems.push(`unnest "${name}": "${text}" is not a path such as $.product.sku`);
  for (const [name, { type }] of Object.entries(columns))
    if (!memberTypes.includes(type))
      problems.push(`unnest "${name}": there is no type "${type}"; known: ${memberTypes.join(', ')}`);
  const seen = new Set<string>();
  const made = [...(position === undefined ? [] : [position]), ...Object.keys(columns)];
  for (const name of [...carriedColumns(config), ...made]) {
    if (seen.has(name.toLowerCase())) problems.push(`unnest: two columns are called "${name}"`);
    seen.add(name.toLowerCase());
  }
  for (const name of made)
    if (name === '' || name.startsWith('_millrace') || name.length > limits.identifierMaxLength)
      problems.push(`unnest: "${name}" cannot be the name of a column`);
  return problems;
}
