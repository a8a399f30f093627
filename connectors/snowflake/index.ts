import type { WarehouseReader } from '../warehouse.js';
import type { WarehouseEnvironment, WarehousePlace } from '../warehouse-registry.js';
import { SnowflakeEngine } from './engine.js';
import { snowflakeSettings } from './settings.js';
import { createSnowflakeWarehouse } from './warehouse.js';

export { createSnowflakeWarehouse, type SnowflakeOptions } from './warehouse.js';

/** The warehouse of the settings. */
export function createWarehouse(environment: WarehouseEnvironment) {
  return createSnowflakeWarehouse(environment);
}

/** Reading access to the warehouse of the settings. */
export function connectReader({ connection }: WarehousePlace): Promise<WarehouseReader> {
  return Promise.resolve().then(() => new SnowflakeEngine(snowflakeSettings(connection)));
}
