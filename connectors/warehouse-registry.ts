import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PipelineError } from '../core/errors/index.js';
import type { JsonObject } from '../core/json.js';
import type { DeferredTransforms } from '../core/loading/manifest.js';
import type { ConnectionRenewal } from './connection-renewal.js';
import type { StagedSql } from './duckdb/staged-sql.js';
import type { StagingStore } from './staging.js';
import type { Warehouse, WarehouseReader } from './warehouse.js';

/** The `warehouse` settings, as far as a connector reads them. */
export interface WarehouseSettings {
  /** Folder name under `connectors/`. */
  readonly type: string;
  /** File of an embedded warehouse. */
  readonly path: string;
  readonly memoryLimitMb?: number;
}

/** Where a warehouse is. */
export interface WarehousePlace {
  readonly settings: WarehouseSettings;
  /** Settings of the warehouse's connection, secrets revealed; empty where it has none. */
  readonly connection: JsonObject;
}

/** What a warehouse may need from the process that loads. */
export interface WarehouseEnvironment extends WarehousePlace {
  readonly staging: StagingStore;
  /** Prepares batches from staged files. */
  readonly stagedSql: StagedSql;
  /** Told of what goes on in another way than was meant: a line for the log of the process. */
  readonly warn?: (text: string) => void;
  /** By which a warehouse with a connection follows its changes; without it, it keeps the one that it was made with. */
  readonly renewal?: ConnectionRenewal;
}

/** What `connectors/<type>/index.ts` exports when the folder is a warehouse. */
export interface WarehouseModule {
  /** Not yet open. @throws PipelineError CONFIG_INVALID */
  createWarehouse(environment: WarehouseEnvironment): Warehouse;
  /** Looks at all options of a connection; absent where the warehouse needs none. @throws PipelineError CONFIG_INVALID */
  checkConnection?(connection: JsonObject): void;
  /** Reading access, also while a worker loads. @throws PipelineError CONFIG_INVALID, WAREHOUSE_* */
  connectReader(place: WarehousePlace): Promise<WarehouseReader>;
  /** Why it cannot apply transforms with a load as the worker would, a reason each; none where it can. */
  transformGaps(deferred: DeferredTransforms): readonly string[];
  /** What is still to come where the first worker makes the warehouse; undefined where it is there. */
  awaitedBy?(place: WarehousePlace): string | undefined;
  /** Staged files from which the warehouse would be made again, by hash of their content; they have no retention. */
  neededStaging?(place: WarehousePlace): Promise<ReadonlySet<string>>;
}

/**
 * Finds a warehouse by folder name. A new warehouse is one folder; nothing here changes. Only the one that is asked for is
 * loaded, with its driver.
 *
 * @throws PipelineError CONNECTOR_UNKNOWN, naming the warehouses that exist.
 */
export async function warehouseModule(type: string): Promise<WarehouseModule> {
  const module = await importModule(type);
  if (module === undefined)
    throw new PipelineError('CONNECTOR_UNKNOWN', { connector: type, known: await listWarehouses() });
  return module;
}

/** The warehouse that a connection of this connector leads to; undefined for a source, and for a warehouse without one. */
export async function warehouseOfConnection(
  connector: string,
): Promise<(WarehouseModule & { readonly checkConnection: (connection: JsonObject) => void }) | undefined> {
  const module = await importModule(connector);
  const { checkConnection } = module ?? {};
  if (module === undefined || checkConnection === undefined) return undefined;
  return { ...module, checkConnection };
}

/** Names of the warehouses that exist. */
export async function listWarehouses(): Promise<string[]> {
  const entries = await readdir(fileURLToPath(new URL('.', import.meta.url)), { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory() && isWarehouse(entry.name));
  return names.map(({ name }) => name).sort();
}

async function importModule(type: string): Promise<WarehouseModule | undefined> {
  if (!isWarehouse(type)) return undefined;
  return (await import(`./${type}/index.js`)) as WarehouseModule;
}

/** A warehouse's folder has a `warehouse.ts`; the name is checked before it becomes a path. */
function isWarehouse(name: string): boolean {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return false;
  return ['js', 'ts'].some((extension) =>
    existsSync(new URL(`./${name}/warehouse.${extension}`, import.meta.url)),
  );
}
