import type { ColumnSpec, ColumnType, SchemaContract } from '../../core/loading/columns.js';
import { PipelineError } from '../../core/errors/index.js';
import { columnOfDuckDb, duckDbSpelling, duckDbType } from '../duckdb/column-sql.js';
import { quoteName } from '../duckdb/sql-text.js';
import { assertIdentifier } from './identifiers.js';

/** A column of a stored table. */
export interface StoredColumn {
  readonly name: string;
  /** The type as the engine that prepares batches spells it, such as `DECIMAL(38,2)`. */
  readonly sqlType: string;
}

/** How a batch's columns meet a table's. Expressions and conditions are DuckDB's: batches are prepared there. */
export interface EvolutionPlan {
  /** Columns of a table that is to be made; empty where it exists. */
  readonly created: readonly ColumnSpec[];
  readonly added: readonly ColumnSpec[];
  /** Columns of the table that get a wider type. */
  readonly widened: readonly ColumnSpec[];
  /** Table columns that the batch fills, with the expression over a batch row. */
  readonly assignments: readonly {
    readonly column: string;
    readonly expression: string;
    readonly type: ColumnSpec;
  }[];
  /** The author's columns of the table that the batch lacks. */
  readonly missing: readonly string[];
  /** Conditions over a batch row under which the contract sends it to quarantine. */
  readonly refusals: readonly Refusal[];
  /** True where the contract leaves every row of the batch out. */
  readonly isWithheld: boolean;
}

export interface Refusal {
  readonly code: string;
  readonly pointer: string;
  readonly message: string;
  readonly condition: string;
}

export const emptyPlan: EvolutionPlan = {
  created: [],
  added: [],
  widened: [],
  assignments: [],
  missing: [],
  refusals: [],
  isWithheld: false,
};

const rank: Readonly<Record<ColumnType, number>> = {
  boolean: 0,
  date: 0,
  timestamp: 0,
  bytes: 0,
  int64: 1,
  decimal: 2,
  double: 3,
  string: 4,
  json: 4,
};

/**
 * Plans what a contract makes of the difference between the batch and the table. Without a table, one is made. Names that
 * differ in case only are one column, as every warehouse sees them.
 *
 * @throws PipelineError CONTRACT_BROKEN naming every frozen difference at once, IDENTIFIER_REFUSED
 */
