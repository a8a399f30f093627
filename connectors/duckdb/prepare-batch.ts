import type { DuckDBConnection } from '@duckdb/node-api';
import type { LoadRequest } from '../warehouse.js';
import type { EvolutionPlan } from './evolve.js';
import { applySql, judgeSql, winnersSql, type MergeNames } from './merge.js';
import { changed, rowsOf, tableColumns, timestamp } from './rows.js';
import { quoteName, quoteText } from './sql-text.js';
import { systemColumns, tombstoneTable } from './system-tables.js';

/** Paths of a load's staged files, checked against their hashes. */
export interface LoadFiles {
  readonly rows: readonly string[];
  readonly deletes: readonly string[];
  readonly rejects: readonly string[];
}

interface Changes {
  readonly loaded: number;
  readonly unchanged: number;
  readonly superseded: number;
}

/** A batch that is ready to change its table. */
export interface PreparedBatch {
  readonly hasTable: boolean;
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
): Promise<PreparedBatch> {
  const { config } = request;
  const { disposition, into: table } = config;
  const columns = plan.assignments.map(({ column }) => column);
  const hasTable = columns.length > 0;
  const nullKeys =
    disposition === 'merge'
      ? config.key.map((name) => ({
          code: 'KEY_NULL',
          pointer: `/${name}`,
          message: 'a key column is null',
          condition: `${quoteName(name)} IS NULL`,
        }))
      : [];
  const refusals = [...plan.refusals, ...nullKeys];
  const source =
    files.rows.length === 0 ? undefined : `read_parquet([${files.rows.map(quoteText).join(', ')}])`;
  const refused =
    source === undefined || refusals.length === 0
      ? undefined
      : await refuseRows(connection, source, refusals);
  const isRefused =
    refusals.length === 0 ? 'FALSE' : refusals.map(({ condition }) => `(${condition})`).join(' OR ');
  const rowsSql =
    source === undefined
      ? undefined
      : `SELECT ${plan.assignments.map(({ column, expression }) => `${expression} AS ${quoteName(column)}`).join(', ')},
           ${quoteText(request.loadId)} AS ${systemColumns.loadId}, ${timestamp(request.manifest.ingestedAt)} AS ${systemColumns.ingestedAt},
           ${systemColumns.position}, FALSE AS is_deleted
         FROM ${source} WHERE NOT coalesce(${isRefused}, FALSE)`;
  const names: MergeNames = {
    table,
    tombstones: tombstoneTable(table),
    batch: '_millrace_batch',
    judged: '_millrace_judged',
    key: config.key,
    version: config.version,
    columns,
  };
  if (disposition === 'append') return { hasTable, refused, apply: () => append(connection, names, rowsSql) };
  if (disposition === 'replace')
    return { hasTable, refused, apply: () => replace(connection, names, rowsSql) };
  return { hasTable, refused, apply: await prepareMerge(connection, request, names, rowsSql, files.deletes) };
}

