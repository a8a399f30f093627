import type { DuckDBConnection } from '@duckdb/node-api';
import { hasTombstones } from '../../core/loading/load-rules.js';
import { batchSql, identityOf, type BatchSql, type LoadFiles } from '../load/batch-sql.js';
import { applySql } from '../load/apply.js';
import type { EvolutionPlan, StoredColumn } from '../load/evolution.js';
import type { MergeNames } from '../load/judge.js';
import { mergeNames, type BatchChanges } from '../load/statements.js';
import { systemColumns, validityColumns } from '../load/system-tables.js';
import { limits } from '../../core/limits.js';
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
  const names = mergeNames(request, plan, duckDbDialect, {
    batch: '_millrace_batch',
    judged: '_millrace_judged',
    history: '_millrace_history',
  });
  const early = mayBeEarly(request, plan, files) ? batch.allWin : undefined;
  if (early !== undefined) await writeBatch(connection, names, early);
  const given = early === undefined ? figuresSql(request, batch) : writtenSql(request, names, files);
  const figures = await figuresOf(connection, request, names, { given, hasRows: batch.all !== undefined });
  const refused = figures.refused === 0 ? undefined : await writeRefused(connection, batch.refused);
  const withheld = plan.isWithheld ? files.rowCount : 0;
  const prepared = (apply: () => Promise<Omit<Changes, 'withheld'>>): PreparedBatch => ({
    refused,
    apply: async () => ({ ...(await apply()), withheld }),
  });
  if (plan.assignments.length === 0) return prepared(async () => nothing);
  if (request.config.disposition !== 'merge') {
    return prepared(async () => {
      if (request.config.disposition === 'replace') await connection.run(`DELETE FROM ${names.table}`);
      return { ...nothing, loaded: await insertAll(connection, names, batch.all) };
    });
  }
  const winners = figures.distinct === figures.total ? batch.allWin : batch.winners;
  if (winners === undefined) return prepared(async () => nothing);
  const hasDeletions = batch.hasDeletes || figures.buried > 0;
  const isWritten = early === winners;
  return prepared(await prepareMerge(connection, { ...names, hasDeletions }, winners, figures, isWritten));
}

/**
 * True where the batch may be written as if its keys were unique, before that is known: what is written answers it. A large batch
 * is asked first, because it would be written twice where its keys are not unique.
 */
function mayBeEarly({ config }: LoadRequest, plan: EvolutionPlan, { deletes, rowCount }: LoadFiles): boolean {
  return (
    config.disposition === 'merge' &&
    config.key.length > 0 &&
    plan.assignments.length > 0 &&
    deletes.length === 0 &&
    rowCount <= limits.duckDbRowGroupRows
  );
}

async function writeBatch(connection: DuckDBConnection, names: MergeNames, rows: string): Promise<void> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${names.batch} AS SELECT * FROM ${rows}`);
}

/** The table of the rows that the contract refuses. */
async function writeRefused(
  connection: DuckDBConnection,
  sql: string | undefined,
): Promise<string | undefined> {
  if (sql === undefined) return undefined;
  const table = '_millrace_refused';
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${table} AS ${sql}`);
  return table;
}

function columnList(names: MergeNames): string {
  return [
    ...names.columns.map(quoteName),
    systemColumns.loadId,
    systemColumns.ingestedAt,
    systemColumns.position,
  ].join(', ');
}

/**
 * Inserts rows in whatever order DuckDB comes by them: keeping that of files which are smaller than one of its row groups
 * (122,880 rows) means writing every row twice. The position of a row tells its place in the batch.
 */
async function insertAll(
  connection: DuckDBConnection,
  names: MergeNames,
  source: string | undefined,
): Promise<number> {
  if (source === undefined) return 0;
  const columns = columnList(names);
  await connection.run('SET SESSION preserve_insertion_order = false');
  const inserted = await changed(
    connection,
    `INSERT INTO ${names.table} (${columns}) SELECT ${columns} FROM ${source}`,
  );
  await connection.run('RESET SESSION preserve_insertion_order');
  return inserted;
}

async function prepareMerge(
  connection: DuckDBConnection,
  names: MergeNames,
  winners: string,
  { total, stored }: Figures,
  isWritten: boolean,
): Promise<() => Promise<Omit<Changes, 'withheld'>>> {
  if (names.strategy !== 'scd2' && names.hasDeletions === false && stored === 0) {
    return async () => {
      const loaded = await insertAll(connection, names, isWritten ? names.batch : winners);
      return { loaded, unchanged: 0, superseded: total - loaded };
    };
  }
  if (!isWritten) await writeBatch(connection, names, winners);
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

/** What is known before a batch is looked at row by row. */
interface Figures {
  /** Rows that the contract refuses. */
  readonly refused: number;
  /** For a merge: rows of the batch, its different identities, rows of the table (one at most) and of its tombstones. */
  readonly total: number;
  readonly distinct: number;
  readonly stored: number;
  readonly buried: number;
}

const rowsIn = (source: string, as: keyof Figures) => `(SELECT count(*) AS "${as}" FROM ${source})`;
const sum = (column: string) => `CAST(coalesce(sum(${column}), 0) AS BIGINT)`;

/** What the staged files say of the batch, in part by their statistics. */
function figuresSql({ config }: LoadRequest, { all, identities, refused }: BatchSql): readonly string[] {
  if (identities !== undefined)
    return [
      `(SELECT count(*) FILTER (n > 0) AS "distinct", ${sum('n')} AS "total", ${sum('refused')} AS "refused" FROM ${identities})`,
    ];
  return [
    ...(refused === undefined ? [] : [rowsIn(`(${refused})`, 'refused')]),
    ...(config.disposition !== 'merge' || all === undefined ? [] : [rowsIn(all, 'total')]),
  ];
}

/** What the written batch says of itself, which has every row that the contract does not refuse. */
function writtenSql(
  { config }: LoadRequest,
  { batch }: MergeNames,
  { rowCount }: LoadFiles,
): readonly string[] {
  const identities = `(SELECT count(*) AS n FROM ${batch} GROUP BY ${identityOf(config).map(quoteName).join(', ')})`;
  return [
    `(SELECT count(*) AS "distinct", ${sum('n')} AS "total", ${String(rowCount)} - ${sum('n')} AS "refused" FROM ${identities})`,
  ];
}

async function figuresOf(
  connection: DuckDBConnection,
  { config }: LoadRequest,
  names: MergeNames,
  { given, hasRows }: { readonly given: readonly string[]; readonly hasRows: boolean },
): Promise<Figures> {
  const asked = [
    ...given,
    ...(config.disposition !== 'merge' || !hasRows
      ? []
      : [
          rowsIn(`(SELECT 1 FROM ${names.table} LIMIT 1)`, 'stored'),
          ...(hasTombstones(config) ? [rowsIn(names.tombstones, 'buried')] : []),
        ]),
  ];
  const [row] = asked.length === 0 ? [] : await rowsOf(connection, `SELECT * FROM ${asked.join(', ')}`);
  const figure = (name: keyof Figures) => Number(row?.[name] ?? 0);
  return {
    refused: figure('refused'),
    total: figure('total'),
    distinct: figure('distinct'),
    stored: figure('stored'),
    buried: figure('buried'),
  };
}
