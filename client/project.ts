import { fileURLToPath } from 'node:url';
import { existsSync } from 'node:fs';
import { loadDags } from '../activities/load-dags.js';
import type { Settings } from '../config.js';
import { connectDuckDb } from '../connectors/duckdb/index.js';
import type { QueryResult, QueryRow } from '../connectors/warehouse.js';
import type { DagDefinition } from '../core/dag-definition.js';
import { limits } from '../core/limits.js';
import { createSchemaRegistry } from '../schemas/registry.js';

/** DAGs of the project's folder, with their record schemas embedded. @throws PipelineError DAG_*, SCHEMA_* */
export function loadProjectDags(settings: Settings): Promise<DagDefinition[]> {
  return loadDags(
    settings.dagsDirectory,
    createSchemaRegistry([settings.schemasDirectory, builtInSchemas()].filter(existsSync)),
  );
}

/** Reading access to the warehouse, also while a worker holds it. */
export interface WarehouseReader {
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
export async function openWarehouseReader(settings: Settings): Promise<WarehouseReader> {
  const warehouse = await connectDuckDb({ path: settings.warehouse.path });
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
