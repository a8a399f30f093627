import { rm } from 'node:fs/promises';
import type { ColumnSpec } from '../../core/loading/columns.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import { quoteName, quoteText } from '../duckdb/sql-text.js';
import type { StagedSql } from '../duckdb/staged-sql.js';
import type { StagingStore } from '../staging.js';
import type { LoadRequest } from '../warehouse.js';
import { batchSql, type LoadFiles } from './batch-sql.js';
import type { EvolutionPlan, StoredColumn } from './evolution.js';
import { batchColumns, groupFirst } from './judge.js';
import { quarantineColumns, refusalsSql, rejectsSql } from './quarantine-sql.js';
import { mergeNames } from './statements.js';
import { quarantineTable, systemColumnSpecs } from './system-tables.js';
import type { SqlDialect } from './dialect.js';

/** Rows for one table of a warehouse, in a local file that its loader reads. */
export interface StagedRows {
  readonly columns: readonly ColumnSpec[];
  readonly rows: number;
  readonly path: string;
}

/** A batch made ready on this machine: what is left for the warehouse is to compare it with the table. */
export interface StagedBatch {
  /** One row for each key, in the table's columns. */
  readonly batch: StagedRows | undefined;
  /** True where the warehouse has filled the table of the batch already. */
  readonly isInPlace?: true;
  readonly quarantine: StagedRows | undefined;
  /** Rows that the batch itself holds at a later version. */
  readonly supersededInBatch: number;
  readonly withheld: number;
  remove(): Promise<void>;
}

/** How a warehouse's loader wants its files. */
export interface LoaderFormat {
  readonly extension: string;
  /** DuckDB's expression for a value, over its quoted name. */
  value(column: ColumnSpec): string;
  /** DuckDB's options of COPY … TO. */
  options(columns: readonly ColumnSpec[]): string;
}

export interface StageBatchDeps {
  readonly staging: StagingStore;
  readonly stagedSql: StagedSql;
  readonly dialect: SqlDialect;
  readonly format: LoaderFormat;
}

/** Resolves and verifies every staged file of a load. @throws PipelineError STAGING_MISSING, STAGING_CORRUPT */
export async function loadFiles(
  { manifest }: Pick<LoadRequest, 'manifest'>,
  staging: Pick<StagingStore, 'localPath'>,
): Promise<LoadFiles> {
  const paths = (list: readonly StagedFile[]) => Promise.all(list.map((file) => staging.localPath(file)));
  const { files, deletes, rejects } = manifest;
  const rows = await paths(files);
  return {
    relation: rows.length === 0 ? undefined : `read_parquet([${rows.map(quoteText).join(', ')}])`,
    rowCount: files.reduce((sum, file) => sum + file.rows, 0),
    deletes: await paths(deletes),
    rejects: await paths(rejects),
  };
}

/** Prepares a batch in the local engine and writes it in the form of the warehouse's loader. */
export async function stageBatch(
  deps: StageBatchDeps,
  request: LoadRequest,
  plan: EvolutionPlan,
  files: LoadFiles,
  tombstones: readonly StoredColumn[] | undefined,
): Promise<StagedBatch> {
  const { write, remove } = batchFiles(deps);
  try {
    const sql = batchSql(request, plan, files, tombstones);
    const columns = columnsOfBatch(request, plan, deps.dialect);
    const total = sql.all === undefined ? 0 : await count(deps, sql.all);
    const batch =
      total === 0 || sql.winners === undefined || plan.assignments.length === 0
        ? undefined
        : await write(`SELECT * FROM ${sql.winners}`, columns);
    return {
      batch,
      quarantine: await stageQuarantine(write, request, files, sql.refused),
      supersededInBatch: total - (batch?.rows ?? 0),
      withheld: plan.isWithheld ? files.rowCount : 0,
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Writes the rows of a query as a file for the warehouse's loader. */
export type WriteRows = (sql: string, columns: readonly ColumnSpec[]) => Promise<StagedRows>;

/** Files of one load, and how they go away. */
export function batchFiles(deps: Pick<StageBatchDeps, 'staging' | 'stagedSql' | 'format'>): {
  readonly write: WriteRows;
  remove(): Promise<void>;
} {
  const made: string[] = [];
  return {
    write: async (sql, columns) => {
      const path = deps.staging.temporaryPath(deps.format.extension);
      made.push(path);
      return { columns, path, rows: await writeRows(deps, sql, columns, path) };
    },
    remove: async () => {
      for (const path of made) await rm(path, { force: true, recursive: true });
    },
  };
}

/** What goes to the quarantine: what earlier stages rejected, and what `refused` (see `BatchSql`) finds. */
export async function stageQuarantine(
  write: WriteRows,
  request: LoadRequest,
  files: LoadFiles,
  refused: string | undefined,
): Promise<StagedRows | undefined> {
  const rejected = [
    ...(files.rejects.length === 0 ? [] : [rejectsSql(request, files.rejects)]),
    ...(refused === undefined ? [] : [refusalsSql(request, `(${refused})`)]),
  ];
  if (rejected.length === 0) return undefined;
  const columns = quarantineTable.columns.filter(({ name }) => quarantineColumns.includes(name));
  const rows = await write(rejected.join(' UNION ALL '), columns);
  return rows.rows === 0 ? undefined : rows;
}

/** Writes the rows of a query in the loader's form; returns how many. */
export async function writeRows(
  { stagedSql, format }: Pick<StageBatchDeps, 'stagedSql' | 'format'>,
  sql: string,
  columns: readonly ColumnSpec[],
  path: string,
): Promise<number> {
  const values = columns.map((column) => `${format.value(column)} AS ${quoteName(column.name)}`);
  const [written] = await stagedSql.run([
    `COPY (SELECT ${values.join(', ')} FROM (${sql})) TO ${quoteText(path)} (${format.options(columns)})`,
  ]);
  return Number(written?.['Count'] ?? 0);
}

async function count({ stagedSql }: StageBatchDeps, source: string): Promise<number> {
  const [row] = await stagedSql.run([`SELECT count(*) AS n FROM ${source}`]);
  return Number(row?.['n'] ?? 0);
}

/** Columns of the table that takes the batch, with their types. */
export function columnsOfBatch(request: LoadRequest, plan: EvolutionPlan, dialect: SqlDialect): ColumnSpec[] {
  const names = mergeNames(request, plan, dialect, { batch: '', judged: '', history: '' });
  const types = new Map<string, ColumnSpec>([
    ...plan.assignments.map(({ column, type }) => [column, { ...type, name: column }] as const),
    ...systemColumnSpecs.map((column) => [column.name, column] as const),
  ]);
  const flag = (name: string): ColumnSpec => ({ name, type: 'boolean', nullable: true });
  const wanted =
    request.config.disposition === 'merge'
      ? batchColumns(names)
      : [...names.columns, ...systemColumnSpecs.map(({ name }) => name)];
  return wanted.map((name) => types.get(name) ?? flag(name === groupFirst ? groupFirst : name));
}
