import type { JsonObject } from '../../core/json.js';
import type { StagedSql } from '../duckdb/staged-sql.js';
import type { ConnectionRenewal } from '../connection-renewal.js';
import { engineFor } from '../remote/renewed-engine.js';
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
  /** Told of what goes on in another way than was meant. */
  readonly warn?: (text: string) => void;
  readonly renewal?: ConnectionRenewal;
}

/** BigQuery. @throws PipelineError CONFIG_INVALID */
export function createBigQueryWarehouse({
  connection,
  staging,
  stagedSql,
  warn,
  renewal,
}: BigQueryOptions): Warehouse {
  const make = (now: JsonObject) => new BigQueryEngine(bigQuerySettings(now), warn);
  const engine = engineFor(make, connection, renewal);
  return new RemoteWarehouse({ engine, staging, stagedSql });
}
