import { duckDbType, fromText } from '../../connectors/duckdb/column-sql.js';
import { quoteName, quoteText } from '../../connectors/duckdb/sql-text.js';
import { duckDbTransforms } from '../../connectors/duckdb/transform-dialect.js';
import {
  columnsOf,
  type CheckSpec,
  type CheckValue,
  type Correction,
  type LastKnown,
} from '../../core/quality/check-spec.js';
import type { ColumnSpec } from '../../core/loading/columns.js';

/** The checks of one task as SQL over a relation of rows with `_millrace_position`. */
export interface CheckPlan {
  /**
   * All rows, corrected, with `_millrace_reject` (index of the check that sends the row to quarantine, or NULL),
   * `_millrace_misses` and `_millrace_corrected` (lists of indices).
   */
  select(source: string): string;
  /** Columns afterwards: a correction to null makes its column nullable. */
  readonly columns: readonly ColumnSpec[];
}

/** What the warehouse says about the batch: relations by the name of the check that asks. */
export interface KnownValues {
  /** Column `value`: values of the batch that exist, as text. */
  readonly references: ReadonlyMap<string, string>;
  /** Columns `key`, `value`: last known values by key, as text. */
  readonly stored: ReadonlyMap<string, string>;
}

/** Before the warehouse is asked. */
export const nothingKnown: KnownValues = { references: new Map(), stored: new Map() };

/** A check that judges rows. */
export type RowCheck = Exclude<CheckSpec, { kind: 'freshness' }>;

const position = '_millrace_position';

/**
 * Compiles row checks: corrections first, in their order; then every check judges the corrected rows. `unique` judges last,
 * among the rows that no other check sends away, so that a bad row does not take a good one with it.
 */
export function compileChecks(
  input: readonly ColumnSpec[],
  checks: readonly RowCheck[],
  known: KnownValues,
): CheckPlan | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const byName = new Map(input.map((column) => [column.name, column]));
  const expressions = new Map(input.map(({ name }) => [name, quoteName(name)]));
  const columns = new Map(input.map((column) => [column.name, column]));
  const corrected: string[] = [];
  const misses: string[] = [];
  for (const [index, check] of checks.entries()) {
    const missing = columnsOf(check).filter((name) => !byName.has(name));
    if (missing.length > 0) {
      const names = missing.map((name) => `"${name}"`).join(', ');
      problems.push(
        `check "${check.name}": there is no column ${names}; known here: ${[...byName.keys()].join(', ')}`,
      );
      continue;
    }
    const context = { check, problems, byName, known };
    misses.push(`CASE WHEN ${missCondition(context, (name) => quoteName(name))} THEN ${String(index)} END`);
    if (check.kind === 'unique' || check.correct === undefined) continue;
    const column = byName.get(check.column);
    const before = expressions.get(check.column);
    if (column === undefined || before === undefined) continue;
    const condition = missCondition(context, () => before);
    const after = corrections(context, column, before);
    // A value that no correction can change is not counted as one.
    corrected.push(
      `CASE WHEN ${condition} AND ${before} IS DISTINCT FROM ${after} THEN ${String(index)} END`,
    );
    expressions.set(check.column, `CASE WHEN ${condition} THEN ${after} ELSE ${before} END`);
    if (canBeNull(check.correct)) columns.set(check.column, { ...column, nullable: true });
  }
  if (problems.length > 0) return { problems };
  const quarantining = (wanted: (check: RowCheck) => boolean) =>
    checks.flatMap((check, index) => (check.severity === 'quarantine' && wanted(check) ? [index] : []));
  const firstOf = (list: string, indices: readonly number[]) =>
    indices.length === 0
      ? 'NULL::INTEGER'
      : `list_min(list_filter(${list}, lambda i: i IN (${indices.join(', ')})))`;
  const isUnique = (check: RowCheck): check is Extract<RowCheck, { kind: 'unique' }> =>
    check.kind === 'unique';
  const listOf = (items: readonly string[]) =>
    items.length === 0 ? '[]::INTEGER[]' : `list_filter([${items.join(', ')}], lambda i: i IS NOT NULL)`;
  const repeats = checks.flatMap((check, index) =>
    isUnique(check) ? [`CASE WHEN ${repeatCondition(check.columns)} THEN ${String(index)} END`] : [],
  );
  const names = input.map(({ name }) => quoteName(name)).join(', ');
  return {
    columns: input.map(({ name }) => columns.get(name)).filter((column) => column !== undefined),
    select: (source) => `
      SELECT ${position}, ${names}, _millrace_corrected, list_concat(_millrace_own, _millrace_repeats) AS _millrace_misses,
             coalesce(_millrace_reject_own, ${firstOf('_millrace_repeats', quarantining(isUnique))}) AS _millrace_reject
      FROM (SELECT *, ${listOf(repeats)} AS _millrace_repeats
        FROM (SELECT *, ${firstOf(
          '_millrace_own',
          quarantining((check) => !isUnique(check)),
        )} AS _millrace_reject_own
          FROM (SELECT *, ${listOf(misses)} AS _millrace_own
            FROM (SELECT ${position}, ${input.map(({ name }) => `${expressions.get(name) ?? ''} AS ${quoteName(name)}`).join(', ')}, ${listOf(corrected)} AS _millrace_corrected
              FROM ${source}))))`,
  };
}

