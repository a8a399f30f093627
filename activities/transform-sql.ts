import { fromText } from '../connectors/duckdb/column-sql.js';
import { quoteName, quoteText } from '../connectors/duckdb/sql-text.js';
import type { ColumnSpec } from '../core/columns.js';
import type { Normalisation, TransformConfig } from '../core/dag-spec.js';

/** A declarative transform as SQL, or everything that is wrong with it. */
export type TransformPlan =
  | {
      readonly columns: readonly ColumnSpec[];
      /** The whole statement over a source relation. */
      select(source: string): string;
      /** Relation of the rows that `keep` lets pass; absent without `keep`. */
      keeps?: (source: string) => string;
    }
  | { readonly problems: readonly string[] };

const position = '_millrace_position';

/** Compiles the steps in their order: extract, rename, normalise, constant, keep, dedupe, select, drop. */
export function compileTransform(input: readonly ColumnSpec[], config: TransformConfig): TransformPlan {
  const problems: string[] = [];
  const shape = new Shape(input, problems);
  for (const [name, { from, path, type }] of Object.entries(config.extract ?? {}))
    shape.extract(name, from, path, type);
  shape.rename(config.rename ?? {});
  for (const [name, steps] of Object.entries(config.normalise ?? {})) shape.normalise(name, steps);
  for (const [name, value] of Object.entries(config.constant ?? {})) shape.constant(name, value);
  const keep = Object.entries(config.keep ?? {}).map(([name, values]) => shape.keep(name, values));
  for (const name of [
    ...(config.dedupe?.key ?? []),
    ...(config.dedupe?.version ?? []),
    ...(config.select ?? []),
    ...(config.drop ?? []),
  ]) {
    shape.expect(name);
  }
  if (problems.length > 0) return { problems };

  const dropped = new Set(config.drop ?? []);
  const columns = shape.columns.filter(
    ({ name }) => (config.select === undefined || config.select.includes(name)) && !dropped.has(name),
  );
  const shaped = (source: string) => `(SELECT ${position}, ${shape.expressions().join(', ')} FROM ${source})`;
  const kept = (source: string) =>
    keep.length === 0 ? shaped(source) : `(SELECT * FROM ${shaped(source)} WHERE ${keep.join(' AND ')})`;
  return {
    columns,
    select: (source) =>
      `SELECT ${[position, ...columns.map(({ name }) => quoteName(name))].join(', ')} FROM ${kept(source)}${dedupeClause(config.dedupe)}`,
    ...(keep.length === 0 ? {} : { keeps: kept }),
  };
}

function dedupeClause(dedupe: TransformConfig['dedupe']): string {
  if (dedupe === undefined) return '';
  const order = [
    ...dedupe.version.map((name) => `${quoteName(name)} DESC NULLS LAST`),
    `${position} DESC`,
  ].join(', ');
  return ` QUALIFY row_number() OVER (PARTITION BY ${dedupe.key.map(quoteName).join(', ')} ORDER BY ${order}) = 1 ORDER BY ${position}`;
}

interface Shaped {
  readonly column: ColumnSpec;
  readonly expression: string;
}

/** The columns as they stand after each step, with the expression that makes each. */
class Shape {
  #shaped: Shaped[];
  readonly #problems: string[];

  constructor(input: readonly ColumnSpec[], problems: string[]) {
    this.#shaped = input.map((column) => ({ column, expression: quoteName(column.name) }));
    this.#problems = problems;
  }

  get columns(): ColumnSpec[] {
    return this.#shaped.map(({ column }) => column);
  }

  expressions(): string[] {
    return this.#shaped.map(({ column, expression }) => `${expression} AS ${quoteName(column.name)}`);
  }

  extract(name: string, from: string, path: string, type: ColumnSpec['type']): void {
    const source = this.#find(from);
    if (source === undefined) return;
    if (source.column.type !== 'json')
      this.#problems.push(`extract "${name}": column "${from}" is ${source.column.type}, not json`);
    if (!/^\$([.][A-Za-z_][A-Za-z0-9_]*|[.]"[^"\\]+"|\[[0-9]+\])*$/.test(path))
      this.#problems.push(`extract "${name}": "${path}" is not a path such as $.customer.email`);
    const column: ColumnSpec =
      type === 'decimal'
        ? { name, type, precision: 38, scale: 9, nullable: true }
        : { name, type, nullable: true };
    const value =
      type === 'json'
        ? `json_extract(${source.expression}, ${quoteText(path)})::VARCHAR`
        : fromText(column, `json_extract_string(${source.expression}, ${quoteText(path)})`);
    this.#put(name, { column, expression: value });
  }

  rename(names: Readonly<Record<string, string>>): void {
    for (const name of Object.keys(names)) this.#find(name);
    this.#shaped = this.#shaped.map(({ column, expression }) => ({
      column: { ...column, name: names[column.name] ?? column.name },
      expression,
    }));
    const seen = new Set<string>();
    for (const { column } of this.#shaped) {
      if (seen.has(column.name.toLowerCase()))
        this.#problems.push(`rename: two columns are called "${column.name}"`);
      seen.add(column.name.toLowerCase());
    }
  }

  normalise(name: string, steps: readonly Normalisation[]): void {
    const found = this.#find(name);
    if (found === undefined) return;
    if (found.column.type !== 'string')
      this.#problems.push(`normalise: column "${name}" is ${found.column.type}, not string`);
    this.#put(name, {
      column: { ...found.column, nullable: true },
      expression: steps.reduce(normaliseSql, found.expression),
    });
  }

  constant(name: string, value: string | number | boolean): void {
    const type =
      typeof value === 'string'
        ? 'string'
        : typeof value === 'boolean'
          ? 'boolean'
          : Number.isSafeInteger(value)
            ? 'int64'
            : 'double';
    this.#put(name, {
      column: { name, type, nullable: false },
      expression: fromText({ name, type, nullable: false }, quoteText(String(value))),
    });
  }

  keep(name: string, values: readonly (string | number | boolean | null)[]): string {
    this.#find(name);
    const texts = values.filter((value) => value !== null).map((value) => quoteText(String(value)));
    const conditions = [
      ...(texts.length === 0 ? [] : [`CAST(${quoteName(name)} AS VARCHAR) IN (${texts.join(', ')})`]),
      ...(values.includes(null) ? [`${quoteName(name)} IS NULL`] : []),
    ];
    return `(${conditions.join(' OR ') || 'FALSE'})`;
  }

  expect(name: string): void {
    this.#find(name);
  }

  #find(name: string): Shaped | undefined {
    const found = this.#shaped.find(({ column }) => column.name === name);
    if (found === undefined)
      this.#problems.push(
        `there is no column "${name}"; known here: ${this.columns.map((column) => column.name).join(', ')}`,
      );
    return found;
  }

  #put(name: string, shaped: Shaped): void {
    const at = this.#shaped.findIndex(({ column }) => column.name === name);
    if (at < 0) this.#shaped.push(shaped);
    else this.#shaped[at] = shaped;
  }
}

function normaliseSql(text: string, step: Normalisation): string {
  switch (step) {
    case 'trim':
      return `trim(${text})`;
    case 'lower':
      return `lower(${text})`;
    case 'upper':
      return `upper(${text})`;
    case 'collapse-space':
      return `trim(regexp_replace(${text}, '[ \\t\\r\\n]+', ' ', 'g'))`;
    case 'empty-to-null':
      return `nullif(${text}, '')`;
    case 'email':
      return `nullif(lower(trim(${text})), '')`;
  }
}
