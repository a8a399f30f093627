/** The part of `limits` that reads of MySQL and MariaDB have. */
export const mysqlLimits = {
  /** MySQL: time to connect, for a lock, for a kill, and for one statement where the connection names none. */
  mysqlConnectTimeoutMs: 10_000,
  mysqlLockTimeoutMs: 30_000,
  mysqlKillTimeoutMs: 5_000,
  mysqlStatementTimeoutMs: 60 * 60_000,
  /** MySQL: how long the server waits for a reader that takes no rows; how soon the client looks whether the server is there. */
  mysqlReaderPauseMs: 10 * 60_000,
  mysqlKeepAliveMs: 30_000,
  /** MySQL: rows that wait in memory, and bytes of JSON lines that are handed on at a time. */
  mysqlBufferedRows: 256,
  mysqlBatchBytes: 512 * 1024,
  /** MySQL: tables among which one with a similar name is looked for. */
  mysqlListedTables: 10_000,
} as const;