/** A later row with the same values, among those that stay; a NULL is like no other. */
function repeatCondition(columns: readonly string[]): string {
  const names = columns.map(quoteName);
  return `_millrace_reject_own IS NULL AND ${names.map((name) => `${name} IS NOT NULL`).join(' AND ')}
    AND row_number() OVER (PARTITION BY ${names.join(', ')}, _millrace_reject_own IS NULL ORDER BY ${position}) > 1`;
}

interface Context {
  readonly check: RowCheck;
  readonly problems: string[];
  readonly byName: ReadonlyMap<string, ColumnSpec>;
  readonly known: KnownValues;
}

/** Of values that are not null. */
function canBeNull(correct: Correction): boolean {
  return (
    correct === 'null' ||
    (typeof correct === 'object' &&
      ('lastKnown' in correct ||
        ('normalise' in correct &&
          correct.normalise.some((step) => step === 'empty-to-null' || step === 'email'))))
  );
}

/** True for a row that misses; never NULL. `unique` misses nothing here. */
function missCondition(context: Context, expressionOf: (name: string) => string): string {
  const { check, byName, known } = context;
  if (check.kind === 'unique') return 'FALSE';
  const column = byName.get(check.column);
  const value = expressionOf(check.column);
  if (column === undefined) return 'FALSE';
  switch (check.kind) {
    case 'range': {
      const bounds = [
        ...(check.min === undefined ? [] : [`${value} < ${literal(context, column, check.min)}`]),
        ...(check.max === undefined ? [] : [`${value} > ${literal(context, column, check.max)}`]),
      ];
      return `coalesce(${bounds.join(' OR ')}, FALSE)`;
    }
    case 'accepted-values': {
      const values = check.values.map((item) => literal(context, column, item));
      return `coalesce(${value} NOT IN (${values.join(', ')}), FALSE)`;
    }
    case 'matches':
      if (column.type !== 'string')
        context.problems.push(
          `check "${check.name}": column "${check.column}" is ${column.type}, not string`,
        );
      return `NOT coalesce(regexp_full_match(${value}, ${quoteText(check.pattern)}), TRUE)`;
    case 'not-null':
      return `${value} IS NULL`;
    case 'references': {
      const relation = known.references.get(check.name);
      if (relation === undefined) return 'FALSE';
      return `(${value} IS NOT NULL AND CAST(${value} AS VARCHAR) NOT IN (SELECT value FROM ${relation}))`;
    }
  }
}

function corrections(context: Context, column: ColumnSpec, value: string): string {
  const { check } = context;
  const type = duckDbType(column);
  if (check.correct === 'null') return `CAST(NULL AS ${type})`;
  if (typeof check.correct === 'object') {
    if ('default' in check.correct)
      return `CAST(${literal(context, column, check.correct.default)} AS ${type})`;
    if ('lastKnown' in check.correct) return lastKnown(context, column, check.correct.lastKnown);
    if (column.type === 'string')
      return check.correct.normalise.reduce((text, step) => duckDbTransforms.normalise(text, step), value);
    context.problems.push(
      `check "${check.name}": column "${column.name}" is ${column.type}, and only text can be normalised`,
    );
    return value;
  }
  if (check.kind !== 'range') {
    context.problems.push(`check "${check.name}": only a range can clamp`);
    return value;
  }
  const { min, max } = check;
  const upper =
    max === undefined ? value : `least(${value}, CAST(${literal(context, column, max)} AS ${type}))`;
  return min === undefined ? upper : `greatest(${upper}, CAST(${literal(context, column, min)} AS ${type}))`;
}

function lastKnown(
  { check, problems, byName, known }: Context,
  column: ColumnSpec,
  { key }: LastKnown,
): string {
  const relation = known.stored.get(check.name);
  const missing = byName.has(key) ? [] : [`check "${check.name}": there is no column "${key}"`];
  if (column.type === 'bytes' || column.type === 'json')
    missing.push(`check "${check.name}": a column of type ${column.type} has no last known value`);
  problems.push(...missing);
  const nothing = `CAST(NULL AS ${duckDbType(column)})`;
  if (missing.length > 0 || relation === undefined) return nothing;
  const text = `(SELECT max(known.value) FROM ${relation} AS known WHERE known.key = CAST(${quoteName(key)} AS VARCHAR))`;
  return fromText(column, text);
}

const decimal = /^[+-]?\d{1,38}([.]\d{1,38})?$/;

/** A value of the check as SQL of the column's type: exact, or a problem. */
function literal({ check, problems }: Context, column: ColumnSpec, value: CheckValue): string {
  const text = String(value);
  const refuse = (hint: string): string => {
    problems.push(`check "${check.name}": ${JSON.stringify(value)} is no ${column.type}; ${hint}`);
    return 'NULL';
  };
  switch (column.type) {
    case 'int64':
    case 'decimal':
      return decimal.test(text) ? text : refuse('write it in digits');
    case 'double':
      return decimal.test(text) || typeof value === 'number'
        ? `CAST(${quoteText(text)} AS DOUBLE)`
        : refuse('write it in digits');
    case 'boolean':
      return text === 'true' || text === 'false' ? text.toUpperCase() : refuse('use true or false');
    case 'timestamp':
      return Number.isNaN(Date.parse(text))
        ? refuse('use ISO 8601')
        : `CAST(CAST(${quoteText(text)} AS TIMESTAMPTZ) AS TIMESTAMP)`;
    case 'date':
      return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))
        ? `DATE ${quoteText(text)}`
        : refuse('use YYYY-MM-DD');
    case 'string':
      return quoteText(text);
    case 'bytes':
    case 'json':
      return refuse('a column of this type cannot be compared');
  }
}
