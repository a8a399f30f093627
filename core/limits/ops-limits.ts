/** The part of `limits` that the operations store, the run ledger and the logs of tasks have. */
export const opsLimits = {
  /** Operations store: how long a writer waits for another process; a waiting write holds its process up. */
  opsBusyTimeoutMs: 5_000,
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
  /** Run ledger: a worker writes what it knows this often, or when so many records wait. */
  ledgerFlushEveryMs: 250,
  ledgerFlushRecords: 500,
  /** Run ledger: records that wait while the store cannot be written; older ones are dropped, and sync brings them back. */
  ledgerMaxWaitingRecords: 20_000,
  /** Task logs: lines of one try, and bytes of one line with its fields. What is cut is counted and said. */
  taskLogMaxLines: 1_000,
  taskLogLineMaxBytes: 2 * 1024,
  /** Run ledger: runs that one pass of synchronisation reads, and those that it looks up at a time. */
  ledgerSyncMaxRuns: 1_000,
  ledgerSyncPageRuns: 200,
  /** Run ledger: how far a synchronisation looks back before the last one; how long a process that does it has the lease. */
  ledgerSyncOverlapMs: 10 * 60_000,
  ledgerLeaseMs: 60_000,
  /** Run ledger: successful runs that say how long a run usually takes. */
  ledgerUsualRuns: 20,
  /** Task logs: lines read at a time, and how often a reader who follows looks for more. */
  ledgerPageLines: 1_000,
  ledgerFollowEveryMs: 500,
  /** Run ledger: executions of a run that `run show` and `run logs` look through for earlier tries. */
  ledgerFormerRuns: 100,
  /** Run ledger: earlier tries of a task that a synchronisation adds. */
  ledgerReadTries: 100,
  /** Run ledger: rows of one statement; runs that one statement deletes. */
  ledgerStatementRows: 200,
  ledgerDeleteRuns: 200,
} as const;
