/** An in-memory DuckDB that reads and writes staged files; it never touches the warehouse. */
export interface StagedSql {
  /** Runs statements in order on one connection and returns the rows of the last. Integers beyond 2^53 are text. */
  run(statements: readonly string[], signal?: AbortSignal): Promise<readonly Record<string, unknown>[]>;
  close(): void;
}
