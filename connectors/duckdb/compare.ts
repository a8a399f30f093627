import type { DuckDBConnection } from '@duckdb/node-api';
import type { TableComparison } from '../../core/reconcile/reconcile.js';
import { PipelineError } from '../../core/errors/index.js';
import { intervalKey } from '../../core/interval.js';
import type { CompareRequest } from '../warehouse.js';
import { deletedValue, deletionMarks, winnersSql } from '../load/batch-sql.js';
import { rowsOf, tableColumns, timestamp } from './rows.js';
import { quoteName, quoteText } from './sql-text.js';
import { systemColumns, tombstoneTable } from '../load/system-tables.js';

interface StagedPaths {
  readonly rows: readonly string[];
  readonly deletes: readonly string[];
}

/** Compares a table with staged rows; works in temporary tables of this connection only. */
export async function compareTable(
  connection: DuckDBConnection,
  request: CompareRequest,
  staged: StagedPaths,
): Promise<TableComparison> {
  const { config, manifest } = request;
  const stored = await tableColumns(connection, config.into);
  const incoming = manifest.columns?.map(({ name }) => name) ?? [];
  const columns = incoming.filter(
    (name) => stored === undefined || stored.some((column) => column.name === name),
  );
  if (staged.rows.length > 0 && columns.length === 0) {
    throw new PipelineError('CONTRACT_BROKEN', {
      table: config.into,
      problems: ['the source has no column in common with the table'],
    });
  }
  await makeSource(connection, request, staged, columns);
  await makeTarget(connection, request, stored === undefined ? undefined : columns);
  return config.key.length > 0
    ? compareByKey(connection, request, columns)
    : compareWholeRows(connection, request, columns);
}

async function makeSource(
  connection: DuckDBConnection,
  { config, manifest }: CompareRequest,
  staged: StagedPaths,
  columns: readonly string[],
): Promise<void> {
  const parts: string[] = [];
  if (staged.rows.length > 0) {
    parts.push(
      `SELECT ${columns.map(quoteName).join(', ')}, ${systemColumns.position}, FALSE AS is_deleted FROM read_parquet([${staged.rows.map(quoteText).join(', ')}])`,
    );
  }
  // Deletions alone leave no row.
  if (staged.deletes.length > 0 && parts.length > 0) {
    const marks = deletionMarks(config);
    const value = deletedValue([
      ...((await tableColumns(connection, config.into)) ?? []),
      ...((await tableColumns(connection, tombstoneTable(config.into))) ?? []),
    ]);
    const offset = manifest.counts.extracted;
    parts.push(`SELECT ${marks.map((name) => `${value(name)} AS ${quoteName(name)}`).join(', ')}, ${String(offset)} + row_number() OVER () AS ${systemColumns.position}, TRUE AS is_deleted
      FROM read_json([${staged.deletes.map(quoteText).join(', ')}], format = 'newline_delimited', columns = {${marks.map((name) => `${quoteName(name)}: 'JSON'`).join(', ')}})`);
  }
  const all = parts.length === 0 ? undefined : `(${parts.join(' UNION ALL BY NAME ')})`;
  const rows =
    all === undefined
      ? undefined
      : config.disposition === 'merge'
        ? `(${winnersSql(all, config)}) WHERE NOT is_deleted`
        : all;
  await connection.run(
    rows === undefined
      ? `CREATE OR REPLACE TEMP TABLE _millrace_source AS SELECT ${[...columns, ...config.key].map((name) => `NULL::VARCHAR AS ${quoteName(name)}`).join(', ') || '1 AS nothing'} WHERE FALSE`
      : `CREATE OR REPLACE TEMP TABLE _millrace_source AS SELECT ${columns.map(quoteName).join(', ')} FROM ${rows}`,
  );
}

/** The table's rows, each with whether a load of the asked interval wrote it. */
async function makeTarget(
  connection: DuckDBConnection,
  { config, interval }: CompareRequest,
  columns: readonly string[] | undefined,
): Promise<void> {
  const isOfInterval =
    interval === undefined
      ? 'TRUE'
      : `${systemColumns.loadId} IN (SELECT load_id FROM _millrace_loads WHERE interval_key = ${quoteText(intervalKey(interval))})`;
  await connection.run(
    columns === undefined
      ? `CREATE OR REPLACE TEMP TABLE _millrace_target AS SELECT *, TRUE AS is_of_interval FROM _millrace_source WHERE FALSE`
      : `CREATE OR REPLACE TEMP TABLE _millrace_target AS SELECT ${columns.map(quoteName).join(', ')}${columns.length === 0 ? '' : ', '}${isOfInterval} AS is_of_interval FROM ${quoteName(config.into)}`,
  );
}

