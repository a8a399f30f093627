import { fileURLToPath } from 'node:url';
import { existsSync } from 'node:fs';
import { loadDags } from '../activities/load-dags.js';
import { revealConnection, type Settings } from '../config.js';
import { warehouseModule, type WarehousePlace } from '../connectors/warehouse-registry.js';
import type { QueryResult, QueryRow } from '../connectors/warehouse.js';
import type { DagDefinition } from '../core/dag-definition.js';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import { createSchemaRegistry } from '../schemas/registry.js';

/** DAGs of the project's folder, with their record schemas embedded. @throws PipelineError DAG_*, SCHEMA_* */
export function loadProjectDags(settings: Settings): Promise<DagDefinition[]> {
  return loadDags(
    settings.dagsDirectory,
    createSchemaRegistry([settings.schemasDirectory, builtInSchemas()].filter(existsSync)),
  );
}

/** Where the warehouse of the settings is; its connection is one of the settings too. @throws PipelineError CONNECTION_UNKNOWN */
export function warehousePlace(settings: Settings): WarehousePlace {
  const { connection, type } = settings.warehouse;
  const name = connection ?? (Object.hasOwn(settings.connections, type) ? type : undefined);
  if (name === undefined) return { settings: settings.warehouse, connection: {} };
  const known = Object.hasOwn(settings.connections, name) ? settings.connections[name] : undefined;
  if (known === undefined) throw new PipelineError('CONNECTION_UNKNOWN', { connection: name });
  return { settings: settings.warehouse, connection: revealConnection(known) };
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
export async function openWarehouseReader(settings: Settings): Promise<ProjectWarehouse> {
  const { connectReader } = await warehouseModule(settings.warehouse.type);
  const warehouse = await connectReader(warehousePlace(settings));
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
