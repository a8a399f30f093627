import type { JsonObject } from '../../core/json.js';
import type { DeferredTransforms } from '../../core/loading/manifest.js';
import { remoteTransformGaps } from '../remote/transform-dialect.js';
import type { WarehouseReader } from '../warehouse.js';
import type { WarehouseEnvironment, WarehousePlace } from '../warehouse-registry.js';
import { snowflakeDialect } from './dialect.js';
import { SnowflakeEngine } from './engine.js';
import { snowflakeSettings } from './settings.js';
import { createSnowflakeWarehouse } from './warehouse.js';

export { createSnowflakeWarehouse, type SnowflakeOptions } from './warehouse.js';

/** The warehouse of the settings. */
export function createWarehouse(environment: WarehouseEnvironment) {
  return createSnowflakeWarehouse(environment);
}

/** Looks at the options of a connection. */
export function checkConnection(connection: JsonObject): void {
  snowflakeSettings(connection);
}

/** Reading access to the warehouse of the settings. */
export function connectReader({ connection }: WarehousePlace): Promise<WarehouseReader> {
  return Promise.resolve().then(() => new SnowflakeEngine(snowflakeSettings(connection)));
}

/** Why it cannot apply transforms with a load as the worker would. */
export function transformGaps(deferred: DeferredTransforms): readonly string[] {
  return remoteTransformGaps(deferred, snowflakeDialect);
}