async function compareByKey(
  connection: DuckDBConnection,
  request: CompareRequest,
  columns: readonly string[],
): Promise<TableComparison> {
  const { config, inFlightSince } = request;
  const { key } = config;
  const match = key
    .map((name) => `s.${quoteName(name)} IS NOT DISTINCT FROM t.${quoteName(name)}`)
    .join(' AND ');
  const sameOf = (names: readonly string[]) =>
    names.map((name) => `s.${quoteName(name)} IS NOT DISTINCT FROM t.${quoteName(name)}`).join(' AND ') ||
    'TRUE';
  const same = sameOf(columns);
  const sameContent = sameOf(columns.filter((name) => !config.version.includes(name)));
  const [version] = config.version.filter((name) => columns.includes(name));
  const isInFlight =
    inFlightSince === undefined || version === undefined
      ? 'FALSE'
      : `coalesce(greatest(TRY_CAST(CAST(s.${quoteName(version)} AS VARCHAR) AS TIMESTAMP), TRY_CAST(CAST(t.${quoteName(version)} AS VARCHAR) AS TIMESTAMP)) >= ${timestamp(inFlightSince)}, FALSE)`;
  // With an interval, a row that a later interval brought up to date is as it should be.
  const isNewer =
    request.interval === undefined || config.version.length === 0
      ? 'FALSE'
      : `coalesce(t.${quoteName(config.version[0] ?? '')} > s.${quoteName(config.version[0] ?? '')}, FALSE)`;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE _millrace_differences AS
     SELECT ${key.map((name) => `coalesce(s.${quoteName(name)}, t.${quoteName(name)}) AS ${quoteName(name)}`).join(', ')},
       CASE WHEN t.is_of_interval IS NULL THEN 'missing' WHEN s.is_in_source IS NULL THEN CASE WHEN t.is_of_interval THEN 'extra' END
            WHEN NOT (${same}) AND NOT ${isNewer} THEN CASE WHEN ${sameContent} THEN 'timestampOnly' ELSE 'changed' END END AS kind,
       ${isInFlight} AS is_in_flight
     FROM (SELECT *, TRUE AS is_in_source FROM _millrace_source) s FULL JOIN _millrace_target t ON ${match}`,
  );
  const keyText = `CAST(to_json([${key.map((name) => `CAST(${quoteName(name)} AS VARCHAR)`).join(', ')}]) AS VARCHAR)`;
  await connection.run(`DELETE FROM _millrace_differences WHERE kind IS NULL`);
  await connection.run(`UPDATE _millrace_differences SET kind = 'inFlight' WHERE is_in_flight`);
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE _millrace_set_aside AS
     SELECT DISTINCT ${key.map((name, index) => `coalesce(${(request.keyNames[index] ?? [name]).map((alias) => `json_extract_string(raw, ${quoteText(`$."${alias}"`)})`).join(', ')}) AS ${quoteName(name)}`).join(', ')}
     FROM (SELECT raw FROM _millrace_quarantine WHERE table_name = ${quoteText(config.into)} AND status = 'open' AND json_valid(raw))`,
  );
  await connection.run(
    `DELETE FROM _millrace_differences d USING _millrace_set_aside q WHERE ${key.map((name) => `CAST(d.${quoteName(name)} AS VARCHAR) = q.${quoteName(name)}`).join(' AND ')}`,
  );
  return report(connection, request, keyText);
}

/** Without a key, rows are compared as a whole, each as often as it occurs. */
async function compareWholeRows(
  connection: DuckDBConnection,
  request: CompareRequest,
  columns: readonly string[],
): Promise<TableComparison> {
  const names = columns.map(quoteName).join(', ') || '1 AS nothing';
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE _millrace_differences AS
     SELECT *, 'missing' AS kind FROM (SELECT ${names} FROM _millrace_source EXCEPT ALL SELECT ${names} FROM _millrace_target)
     UNION ALL
     SELECT *, 'extra' AS kind FROM (SELECT ${names} FROM _millrace_target WHERE is_of_interval EXCEPT ALL SELECT ${names} FROM _millrace_source)`,
  );
  return report(connection, request, `CAST(to_json(d) AS VARCHAR)`);
}

async function report(
  connection: DuckDBConnection,
  { maxSamples }: CompareRequest,
  sampleText: string,
): Promise<TableComparison> {
  const count = async (sql: string) => Number((await rowsOf(connection, sql))[0]?.['n'] ?? 0);
  const kinds = await rowsOf(
    connection,
    'SELECT kind, count(*) AS n FROM _millrace_differences GROUP BY kind',
  );
  const samples = async (kind: string) =>
    (
      await rowsOf(
        connection,
        `SELECT ${sampleText} AS text FROM _millrace_differences d WHERE kind = ${quoteText(kind)} ORDER BY text LIMIT ${String(maxSamples)}`,
      )
    ).map((row) => String(row['text']));
  return {
    sourceRows: await count('SELECT count(*) AS n FROM _millrace_source'),
    warehouseRows: await count('SELECT count(*) AS n FROM _millrace_target'),
    ...(await differencesByKind(kinds, samples)),
  };
}

/** Counts of each kind of difference, and samples of the kinds that name keys. */
export async function differencesByKind(
  kinds: readonly Readonly<Record<string, unknown>>[],
  samples: (kind: string) => Promise<string[]>,
) {
  const figure = (kind: string) => Number(kinds.find((row) => row['kind'] === kind)?.['n'] ?? 0);
  return {
    missing: figure('missing'),
    extra: figure('extra'),
    changed: figure('changed'),
    timestampOnly: figure('timestampOnly'),
    inFlight: figure('inFlight'),
    samples: {
      missing: await samples('missing'),
      extra: await samples('extra'),
      changed: await samples('changed'),
      timestampOnly: await samples('timestampOnly'),
    },
  };
}
