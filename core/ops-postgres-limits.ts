/** The part of `limits` that belongs to the operations store on Postgres. */
export const opsPostgresLimits = {
  /** Operations store on Postgres: connections that one process holds at most; how long it waits for a new one. */
  opsPostgresConnections: 4,
  opsPostgresConnectMs: 10_000,
  /** Operations store on Postgres: one statement, and a transaction that its process has left open; longer ones are ended. */
  opsPostgresStatementMs: 30_000,
  opsPostgresIdleTransactionMs: 30_000,
  /** Operations store on Postgres: how long an operation is tried again after a lost connection, with the first and longest pause. */
  opsPostgresRetryMs: 10_000,
  opsPostgresRetryFirstPauseMs: 20,
  opsPostgresRetryPauseMs: 1_000,
} as const;
