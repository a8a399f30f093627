import type { JsonObject, JsonValue } from '../core/json.js';
import { isPortablePattern } from '../core/quality/portable-pattern.js';
import { jsonTypes } from './columns.js';
import { formatRules } from './formats.js';

/** Quoting of a dialect; the warehouse's own functions, so that this room knows no driver. */
export interface SqlQuoting {
  name(name: string): string;
  text(text: string): string;
}

/**
 * A record schema as SQL, or the keywords that have no SQL form.
 *
 * `verdict` is a boolean expression over columns of JSON values, one column a property, NULL for an absent or null one.
 * TRUE means that ajv accepts the record. Anything else means "ask ajv": the few rows that SQL does not accept get
 * ajv's verdict and ajv's reason, so the two can never disagree about a rejected row.
 */
export type CompiledSql = { readonly verdict: string } | { readonly unmapped: readonly string[] };

/**
 * A record schema as conditions over columns that a source has typed. Each must be TRUE for ajv to accept the record; what
 * the types alone settle needs none. `notNull` are the columns that must not be NULL besides.
 */
export type CompiledTypes =
  | { readonly conditions: readonly string[]; readonly notNull: readonly string[] }
  | { readonly unmapped: readonly string[] };

/** A column of a source's own types. NULL is a member that is null; no member is absent. */
export interface TypedMember {
  /** What its values are in JSON. `any`: the column holds JSON values, of any kind. */
  readonly json: 'string' | 'integer' | 'boolean' | 'any';
  /** SQL of a string's text. */
  readonly text: string;
  /** A format that all its values have. */
  readonly format?: string;
  /** Whether the schema takes null for it. */
  readonly isNullable: boolean;
}

/** Keywords without a say in the verdict. */
const annotations = new Set([
  '$id',
  '$schema',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'x-type',
  'x-pii',
  'x-purpose',
  'x-subject-key',
]);

/** JSON types of DuckDB's `json_type` for each type of JSON Schema. A whole number written as `1.0` is left to ajv. */
const duckDbTypes: Readonly<Record<string, readonly string[]>> = {
  string: ['VARCHAR'],
  integer: ['BIGINT', 'UBIGINT'],
  number: ['BIGINT', 'UBIGINT', 'DOUBLE'],
  boolean: ['BOOLEAN'],
  object: ['OBJECT'],
  array: ['ARRAY'],
};

/** Compiles a record schema to DuckDB SQL. */
export function compileSql(document: JsonObject, quoting: SqlQuoting): CompiledSql {
  const compiler = new Compiler(quoting);
  const verdict = compiler.record(document);
  return compiler.unmapped.length > 0 ? { unmapped: compiler.unmapped } : { verdict };
}

/** Compiles a record schema for the typed columns of a source, by the name of their member. */
export function compileTypes(
  document: JsonObject,
  quoting: SqlQuoting,
  members: ReadonlyMap<string, TypedMember>,
): CompiledTypes {
  const compiler = new Compiler(quoting, members);
  const compiled = compiler.typedRecord(document);
  return compiler.unmapped.length > 0 ? { unmapped: compiler.unmapped } : compiled;
}

class Compiler {
  readonly unmapped: string[] = [];
  readonly #quoting: SqlQuoting;
  readonly #members: ReadonlyMap<string, TypedMember>;

  constructor(quoting: SqlQuoting, members: ReadonlyMap<string, TypedMember> = new Map()) {
    this.#quoting = quoting;
    this.#members = members;
  }