export function planEvolution(
  table: string,
  existing: readonly StoredColumn[] | undefined,
  incoming: readonly ColumnSpec[],
  contract: SchemaContract,
): EvolutionPlan {
  assertIdentifier('table', table);
  for (const column of incoming) assertIdentifier('column', column.name);
  assertDistinct(table, incoming);
  if (existing === undefined) {
    return { ...emptyPlan, created: incoming, assignments: incoming.map(asItIs) };
  }

  const added: ColumnSpec[] = [];
  const widened: ColumnSpec[] = [];
  const frozen: string[] = [];
  const assignments: EvolutionPlan['assignments'][number][] = [];
  const refusals: Refusal[] = [];
  const byName = new Map(existing.map((column) => [column.name.toLowerCase(), column]));
  for (const column of incoming) {
    const name = quoteName(column.name);
    const pointer = `/${column.name}`;
    const stored = byName.get(column.name.toLowerCase());
    if (stored === undefined) {
      if (contract.newColumns === 'freeze') frozen.push(`column "${column.name}" is new`);
      else if (contract.newColumns === 'quarantine') {
        const message = 'the table has no such column';
        refusals.push({ code: 'COLUMN_NEW', pointer, message, condition: `${name} IS NOT NULL` });
      } else if (contract.newColumns === 'evolve') {
        added.push(column);
        assignments.push(asItIs(column));
      }
      continue;
    }
    const wanted = duckDbSpelling(column);
    const type = columnOfDuckDb(stored.name, stored.sqlType);
    const cast = `TRY_CAST(${name} AS ${stored.sqlType})`;
    // A value fits when it comes back the same; rounding is no fit.
    const isUnfit = `${name} IS NOT NULL AND (${cast} IS NULL OR CAST(${cast} AS VARCHAR) IS DISTINCT FROM CAST(${name} AS VARCHAR) AND TRY_CAST(${cast} AS ${duckDbType(column)}) IS DISTINCT FROM ${name})`;
    if (stored.sqlType === wanted) {
      assignments.push({ column: stored.name, expression: name, type });
    } else if (contract.clashingColumns === 'freeze') {
      frozen.push(`column "${column.name}" is ${wanted} and the table has ${stored.sqlType}`);
    } else if (contract.clashingColumns === 'evolve') {
      const sqlType = widen(column, stored.sqlType);
      const wide = columnOfDuckDb(stored.name, sqlType);
      if (sqlType !== stored.sqlType) widened.push(wide);
      assignments.push({ column: stored.name, expression: `CAST(${name} AS ${sqlType})`, type: wide });
    } else if (contract.clashingColumns === 'discard') {
      const expression = `CASE WHEN NOT coalesce(${isUnfit}, FALSE) THEN ${cast} END`;
      assignments.push({ column: stored.name, expression, type });
    } else {
      assignments.push({ column: stored.name, expression: cast, type });
      refusals.push({
        code: 'COLUMN_CLASH',
        pointer,
        message: `the value is ${wanted} and does not fit the table's ${stored.sqlType}`,
        condition: isUnfit,
      });
    }
  }
  const delivered = new Set(incoming.map((column) => column.name.toLowerCase()));
  const missing = existing.filter(
    (column) => !delivered.has(column.name.toLowerCase()) && !column.name.startsWith('_millrace_'),
  );
  for (const column of missing) {
    if (contract.missingColumns === 'freeze') frozen.push(`column "${column.name}" is missing`);
    if (contract.missingColumns === 'quarantine') {
      const message = 'the batch lacks a column of the table';
      refusals.push({ code: 'COLUMN_MISSING', pointer: `/${column.name}`, message, condition: 'TRUE' });
    }
  }
  if (frozen.length > 0) throw new PipelineError('CONTRACT_BROKEN', { table, problems: frozen });
  return {
    created: [],
    added,
    widened,
    assignments,
    missing: missing.map(({ name }) => name),
    refusals,
    isWithheld: missing.length > 0 && contract.missingColumns === 'discard',
  };
}

function asItIs(column: ColumnSpec): EvolutionPlan['assignments'][number] {
  return { column: column.name, expression: quoteName(column.name), type: column };
}

function assertDistinct(table: string, incoming: readonly ColumnSpec[]): void {
  const seen = new Map<string, string>();
  const problems: string[] = [];
  for (const { name } of incoming) {
    const before = seen.get(name.toLowerCase());
    if (before !== undefined) problems.push(`columns "${before}" and "${name}" differ in case only`);
    seen.set(name.toLowerCase(), name);
  }
  if (problems.length > 0) throw new PipelineError('CONTRACT_BROKEN', { table, problems });
}

/** The narrowest type that holds both without loss of a digit; text in the end. */
function widen(column: ColumnSpec, storedType: string): string {
  const wanted = duckDbSpelling(column);
  const storedRank = rank[columnOfDuckDb('', storedType).type];
  const incomingRank = rank[column.type];
  if (storedRank === 4 || incomingRank === 4 || storedRank === 0 || incomingRank === 0) return 'VARCHAR';
  if (storedRank <= 2 && incomingRank <= 2) {
    const [p1, s1] = decimalOf(storedType);
    const [p2, s2] = decimalOf(wanted);
    const scale = Math.max(s1, s2);
    const precision = Math.max(p1 - s1, p2 - s2) + scale;
    return precision <= 38 ? `DECIMAL(${String(precision)},${String(scale)})` : 'VARCHAR';
  }
  return storedRank === 3 && incomingRank === 3 ? 'DOUBLE' : 'VARCHAR';
}

function decimalOf(sqlType: string): [number, number] {
  const match = /^DECIMAL\((\d+),(\d+)\)$/.exec(sqlType);
  return match === null ? [19, 0] : [Number(match[1]), Number(match[2])];
}
