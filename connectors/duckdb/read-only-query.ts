import { StatementType, type DuckDBConnection, type DuckDBPreparedStatement } from '@duckdb/node-api';
import { PipelineError } from '../../core/errors/index.js';
import type { QueryResult, QueryRow } from '../warehouse.js';

const reading = new Set<StatementType>([StatementType.SELECT, StatementType.EXPLAIN, StatementType.RELATION]);

/**
 * Runs one reading statement in a read-only transaction. What kind a statement is, DuckDB's own parser says.
 *
 * @throws PipelineError QUERY_REFUSED for several statements, a writing one, or one that DuckDB refuses.
 */
export async function readOnlyQuery(
  connection: DuckDBConnection,
  sql: string,
  maxRows: number,
): Promise<QueryResult> {
  const refuse = (reason: string, cause?: unknown) =>
    new PipelineError('QUERY_REFUSED', { reason }, { cause });
  try {
    const statements = await connection.extractStatements(sql);
    if (statements.count !== 1) throw refuse(`it holds ${String(statements.count)} statements`);
    const prepared = await statements.prepare(0);
    if (!reading.has(prepared.statementType)) throw refuse('it does not only read');
    await connection.run('BEGIN TRANSACTION READ ONLY');
    try {
      const bounded = await boundedStatement(connection, sql, maxRows + 1);
      const result = await (bounded ?? prepared).runAndReadUntil(maxRows + 1);
      const rows: QueryRow[] = result.getRowObjectsJson();
      return {
        columns: result.deduplicatedColumnNames(),
        rows: rows.slice(0, maxRows),
        truncated: rows.length > maxRows,
      };
    } finally {
      await connection.run('ROLLBACK').catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof PipelineError) throw error;
    throw refuse(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error), error);
  }
}

/**
 * The statement with a bound on its rows, so that its result can be taken as a whole: a stream of DuckDB that fails midway ends
 * like one that is exhausted (duckdb_fetch_chunk in the C API is NULL for both). Undefined for what is no query in parentheses,
 * such as EXPLAIN, whose results are small.
 */
async function boundedStatement(
  connection: DuckDBConnection,
  sql: string,
  maxRows: number,
): Promise<DuckDBPreparedStatement | undefined> {
  const query = sql.trimEnd().replace(/[;\s]+$/, '');
  try {
    return await connection.prepare(`SELECT * FROM (\n${query}\n) LIMIT ${String(maxRows)}`);
  } catch {
    return undefined;
  }
}
