import { DuckDBInstance, type DuckDBConnection, type Json } from '@duckdb/node-api';
import { limits } from '../../core/limits.js';

/** A row of a small result; integers beyond 2^53, decimals and instants are text. */
export type SqlRow = Record<string, Json>;

/** An in-memory DuckDB that reads and writes staged files; it never touches the warehouse. */
export interface StagedSql {
  /** Runs statements in order on one connection and returns the rows of the last. */
  run(statements: readonly string[], signal?: AbortSignal): Promise<readonly SqlRow[]>;
  /** Work on a connection of its own, which may have temporary tables. */
  session<Result>(work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result>;
  close(): void;
}

/** Opens the engine for staged files; its time zone is UTC and it keeps the order of rows. */
export async function createStagedSql({
  memoryLimitMb = limits.stagedSqlMemoryMb,
  threads,
}: {
  readonly memoryLimitMb?: number;
  /** As many as the machine has cores where it is not given. */
  readonly threads?: number;
} = {}): Promise<StagedSql> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${String(memoryLimitMb)}MB`,
    preserve_insertion_order: 'true',
    ...(threads !== undefined && { threads: String(threads) }),
  });
  return {
    async run(statements, signal) {
      const connection = await instance.connect();
      const interrupt = () => {
        connection.interrupt();
      };
      try {
        signal?.throwIfAborted();
        signal?.addEventListener('abort', interrupt, { once: true });
        let rows: readonly SqlRow[] = [];
        await connection.run(`SET TimeZone = 'UTC'`);
        for (const statement of statements)
          rows = (await connection.runAndReadAll(statement)).getRowObjectsJson();
        return rows;
      } finally {
        signal?.removeEventListener('abort', interrupt);
        connection.closeSync();
      }
    },
    async session(work) {
      const connection = await instance.connect();
      try {
        await connection.run(`SET TimeZone = 'UTC'`);
        return await work(connection);
      } finally {
        connection.closeSync();
      }
    },
    close() {
      instance.closeSync();
    },
  };
}
