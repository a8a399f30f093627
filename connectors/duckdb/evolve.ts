import type { ColumnSpec, ColumnType, SchemaContract } from '../../core/columns.js';
import { PipelineError } from '../../core/errors/index.js';
import { duckDbType } from './column-sql.js';
import { assertIdentifier } from './identifiers.js';
import { quoteName } from './sql-text.js';
import { systemColumns } from './system-tables.js';

/** How a batch's columns meet a table's. */
export interface EvolutionPlan {
  /** DDL to run first, alone. */
  readonly ddl: readonly string[];
  /** Table columns that the batch fills, with the expression over a batch row. */
  readonly assignments: readonly { readonly column: string; readonly expression: string }[];
  /** SQL conditions over a batch row under which the contract sends it to quarantine. */
  readonly refusals: readonly {
    readonly code: string;
    readonly pointer: string;
    readonly message: string;
    readonly condition: string;
  }[];
}

interface TableColumn {
  readonly name: string;
  /** DuckDB's own spelling, such as `DECIMAL(38,2)`. */
  readonly sqlType: string;
}

const rank: Readonly<Record<ColumnType, number>> = {
  boolean: 0,
  date: 0,
  timestamp: 0,
  int64: 1,
  decimal: 2,
  double: 3,
  string: 4,
  json: 4,
};

/**
 * Plans what a contract makes of the difference between the batch and the table. Without a table, one is made.
 *
 * @throws PipelineError CONTRACT_BROKEN naming every frozen difference at once, IDENTIFIER_REFUSED
 */
export function planEvolution(
  table: string,
  existing: readonly TableColumn[] | undefined,
  incoming: readonly ColumnSpec[],
  contract: SchemaContract,
): EvolutionPlan {
  assertIdentifier('table', table);
  for (const column of incoming) assertIdentifier('column', column.name);
  if (existing === undefined) return createPlan(table, incoming);

  const ddl: string[] = [];
  const frozen: string[] = [];
  const assignments: { column: string; expression: string }[] = [];
  const refusals: { code: string; pointer: string; message: string; condition: string }[] = [];
  const byName = new Map(existing.map((column) => [column.name.toLowerCase(), column]));
  for (const column of incoming) {
    const name = quoteName(column.name);
    const stored = byName.get(column.name.toLowerCase());
    if (stored === undefined) {
      if (contract.newColumns === 'freeze') frozen.push(`column "${column.name}" is new`);
      else if (contract.newColumns === 'quarantine') {
        refusals.push({
          code: 'COLUMN_NEW',
          pointer: `/${column.name}`,
          message: 'the table has no such column',
          condition: `${name} IS NOT NULL`,
        });
      } else {
        ddl.push(`ALTER TABLE ${quoteName(table)} ADD COLUMN ${name} ${duckDbType(column)}`);
        assignments.push({ column: column.name, expression: name });
      }
      continue;
    }
    const wanted = duckDbType(column).replaceAll(' ', '');
    if (stored.sqlType === wanted) {
      assignments.push({ column: stored.name, expression: name });
    } else if (contract.clashingColumns === 'freeze') {
      frozen.push(`column "${column.name}" is ${wanted} and the table has ${stored.sqlType}`);
    } else if (contract.clashingColumns === 'evolve') {
      const widened = widen(column, stored.sqlType);
      if (widened !== stored.sqlType)
        ddl.push(`ALTER TABLE ${quoteName(table)} ALTER COLUMN ${quoteName(stored.name)} TYPE ${widened}`);
      assignments.push({ column: stored.name, expression: `CAST(${name} AS ${widened})` });
    } else {
      const cast = `TRY_CAST(${name} AS ${stored.sqlType})`;
      assignments.push({ column: stored.name, expression: cast });
      refusals.push({
        code: 'COLUMN_CLASH',
        pointer: `/${column.name}`,
        message: `the value is ${wanted} and does not fit the table's ${stored.sqlType}`,
        // A value fits when it comes back the same; rounding is no fit.
        condition: `${name} IS NOT NULL AND (${cast} IS NULL OR CAST(${cast} AS VARCHAR) IS DISTINCT FROM CAST(${name} AS VARCHAR) AND TRY_CAST(${cast} AS ${duckDbType(column)}) IS DISTINCT FROM ${name})`,
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
      refusals.push({
        code: 'COLUMN_MISSING',
        pointer: `/${column.name}`,
        message: 'the batch lacks a column of the table',
        condition: 'TRUE',
      });
    }
  }
  if (frozen.length > 0) throw new PipelineError('CONTRACT_BROKEN', { table, problems: frozen });
  return { ddl, assignments, refusals };
}

function createPlan(table: string, incoming: readonly ColumnSpec[]): EvolutionPlan {
  const columns = [
    ...incoming.map((column) => `${quoteName(column.name)} ${duckDbType(column)}`),
    `${systemColumns.loadId} VARCHAR`,
    `${systemColumns.ingestedAt} TIMESTAMP`,
    `${systemColumns.position} BIGINT`,
  ];
  return {
    ddl: [`CREATE TABLE IF NOT EXISTS ${quoteName(table)} (${columns.join(', ')})`],
    assignments: incoming.map((column) => ({ column: column.name, expression: quoteName(column.name) })),
    refusals: [],
  };
}

/** The narrowest type that holds both without loss of a digit; text in the end. */
function widen(column: ColumnSpec, storedType: string): string {
  const wanted = duckDbType(column).replaceAll(' ', '');
  const storedRank = rankOf(storedType);
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

function rankOf(sqlType: string): number {
  if (sqlType === 'BIGINT') return rank.int64;
  if (sqlType.startsWith('DECIMAL')) return rank.decimal;
  if (sqlType === 'DOUBLE') return rank.double;
  return sqlType === 'VARCHAR' ? rank.string : 0;
}

function decimalOf(sqlType: string): [number, number] {
  const match = /^DECIMAL\((\d+),(\d+)\)$/.exec(sqlType);
  return match === null ? [19, 0] : [Number(match[1]), Number(match[2])];
}
