import type { DuckDBConnection } from '@duckdb/node-api';
import { hasTombstones } from '../../core/load-rules.js';
import { batchSql, type LoadFiles } from '../load/batch-sql.js';
import { applySql } from '../load/apply.js';
import type { EvolutionPlan, StoredColumn } from '../load/evolution.js';
import type { MergeNames } from '../load/judge.js';
import { mergeNames, type BatchChanges } from '../load/statements.js';
import { systemColumns, validityColumns } from '../load/system-tables.js';
import type { LoadRequest } from '../warehouse.js';
import { duckDbDialect } from './dialect.js';
import { judgeBatch } from './judge-batch.js';
import { changed, rowsOf } from './rows.js';
import { quoteName } from './sql-text.js';

type Changes = Omit<BatchChanges, 'quarantined'>;

const nothing: Changes = { loaded: 0, unchanged: 0, superseded: 0, withheld: 0 };

/** A batch that is ready to change its table. */
export interface PreparedBatch {
  /** Temporary table of the rows that the contract refuses, with code, pointer and message. */
  readonly refused: string | undefined;
  apply(): Promise<Changes>;
}

/** Brings a batch into the table's columns, in temporary tables; `apply` then changes the table. */
export async function prepareBatch(
  connection: DuckDBConnection,
  request: LoadRequest,
  plan: EvolutionPlan,
  files: LoadFiles,
  tombstones: readonly StoredColumn[] | undefined,
): Promise<PreparedBatch> {
  const batch = batchSql(request, plan, files, tombstones);
  const refused = await writeRefused(connection, batch.refused);
  const withheld = plan.isWithheld ? files.rowCount : 0;
  const prepared = (apply: () => Promise<Omit<Changes, 'withheld'>>): PreparedBatch => ({
    refused,
    apply: async () => ({ ...(await apply()), withheld }),
  });
  if (plan.assignments.length === 0) return prepared(async () => nothing);
  const names = mergeNames(request, plan, duckDbDialect, {
    batch: '_millrace_batch',
    judged: '_millrace_judged',
    history: '_millrace_history',
  });
  if (request.config.disposition !== 'merge') {
    return prepared(async () => {
      if (request.config.disposition === 'replace') await connection.run(`DELETE FROM ${names.table}`);
      return { ...nothing, loaded: await insertAll(connection, names, batch.all) };
    });
  }
  if (batch.all === undefined || batch.winners === undefined) return prepared(async () => nothing);
  return prepared(
    await prepareMerge(connection, request, names, {
      winners: batch.winners,
      hasDeletes: batch.hasDeletes,
      all: batch.all,
    }),
  );
}

/** The table of the rows that the contract refuses, or `undefined` where it refuses none. */
async function writeRefused(
  connection: DuckDBConnection,
  sql: string | undefined,
): Promise<string | undefined> {
  if (sql === undefined) return undefined;
  const [written] = await rowsOf(connection, `CREATE OR REPLACE TEMP TABLE _millrace_refused AS ${sql}`);
  return Number(written?.['Count'] ?? 0) === 0 ? undefined : '_millrace_refused';
}

function columnList(names: MergeNames): string {
  return [
    ...names.columns.map(quoteName),
    systemColumns.loadId,
    systemColumns.ingestedAt,
    systemColumns.position,
  ].join(', ');
}

async function insertAll(
  connection: DuckDBConnection,
  names: MergeNames,
  source: string | undefined,
): Promise<number> {
  if (source === undefined) return 0;
  const columns = columnList(names);
  return changed(connection, `INSERT INTO ${names.table} (${columns}) SELECT ${columns} FROM ${source}`);
}

async function prepareMerge(
  connection: DuckDBConnection,
  request: LoadRequest,
  merge: MergeNames,
  batch: { readonly all: string; readonly winners: string; readonly hasDeletes: boolean },
): Promise<() => Promise<Omit<Changes, 'withheld'>>> {
  const { total, stored, buried } = await rowCounts(connection, request, merge, batch.all);
  const names = { ...merge, hasDeletions: batch.hasDeletes || buried > 0 };
  if (names.strategy !== 'scd2' && !names.hasDeletions && stored === 0) {
    return async () => {
      const loaded = await insertAll(connection, names, batch.winners);
      return { loaded, unchanged: 0, superseded: total - loaded };
    };
  }
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${names.batch} AS SELECT * FROM ${batch.winners}`);
  const judged = await judgeBatch(connection, names);
  if (names.strategy === 'scd2') {
    const identity = [...names.key, ...names.version].map(quoteName).join(', ');
    await connection.run(
      `CREATE OR REPLACE TEMP TABLE ${names.history} AS SELECT ${identity}, CAST(NULL AS TIMESTAMP) AS ${validityColumns.validTo}, FALSE AS ${validityColumns.isCurrent} FROM ${names.judged} WHERE FALSE`,
    );
  }
  return async () => {
    for (const statement of applySql(judged.names, duckDbDialect)) await connection.run(statement);
    const { loaded, unchanged, superseded, rows } = judged;
    return { loaded, unchanged, superseded: superseded + total - rows };
  };
}

/** How many rows the batch, the table (one at most) and its tombstones hold. */
async function rowCounts(
  connection: DuckDBConnection,
  { config }: LoadRequest,
  names: MergeNames,
  all: string,
): Promise<{ readonly total: number; readonly stored: number; readonly buried: number }> {
  const [row] = await rowsOf(
    connection,
    `SELECT (SELECT count(*) FROM ${all}) AS total, (SELECT count(*) FROM (SELECT 1 FROM ${names.table} LIMIT 1)) AS stored,
            ${hasTombstones(config) ? `(SELECT count(*) FROM ${names.tombstones})` : '0'} AS buried`,
  );
  const figure = (name: string) => Number(row?.[name] ?? 0);
  return { total: figure('total'), stored: figure('stored'), buried: figure('buried') };
}