  typedRecord(schema: JsonObject): { conditions: string[]; notNull: string[] } {
    const properties = (schema['properties'] ?? {}) as Record<string, JsonObject>;
    const required = (schema['required'] ?? []) as string[];
    const mapped = ['type', 'properties', 'required', 'additionalProperties'];
    const others = Object.keys(schema).filter(
      (keyword) => !annotations.has(keyword) && !mapped.includes(keyword),
    );
    if (schema['additionalProperties'] === false) others.push('additionalProperties');
    this.unmapped.push(...others);
    const conditions = required.some((name) => !this.#members.has(name)) ? ['FALSE'] : [];
    const notNull: string[] = [];
    for (const [name, property] of Object.entries(properties)) {
      const member = this.#members.get(name);
      if (member === undefined) continue;
      const column = this.#quoting.name(name);
      if (!member.isNullable) notNull.push(name);
      const condition = this.#value(name, column, property);
      if (condition !== 'TRUE') conditions.push(`(${column} IS NULL OR (${condition}))`);
    }
    return { conditions, notNull };
  }

  record(schema: JsonObject): string {
    const conditions: string[] = [];
    for (const [keyword, value] of Object.entries(schema)) {
      if (annotations.has(keyword) || keyword === 'type' || keyword === 'additionalProperties') continue;
      if (keyword === 'required')
        conditions.push(...(value as string[]).map((name) => `${this.#quoting.name(name)} IS NOT NULL`));
      else if (keyword === 'properties')
        conditions.push(...this.#properties(value as Record<string, JsonObject>));
      else if (keyword === 'anyOf') conditions.push(this.#anyOf(value as JsonObject[]));
      else this.unmapped.push(keyword);
    }
    if (schema['additionalProperties'] === false) this.unmapped.push('additionalProperties');
    // A row of nothing but NULLs may be a line that is no object at all.
    const names = Object.keys((schema['properties'] ?? {}) as JsonObject);
    if (names.length === 0) this.unmapped.push('properties');
    conditions.push(`(${names.map((name) => `${this.#quoting.name(name)} IS NOT NULL`).join(' OR ')})`);
    return conditions.join(' AND ');
  }

  #properties(properties: Record<string, JsonObject>): string[] {
    return Object.entries(properties).map(([name, schema]) => {
      const column = this.#quoting.name(name);
      // Whether a property that may not be null is null or absent, the survey of the batch tells.
      return `(${column} IS NULL OR (${this.#value(name, column, schema)}))`;
    });
  }

  #anyOf(branches: readonly JsonObject[]): string {
    const conditions = branches.map((branch) => {
      const names = Object.keys(branch);
      if (names.some((name) => name !== 'required' && name !== 'properties')) this.unmapped.push('anyOf');
      const required = ((branch['required'] ?? []) as string[]).map(
        (name) => `${this.#quoting.name(name)} IS NOT NULL`,
      );
      const properties = Object.entries((branch['properties'] ?? {}) as Record<string, JsonObject>).map(
        ([name, schema]) => {
          const column = this.#quoting.name(name);
          // Null and absent look alike here, and a branch may take one of them only: ajv tells.
          return `${column} IS NOT NULL AND (${this.#value(name, column, schema)})`;
        },
      );
      return `(${[...required, ...properties].join(' AND ') || 'TRUE'})`;
    });
    return `(${conditions.join(' OR ')})`;
  }

  #value(name: string, column: string, schema: JsonObject): string {
    const types = jsonTypes(schema);
    const conditions: string[] = [];
    const member = this.#members.get(name);
    if (types.length > 0 && member !== undefined && member.json !== 'any') {
      const isOfType = types.includes(member.json) || (member.json === 'integer' && types.includes('number'));
      if (!isOfType) return 'FALSE';
    } else if (types.length > 0) {
      const allowed = types.flatMap((type) => duckDbTypes[type] ?? []);
      conditions.push(
        allowed.length === 0
          ? 'FALSE'
          : `json_type(${column}) IN (${allowed.map((type) => `'${type}'`).join(', ')})`,
      );
    }
    for (const [keyword, value] of Object.entries(schema)) {
      if (annotations.has(keyword) || keyword === 'type') continue;
      if (keyword === 'format' && member?.format !== undefined && member.format === value) continue;
      const text = member?.text ?? `(${column} ->> '$')`;
      const condition = this.#keyword(keyword, value, text, types);
      if (condition === undefined) this.unmapped.push(`${name}: ${keyword}`);
      else conditions.push(condition);
    }
    return conditions.join(' AND ') || 'TRUE';
  }

  #keyword(keyword: string, value: JsonValue, text: string, types: readonly string[]): string | undefined {
    // Keywords of strings say nothing of other types; with one type besides null the question does not arise.
    const isString = only(types, 'string');
    const isInteger = only(types, 'integer');
    switch (keyword) {
      case 'minLength':
        return isString ? `length(${text}) >= ${String(value)}` : undefined;
      case 'maxLength':
        return isString ? `length(${text}) <= ${String(value)}` : undefined;
      case 'pattern':
        return isString && typeof value === 'string' && isPortablePattern(value)
          ? `regexp_matches(${text}, ${this.#quoting.text(value)})`
          : undefined;
      case 'format': {
        const rule = typeof value === 'string' ? formatRules[value] : undefined;
        if (!isString || rule === undefined) return undefined;
        const pattern = `regexp_matches(${text}, ${this.#quoting.text(rule.pattern)})`;
        return rule.hasDate
          ? `${pattern} AND left(${text}, 4) <> '0000' AND TRY_CAST(left(${text}, 10) AS DATE) IS NOT NULL`
          : pattern;
      }
      case 'enum':
        if (
          !isString ||
          !Array.isArray(value) ||
          !value.every((item) => typeof item === 'string' || item === null)
        )
          return undefined;
        return `${text} IN (${
          value
            .filter((item) => item !== null)
            .map((item) => this.#quoting.text(item))
            .join(', ') || 'NULL'
        })`;
      case 'const':
        return isString && typeof value === 'string' ? `${text} = ${this.#quoting.text(value)}` : undefined;
      case 'minimum':
      case 'maximum':
      case 'exclusiveMinimum':
      case 'exclusiveMaximum': {
        const operator = { minimum: '>=', maximum: '<=', exclusiveMinimum: '>', exclusiveMaximum: '<' }[
          keyword
        ];
        return isInteger && Number.isSafeInteger(value)
          ? `TRY_CAST(${text} AS HUGEINT) ${operator} ${String(value)}`
          : undefined;
      }
      default:
        return undefined;
    }
  }
}

function only(types: readonly string[], type: string): boolean {
  return types.includes(type) && types.every((item) => item === type || item === 'null');
}
