import type { ConnectionRenewal } from '../connection-renewal.js';
import { engineFor } from '../remote/renewed-engine.js';
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
  readonly renewal?: ConnectionRenewal;
}

/** Snowflake. @throws PipelineError CONFIG_INVALID */
export function createSnowflakeWarehouse({
  connection,
  staging,
  stagedSql,
  renewal,
}: SnowflakeOptions): Warehouse {
  const make = (now: JsonObject) => new SnowflakeEngine(snowflakeSettings(now));
  const engine = engineFor(make, connection, renewal);
  return new RemoteWarehouse({ engine, staging, stagedSql });
}
