import type { DuckDBConnection } from '@duckdb/node-api';
import { hasTombstones } from '../../core/load-rules.js';
import { batchSql, type LoadFiles } from '../load/batch-sql.js';
import { applySql } from '../load/apply.js';
import type { EvolutionPlan, StoredColumn } from '../load/evolution.js';
import { judgeSql, type MergeNames } from '../load/judge.js';
import { mergeNames, type BatchChanges } from '../load/statements.js';
import { systemColumns, validityColumns } from '../load/system-tables.js';
import type { LoadRequest } from '../warehouse.js';
import { duckDbDialect } from './dialect.js';
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
  if (batch.refused !== undefined)
    await connection.run(`CREATE OR REPLACE TEMP TABLE _millrace_refused AS ${batch.refused}`);
  const refused = batch.refused === undefined ? undefined : '_millrace_refused';
  const withheld = plan.isWithheld ? request.manifest.files.reduce((sum, file) => sum + file.rows, 0) : 0;
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
      all: batch.all,
      winners: batch.winners,
      hasDeletes: batch.hasDeletes,
    }),
  );
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
  names: MergeNames,
  batch: { readonly all: string; readonly winners: string; readonly hasDeletes: boolean },
): Promise<() => Promise<Omit<Changes, 'withheld'>>> {
  const count = async (sql: string) => Number((await rowsOf(connection, sql))[0]?.['n'] ?? 0);
  const total = await count(`SELECT count(*) AS n FROM ${batch.all}`);
  const buried = hasTombstones(request.config) ? `(SELECT count(*) FROM ${names.tombstones})` : '0';
  const isPlain = names.strategy !== 'scd2' && !batch.hasDeletes;
  if (
    isPlain &&
    (await count(`SELECT (SELECT count(*) FROM (SELECT 1 FROM ${names.table} LIMIT 1)) + ${buried} AS n`)) ===
      0
  ) {
    return async () => {
      const loaded = await insertAll(connection, names, batch.winners);
      return { loaded, unchanged: 0, superseded: total - loaded };
    };
  }
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${names.batch} AS SELECT * FROM ${batch.winners}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${names.judged} AS ${judgeSql(names, duckDbDialect)}`);
  if (names.strategy === 'scd2') {
    const identity = [...names.key, ...names.version].map(quoteName).join(', ');
    await connection.run(
      `CREATE OR REPLACE TEMP TABLE ${names.history} AS SELECT ${identity}, CAST(NULL AS TIMESTAMP) AS ${validityColumns.validTo}, FALSE AS ${validityColumns.isCurrent} FROM ${names.judged} WHERE FALSE`,
    );
  }
  return async () => {
    for (const statement of applySql(names, duckDbDialect)) await connection.run(statement);
    const [verdicts] = await rowsOf(
      connection,
      `SELECT count(*) FILTER (verdict = 'loaded') AS loaded, count(*) FILTER (verdict IN ('unchanged', 'raised')) AS unchanged,
              count(*) FILTER (verdict = 'superseded') AS superseded, count(*) AS n FROM ${names.judged}`,
    );
    const figure = (name: string) => Number(verdicts?.[name] ?? 0);
    return {
      loaded: figure('loaded'),
      unchanged: figure('unchanged'),
      superseded: figure('superseded') + total - figure('n'),
    };
  };
}
