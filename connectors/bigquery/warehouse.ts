import type { JsonObject } from '../../core/json.js';
import type { StagedSql } from '../duckdb/staged-sql.js';
import { RemoteWarehouse } from '../remote/remote-warehouse.js';
import type { StagingStore } from '../staging.js';
import type { Warehouse } from '../warehouse.js';
import { BigQueryEngine } from './engine.js';
import { bigQuerySettings } from './settings.js';

export interface BigQueryOptions {
  /** Settings of a connection, secrets revealed; see `bigQuerySettings`. */
  readonly connection: JsonObject;
  readonly staging: StagingStore;
  readonly stagedSql: StagedSql;
}

/** BigQuery. @throws PipelineError CONFIG_INVALID */
export function createBigQueryWarehouse({ connection, staging, stagedSql }: BigQueryOptions): Warehouse {
  const engine = new BigQueryEngine(bigQuerySettings(connection));
  return new RemoteWarehouse({ engine, staging, stagedSql });
}
