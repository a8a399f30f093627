import type { ColumnSpec } from '../../core/loading/columns.js';
import type { TableLayout } from '../../core/dag/dag-spec.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { columnOfDuckDb } from '../duckdb/column-sql.js';
import { tombstoneTable } from '../load/system-tables.js';
import type { StoredTables, TableChange } from '../load/table-changes.js';
import type { RemoteBooks } from './books.js';
import type { RemoteEngine, StatementTag } from './engine.js';

export interface ChangeTablesRequest {
  readonly table: string;
  readonly layout: TableLayout | undefined;
  readonly changes: readonly TableChange[];
  readonly stored: StoredTables;
  /** Version of the columns that the changes were planned from. */
  readonly before: { readonly version: number; readonly changedAt: string };
  readonly tag: StatementTag;
}

/**
 * Makes and widens tables while others load. New columns are harmless to them. A wider type takes a table made anew, during
 * which nobody may commit: the version of the columns is odd meanwhile, and a transaction that finds another version than
 * it planned with changes nothing. A process that dies in between leaves the version odd; after a while the next one goes
 * on in its place, which is safe, because a table is made anew in one step.
 *
 * @returns the version that a load now plans with
 * @throws PipelineError WAREHOUSE_CONFLICT while another does it
 */
export async function changeTables(
  { engine, books }: { readonly engine: RemoteEngine; readonly books: RemoteBooks },
  { table, layout, changes, stored, before, tag }: ChangeTablesRequest,
): Promise<number> {
  const { dialect } = engine;
  const isUnderWay = before.version % 2 === 1;
  if (isUnderWay && Date.now() - Date.parse(before.changedAt) < limits.warehouseRebuildMaxMs)
    throw new PipelineError('WAREHOUSE_CONFLICT', { table });
  for (const change of changes) {
    if (change.create.length > 0) {
      const own = change.table === table ? layout : undefined;
      await engine.run({ sql: dialect.createTable(change.table, change.create, own), binds: [] }, tag);
    }
    for (const column of change.add) {
      const sql = `ALTER TABLE ${dialect.table(change.table)} ADD COLUMN IF NOT EXISTS ${dialect.name(column.name)} ${dialect.typeOf(column)}`;
      await engine.run({ sql, binds: [] }, tag);
    }
  }
  const widening = changes.filter(({ widen }) => widen.length > 0);
  if (widening.length === 0 && !isUnderWay) return before.version;
  const odd = isUnderWay ? before.version : before.version + 1;
  await books.setSchemaVersion(table, odd);
  for (const change of widening) {
    const columns = change.table === tombstoneTable(table) ? stored.tombstones : stored.table;
    const all = [...(columns ?? []).map(({ name, sqlType }) => columnOfDuckDb(name, sqlType)), ...change.add];
    const query = `SELECT ${all.map((column) => widened(engine, column, change.widen)).join(', ')} FROM ${dialect.table(change.table)}`;
    const own = change.table === table ? layout : undefined;
    await engine.run({ sql: dialect.rebuildTable(change.table, query, own), binds: [] }, tag);
  }
  await books.setSchemaVersion(table, odd + 1);
  return odd + 1;
}

function widened({ dialect }: RemoteEngine, column: ColumnSpec, wider: readonly ColumnSpec[]): string {
  const name = dialect.name(column.name);
  const target = wider.find((candidate) => candidate.name === column.name);
  if (target === undefined) return name;
  const value =
    target.type === 'string' ? dialect.asText(name, column) : `CAST(${name} AS ${dialect.typeOf(target)})`;
  return `${value} AS ${name}`;
}
