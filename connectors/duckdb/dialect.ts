import type { SqlDialect } from '../load/dialect.js';
import { systemTableDdl } from '../load/statements.js';
import { loadsTable, quarantineTable, reconcilesTable } from '../load/system-tables.js';
import { duckDbType } from './column-sql.js';
import { quoteName } from './sql-text.js';

/** DuckDB: deleting and inserting is about eight times faster than MERGE, with the same result. */
export const duckDbDialect: SqlDialect = {
  name: quoteName,
  table: quoteName,
  typeOf: duckDbType,
  deleteMatching: (target, source, condition) =>
    `DELETE FROM ${target} s USING ${source} j WHERE ${condition}`,
  updateMatching: (target, source, condition, set) =>
    `UPDATE ${target} s SET ${set.map((name) => `${quoteName(name)} = j.${quoteName(name)}`).join(', ')} FROM ${source} j WHERE ${condition}`,
  prefersMerge: false,
};

/** Tables of Millrace itself, as DDL that is safe to repeat. */
export const systemTables: readonly string[] = [
  systemTableDdl(loadsTable, duckDbDialect),
  `CREATE TABLE IF NOT EXISTS _millrace_fences (table_name VARCHAR, interval_key VARCHAR, fence BIGINT)`,
  systemTableDdl(quarantineTable, duckDbDialect),
  systemTableDdl(reconcilesTable, duckDbDialect),
];
