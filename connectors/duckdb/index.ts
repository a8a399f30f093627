import { existsSync } from 'node:fs';
import type { WarehouseReader } from '../warehouse.js';
import type { WarehouseEnvironment, WarehousePlace } from '../warehouse-registry.js';
import type { DeferredTransforms } from '../../core/loading/manifest.js';
import { unnestGaps } from '../load/transform-chain.js';
import { connectDuckDb } from './connect.js';
import { journalPath, LoadJournal } from './load-journal.js';
import { createDuckDbWarehouse } from './warehouse.js';

export { connectDuckDb } from './connect.js';
export { createDuckDbWarehouse, type DuckDbOptions, type RebuildReport } from './warehouse.js';

/** The warehouse of the settings, held by this process. */
export function createWarehouse({ settings, staging }: WarehouseEnvironment) {
  const { path, memoryLimitMb } = settings;
  return createDuckDbWarehouse({ path, staging, ...(memoryLimitMb === undefined ? {} : { memoryLimitMb }) });
}

/** Reading access to the warehouse of the settings. */
export function connectReader({ settings }: WarehousePlace): Promise<WarehouseReader> {
  return connectDuckDb({ path: settings.path });
}

/** DuckDB is the engine of the worker, with the same steps. */
export function transformGaps(deferred: DeferredTransforms): readonly string[] {
  return unnestGaps(deferred);
}

/** The file is made by the first worker. */
export function awaitedBy({ settings }: WarehousePlace): string | undefined {
  if (existsSync(settings.path)) return undefined;
  return `${settings.path} does not exist yet; the first worker makes it`;
}

/** Files that the load journal names, from which a broken database file is made again. */
export async function neededStaging({ settings }: WarehousePlace): Promise<ReadonlySet<string>> {
  const loads = await new LoadJournal(journalPath(settings.path)).read();
  return new Set(
    loads.flatMap(({ manifest }) =>
      [...manifest.files, ...manifest.deletes, ...manifest.rejects].map(({ sha256 }) => sha256),
    ),
  );
}
