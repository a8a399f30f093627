import { fileURLToPath } from 'node:url';
import { existsSync } from 'node:fs';
import type { Settings } from '../config.js';
import { warehouseModule, type WarehousePlace } from '../connectors/warehouse-registry.js';
import type { QueryResult, QueryRow } from '../connectors/warehouse.js';
import type { DagDefinition } from '../core/dag/dag-definition.js';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import { revealByName, type ConnectionStores } from './connections.js';

/** DAGs of the project's folder, with their record schemas embedded. @throws PipelineError DAG_*, SCHEMA_* */
export async function loadProjectDags(settings: Settings): Promise<DagDefinition[]> {
  // Loaded when it is needed: what reads the warehouse does without the TypeScript loader and the schema compiler.
  const { loadDags } = await import('../activities/worker/load-dags.js');
  const { createSchemaRegistry } = await import('../schemas/registry.js');
  return loadDags(
    settings.dagsDirectory,
    createSchemaRegistry([settings.schemasDirectory, builtInSchemas()].filter(existsSync)),
  );
}

/** Opens the operations store: only where a connection is looked for there. */
export type OpenStores = () => Promise<Pick<ConnectionStores, 'connections'>>;

/**
 * Where the warehouse of the settings is. The connection that `warehouse.connection` names is one of the settings, or else
 * of the operations store.
 *
 * @throws PipelineError CONNECTION_UNKNOWN, CONNECTION_INVALID, SECRET_*
 */
export async function warehousePlace(settings: Settings, stores: OpenStores): Promise<WarehousePlace> {
  const { connection: name, type } = settings.warehouse;
  if (name === undefined && !Object.hasOwn(settings.connections, type))
    return { settings: settings.warehouse, connection: {} };
  const connection = await revealByName(settings, stores, name ?? type);
  if (connection['connector'] !== type)
    throw new PipelineError('CONNECTION_INVALID', {
      connection: name ?? type,
      problems: `it is one of "${String(connection['connector'])}", and the warehouse is "${type}"`,
    });
  return { settings: settings.warehouse, connection };
}

/** Reading access to the project's warehouse, also while a worker holds it. */
export interface ProjectWarehouse {
  /** Who answers: the file, or the process that holds it. */
  readonly detail: string;
  query(sql: string, maxRows: number): Promise<QueryResult>;
  listQuarantine(filter: QuarantineFilter): Promise<readonly QueryRow[]>;
  close(): Promise<void>;
}

export interface QuarantineFilter {
  readonly dag?: string;
  /** Also rows that a replay has settled. */
  readonly all: boolean;
  readonly limit: number;
  readonly ids: readonly string[] | undefined;
}

/** @throws PipelineError WAREHOUSE_UNAVAILABLE when there is no warehouse yet */
export async function openWarehouseReader(settings: Settings, stores: OpenStores): Promise<ProjectWarehouse> {
  const { connectReader } = await warehouseModule(settings.warehouse.type);
  const warehouse = await connectReader(await warehousePlace(settings, stores));
  return {
    detail: JSON.stringify(warehouse.describe()),
    query: (sql, maxRows) => warehouse.query(sql, maxRows),
    listQuarantine: async (filter) => {
      const conditions = [
        ...(filter.all ? [] : [`status = 'open'`]),
        ...(filter.dag === undefined ? [] : [`dag_id = ${quote(filter.dag)}`]),
        ...(filter.ids === undefined ? [] : [`quarantine_id IN (${filter.ids.map(quote).join(', ')})`]),
      ];
      const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
      const { rows } = await warehouse.query(
        `SELECT * FROM _millrace_quarantine ${where} ORDER BY quarantined_at DESC, position`,
        Math.min(filter.limit, limits.queryMaxRows),
      );
      return rows;
    },
    close: () => warehouse.close(),
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Record schemas that come with the package. */
function builtInSchemas(): string {
  return fileURLToPath(new URL('../schemas/records', import.meta.url));
}
