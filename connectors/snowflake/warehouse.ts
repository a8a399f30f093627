import { RemoteWarehouse } from '../remote/remote-warehouse.js';
import type { StagedSql } from '../duckdb/staged-sql.js';
import type { StagingStore } from '../staging.js';
import type { Warehouse } from '../warehouse.js';
import type { JsonObject } from '../../core/json.js';
import { SnowflakeEngine } from './engine.js';
import { snowflakeSettings } from './settings.js';

export interface SnowflakeOptions {
  /** Settings of a connection, secrets revealed; see `snowflakeSettings`. */
  readonly connection: JsonObject;
  readonly staging: StagingStore;
  readonly stagedSql: StagedSql;
}

/** Snowflake. @throws PipelineError CONFIG_INVALID */
export function createSnowflakeWarehouse({ connection, staging, stagedSql }: SnowflakeOptions): Warehouse {
  const engine = new SnowflakeEngine(snowflakeSettings(connection));
  return new RemoteWarehouse({ engine, staging, stagedSql });
}