async function refuseRows(
  connection: DuckDBConnection,
  source: string,
  refusals: EvolutionPlan['refusals'],
): Promise<string> {
  const pick = (value: (refusal: EvolutionPlan['refusals'][number]) => string) =>
    `CASE ${refusals.map((refusal) => `WHEN ${refusal.condition} THEN ${quoteText(value(refusal))}`).join(' ')} END`;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE _millrace_refused AS
     SELECT ${pick(({ code }) => code)} AS code, ${pick(({ pointer }) => pointer)} AS pointer, ${pick(({ message }) => message)} AS message,
            CAST(to_json(r) AS VARCHAR) AS raw, ${systemColumns.position} AS position
     FROM ${source} r WHERE ${refusals.map(({ condition }) => `coalesce(${condition}, FALSE)`).join(' OR ')}`,
  );
  return '_millrace_refused';
}

function columnList(names: MergeNames): string {
  return [
    ...names.columns.map(quoteName),
    systemColumns.loadId,
    systemColumns.ingestedAt,
    systemColumns.position,
  ].join(', ');
}

async function append(
  connection: DuckDBConnection,
  names: MergeNames,
  rowsSql: string | undefined,
): Promise<Changes> {
  if (rowsSql === undefined) return { loaded: 0, unchanged: 0, superseded: 0 };
  const columns = columnList(names);
  const loaded = await changed(
    connection,
    `INSERT INTO ${quoteName(names.table)} (${columns}) SELECT ${columns} FROM (${rowsSql})`,
  );
  return { loaded, unchanged: 0, superseded: 0 };
}

async function replace(
  connection: DuckDBConnection,
  names: MergeNames,
  rowsSql: string | undefined,
): Promise<Changes> {
  await connection.run(`DELETE FROM ${quoteName(names.table)}`);
  return append(connection, names, rowsSql);
}

async function prepareMerge(
  connection: DuckDBConnection,
  request: LoadRequest,
  names: MergeNames,
  rowsSql: string | undefined,
  deletes: readonly string[],
): Promise<() => Promise<Changes>> {
  const deletesSql =
    deletes.length === 0 ? undefined : await deletesAsRows(connection, request, names, deletes);
  // Without rows, the table itself lends the names and types of the columns that a deletion lacks.
  const shape = `SELECT ${columnList(names)}, FALSE AS is_deleted FROM ${quoteName(names.table)} WHERE FALSE`;
  const parts = [rowsSql ?? (deletesSql === undefined ? undefined : shape), deletesSql].filter(
    (part) => part !== undefined,
  );
  if (parts.length === 0) return async () => ({ loaded: 0, unchanged: 0, superseded: 0 });
  const all = `(${parts.join(' UNION ALL BY NAME ')})`;
  const total = Number((await rowsOf(connection, `SELECT count(*) AS n FROM ${all}`))[0]?.['n'] ?? 0);
  const isEmpty =
    Number(
      (
        await rowsOf(
          connection,
          `SELECT (SELECT count(*) FROM (SELECT 1 FROM ${quoteName(names.table)} LIMIT 1)) + (SELECT count(*) FROM ${quoteName(names.tombstones)}) AS n`,
        )
      )[0]?.['n'] ?? 0,
    ) === 0;
  if (isEmpty && deletesSql === undefined) {
    const columns = columnList(names);
    return async () => {
      const loaded = await changed(
        connection,
        `INSERT INTO ${quoteName(names.table)} (${columns}) SELECT ${columns} FROM (${winnersSql(all, names)})`,
      );
      return { loaded, unchanged: 0, superseded: total - loaded };
    };
  }
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${names.batch} AS ${winnersSql(all, names)}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${names.judged} AS ${judgeSql(names)}`);
  return async () => {
    for (const statement of applySql(names)) await connection.run(statement);
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

/** Deletions as batch rows: key and version from the file, every other column NULL, after the rows in source order. */
async function deletesAsRows(
  connection: DuckDBConnection,
  request: LoadRequest,
  names: MergeNames,
  deletes: readonly string[],
): Promise<string> {
  const marks = [...names.key, ...names.version];
  const value = deletedValue(await tableColumns(connection, names.tombstones));
  const offset =
    request.manifest.files.reduce((sum, file) => sum + file.rows, 0) + request.manifest.counts.quarantined;
  return `SELECT ${marks.map((name) => `${value(name)} AS ${quoteName(name)}`).join(', ')},
      ${quoteText(request.loadId)} AS ${systemColumns.loadId}, ${timestamp(request.manifest.ingestedAt)} AS ${systemColumns.ingestedAt},
      ${String(offset)} + row_number() OVER () AS ${systemColumns.position}, TRUE AS is_deleted
    FROM read_json([${deletes.map(quoteText).join(', ')}], format = 'newline_delimited', columns = {${marks.map((name) => `${quoteName(name)}: 'JSON'`).join(', ')}})`;
}

/** The typed value of a key or version column of a deletion, from its JSON member. */
export function deletedValue(
  columns: readonly { name: string; sqlType: string }[] = [],
): (name: string) => string {
  const types = new Map(columns.map((column) => [column.name, column.sqlType]));
  return (name) => {
    const text = `(${quoteName(name)} ->> '$')`;
    const type = types.get(name) ?? 'VARCHAR';
    return type === 'TIMESTAMP'
      ? `CAST(CAST(${text} AS TIMESTAMPTZ) AS TIMESTAMP)`
      : `CAST(${text} AS ${type})`;
  };
}
