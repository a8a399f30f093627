import type { ColumnSpec } from '../../core/loading/columns.js';
import type { Normalisation, TransformConfig } from '../../core/dag/dag-spec.js';
import { isMemberPath, type MemberType } from '../../core/dag/unnest.js';
import { systemColumns } from './system-tables.js';
import type { TransformDialect } from './transform-dialect.js';

/** A declarative transform as SQL, or everything that is wrong with it. */
export type TransformPlan =
  | {
      readonly columns: readonly ColumnSpec[];
      /** What the engine cannot do as the worker does it, a reason each; the SQL is of use where there is none. */
      readonly gaps: readonly string[];
      /** A query over a source relation. */
      select(source: string): string;
      /** Relation of the rows that `keep` lets pass; absent without `keep`. */
      readonly keeps?: (source: string) => string;
    }
  | { readonly problems: readonly string[] };

/** Compiles the steps in their order: extract, rename, normalise, constant, keep, dedupe, select, drop. */
export function compileTransform(
  input: readonly ColumnSpec[],
  config: TransformConfig,
  dialect: TransformDialect,
): TransformPlan {
  const shape = new Shape(input, dialect);
  const keep = shape.apply(config);
  const { problems, gaps } = shape;
  if (problems.length > 0) return { problems };

  const dropped = new Set(config.drop ?? []);
  const columns = shape.columns.filter(
    ({ name }) => (config.select === undefined || config.select.includes(name)) && !dropped.has(name),
  );
  if (gaps.length > 0) return { columns, gaps, select: (source) => source };
  const position = dialect.name(systemColumns.position);
  const expressions = shape.expressions();
  const shaped = (source: string) => `(SELECT ${[position, ...expressions].join(', ')} FROM ${source})`;
  const kept = (source: string) =>
    keep.length === 0 ? shaped(source) : `(SELECT * FROM ${shaped(source)} WHERE ${keep.join(' AND ')})`;
  const names = [position, ...columns.map(({ name }) => dialect.name(name))].join(', ');
  return {
    columns,
    gaps,
    select: (source) => `SELECT ${names} FROM ${kept(source)}${dedupeClause(config.dedupe, dialect)}`,
    ...(keep.length === 0 ? {} : { keeps: kept }),
  };
}

/** BigQuery takes QUALIFY beside WHERE only (documentation, "QUALIFY clause"). */
function dedupeClause(dedupe: TransformConfig['dedupe'], dialect: TransformDialect): string {
  if (dedupe === undefined) return '';
  const order = [
    ...dedupe.version.map((name) => `${dialect.name(name)} DESC NULLS LAST`),
    `${dialect.name(systemColumns.position)} DESC`,
  ].join(', ');
  const key = dedupe.key.map((name) => dialect.name(name)).join(', ');
  return ` WHERE TRUE QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY ${order}) = 1`;
}

/** The column of a member of a JSON value. */
export function memberColumn(name: string, type: MemberType): ColumnSpec {
  return type === 'decimal'
    ? { name, type, precision: 38, scale: 9, nullable: true }
    : { name, type, nullable: true };
}

interface Shaped {
  readonly column: ColumnSpec;
  readonly expression: string;
}

/** The columns as they stand after each step, with the expression that makes each. */
class Shape {
  readonly problems: string[] = [];
  readonly gaps: string[] = [];
  #shaped: Shaped[];
  readonly #dialect: TransformDialect;

