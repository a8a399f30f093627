import type { WarehouseReader } from '../warehouse.js';
import type { WarehouseEnvironment, WarehousePlace } from '../warehouse-registry.js';
import { BigQueryEngine } from './engine.js';
import { bigQuerySettings } from './settings.js';
import { createBigQueryWarehouse } from './warehouse.js';

export { createBigQueryWarehouse, type BigQueryOptions } from './warehouse.js';

/** The warehouse of the settings. */
export function createWarehouse(environment: WarehouseEnvironment) {
  return createBigQueryWarehouse(environment);
}

/** Reading access to the warehouse of the settings. */
export function connectReader({ connection }: WarehousePlace): Promise<WarehouseReader> {
  return Promise.resolve().then(() => new BigQueryEngine(bigQuerySettings(connection)));
}
