import type { JsonObject } from '../../core/json.js';
import type { DeferredTransforms } from '../../core/loading/manifest.js';
import { remoteTransformGaps } from '../remote/transform-dialect.js';
import type { WarehouseReader } from '../warehouse.js';
import type { WarehouseEnvironment, WarehousePlace } from '../warehouse-registry.js';
import { bigQueryDialect } from './dialect.js';
import { BigQueryEngine } from './engine.js';
import { bigQuerySettings } from './settings.js';
import { createBigQueryWarehouse } from './warehouse.js';

export { createBigQueryWarehouse, type BigQueryOptions } from './warehouse.js';

/** The warehouse of the settings. */
export function createWarehouse(environment: WarehouseEnvironment) {
  return createBigQueryWarehouse(environment);
}

/** Looks at the options of a connection. */
export function checkConnection(connection: JsonObject): void {
  bigQuerySettings(connection);
}

/** Reading access to the warehouse of the settings. */
export function connectReader({ connection }: WarehousePlace): Promise<WarehouseReader> {
  return Promise.resolve().then(() => new BigQueryEngine(bigQuerySettings(connection)));
}

/** Why it cannot apply transforms with a load as the worker would. */
export function transformGaps(deferred: DeferredTransforms): readonly string[] {
  return remoteTransformGaps(deferred, bigQueryDialect('', ''));
}