  constructor(input: readonly ColumnSpec[], dialect: TransformDialect) {
    this.#dialect = dialect;
    const refused = dialect.refusedName(input.map(({ name }) => name));
    if (refused !== undefined) this.gaps.push(refused);
    this.#shaped = input.map((column) => ({
      column,
      expression: refused === undefined ? dialect.name(column.name) : '',
    }));
  }

  get columns(): ColumnSpec[] {
    return this.#shaped.map(({ column }) => column);
  }

  expressions(): string[] {
    return this.#shaped.map(
      ({ column, expression }) => `${expression} AS ${this.#dialect.name(column.name)}`,
    );
  }

  /** Applies the steps; returns the conditions of `keep`. */
  apply({ extract = {}, rename = {}, normalise = {}, constant = {}, keep = {}, ...rest }: TransformConfig) {
    for (const [name, { from, path, type }] of Object.entries(extract)) this.#extract(name, from, path, type);
    this.#rename(rename);
    for (const [name, steps] of Object.entries(normalise)) this.#normalise(name, steps);
    for (const [name, value] of Object.entries(constant)) this.#constant(name, value);
    const refused = this.#dialect.refusedName(this.columns.map(({ name }) => name));
    if (refused !== undefined) this.gaps.push(refused);
    const conditions = Object.entries(keep).map(([name, values]) => this.#keep(name, values));
    const { dedupe = { key: [], version: [] }, select = [], drop = [] } = rest;
    for (const name of [...dedupe.key, ...dedupe.version]) this.#dedupe(name);
    for (const name of [...select, ...drop]) this.#find(name);
    return conditions;
  }

  #extract(name: string, from: string, path: string, type: MemberType): void {
    const source = this.#find(from);
    if (source === undefined) return;
    if (source.column.type !== 'json')
      this.problems.push(`extract "${name}": column "${from}" is ${source.column.type}, not json`);
    if (!isMemberPath(path))
      this.problems.push(`extract "${name}": "${path}" is not a path such as $.customer.email`);
    const column = memberColumn(name, type);
    const isRefused = this.#refuses('extract from', source.column);
    this.#put(name, {
      column,
      expression: isRefused ? '' : this.#dialect.extract(column, source.expression, path),
    });
  }

  #rename(names: Readonly<Record<string, string>>): void {
    for (const name of Object.keys(names)) this.#find(name);
    this.#shaped = this.#shaped.map(({ column, expression }) => ({
      column: { ...column, name: names[column.name] ?? column.name },
      expression,
    }));
    const seen = new Set<string>();
    for (const { column } of this.#shaped) {
      if (seen.has(column.name.toLowerCase()))
        this.problems.push(`rename: two columns are called "${column.name}"`);
      seen.add(column.name.toLowerCase());
    }
  }

  #normalise(name: string, steps: readonly Normalisation[]): void {
    const found = this.#find(name);
    if (found === undefined) return;
    if (found.column.type !== 'string')
      this.problems.push(`normalise: column "${name}" is ${found.column.type}, not string`);
    this.#put(name, {
      column: { ...found.column, nullable: true },
      expression: steps.reduce((text, step) => this.#dialect.normalise(text, step), found.expression),
    });
  }

  #constant(name: string, value: string | number | boolean): void {
    const type =
      typeof value === 'string'
        ? 'string'
        : typeof value === 'boolean'
          ? 'boolean'
          : Number.isSafeInteger(value)
            ? 'int64'
            : 'double';
    const column: ColumnSpec = { name, type, nullable: false };
    this.#put(name, { column, expression: this.#dialect.constant(column, String(value)) });
  }

  #keep(name: string, values: readonly (string | number | boolean | null)[]): string {
    const found = this.#find(name);
    if (found === undefined || this.#refuses('keep by', found.column) || this.gaps.length > 0) return 'FALSE';
    const value = this.#dialect.name(name);
    const texts = values.filter((text) => text !== null).map(String);
    const conditions = [
      ...(texts.length === 0 ? [] : [this.#dialect.isOneOf(value, found.column, texts)]),
      ...(values.includes(null) ? [`${value} IS NULL`] : []),
    ];
    return `(${conditions.join(' OR ') || 'FALSE'})`;
  }

  #dedupe(name: string): void {
    const found = this.#find(name);
    if (found !== undefined) this.#refuses('dedupe by', found.column);
  }

  /** Notes it where the engine cannot use the column so. */
  #refuses(use: Parameters<TransformDialect['refusedUse']>[0], column: ColumnSpec): boolean {
    const reason = this.#dialect.refusedUse(use, column);
    if (reason !== undefined) this.gaps.push(`${use} "${column.name}": ${reason}`);
    return reason !== undefined;
  }

  #find(name: string): Shaped | undefined {
    const found = this.#shaped.find(({ column }) => column.name === name);
    if (found === undefined)
      this.problems.push(
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
