import { StatementType, type DuckDBConnection } from '@duckdb/node-api';
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
      const result = await prepared.stream();
      const rows: QueryRow[] = [];
      const columns = result.deduplicatedColumnNames();
      let truncated = false;
      for await (const chunk of result.yieldRowObjectJson()) {
        const room = maxRows - rows.length;
        rows.push(...chunk.slice(0, room));
        truncated = chunk.length > room;
        if (truncated) break;
      }
      return { columns, rows, truncated };
    } finally {
      await connection.run('ROLLBACK').catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof PipelineError) throw error;
    throw refuse(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error), error);
  }
}
