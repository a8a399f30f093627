import type { StagedSql } from '../duckdb/staged-sql.js';
import type { StagingStore } from '../staging.js';
import type { RemoteEngine } from './engine.js';

/** What a warehouse on the network is made of: its own engine, the staged files, and DuckDB, which prepares batches of them. */
export interface RemoteWarehouseOptions {
  readonly engine: RemoteEngine;
  readonly staging: StagingStore;
  readonly stagedSql: StagedSql;
}
