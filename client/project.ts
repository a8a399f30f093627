import { fileURLToPath } from 'node:url';
import { existsSync } from 'node:fs';
import { loadDags } from '../activities/load-dags.js';
import { revealConnection, type Settings } from '../config.js';
import { createSourceRegistry } from '../connectors/registry.js';
import { warehouseModule, type WarehousePlace } from '../connectors/warehouse-registry.js';
import type { QueryResult, QueryRow } from '../connectors/warehouse.js';
import type { DagDefinition } from '../core/dag-definition.js';
import { isPipelineError, PipelineError } from '../core/errors/index.js';
import type { JsonObject } from '../core/json.js';
import { limits } from '../core/limits.js';
import { createSchemaRegistry } from '../schemas/registry.js';

/** DAGs of the project's folder, with their record schemas embedded. @throws PipelineError DAG_*, SCHEMA_* */
export function loadProjectDags(settings: Settings): Promise<DagDefinition[]> {
  return loadDags(
    settings.dagsDirectory,
    createSchemaRegistry([settings.schemasDirectory, builtInSchemas()].filter(existsSync)),
  );
}

/** A connection with its secrets revealed, for its connector alone. @throws PipelineError CONNECTION_UNKNOWN */
export function connectionOf(settings: Settings, name: string | undefined): JsonObject {
  if (name === undefined) return {};
  const connection = settings.connections[name];
  if (connection === undefined) throw new PipelineError('CONNECTION_UNKNOWN', { connection: name });
  return revealConnection(connection);
}

/** Where the warehouse of the settings is. @throws PipelineError CONNECTION_UNKNOWN */
export function warehousePlace(settings: Settings): WarehousePlace {
  const { connection, type } = settings.warehouse;
  const name = connection ?? (Object.hasOwn(settings.connections, type) ? type : undefined);
  return { settings: settings.warehouse, connection: connectionOf(settings, name) };
}

/** What a test of one connection found. */
export interface ConnectionTest {
  readonly name: string;
  readonly connector: string;
  readonly isWorking: boolean;
  readonly detail: string;
}

/** One cheap request through a connection; a failure is a result. @throws PipelineError CONNECTION_UNKNOWN */
export async function testConnection(settings: Settings, name: string): Promise<ConnectionTest> {
  const connection = connectionOf(settings, name);
  const connector = String(connection['connector']);
  try {
    const source = await createSourceRegistry(settings)(connector);
    const { detail } = await source.test(connection, {
      signal: AbortSignal.timeout(limits.connectionTestMaxMs),
    });
    return { name, connector, isWorking: true, detail };
  } catch (error) {
    const detail = isPipelineError(error) ? `${error.message} [${error.code}]` : String(error);
    return { name, connector, isWorking: false, detail };
  }
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
