import type { DuckDBConnection } from '@duckdb/node-api';
import { PipelineError } from '../../core/errors/index.js';
import { intervalKey } from '../../core/interval.js';
import { limits } from '../../core/limits.js';
import { unexplainedRows, type RowCounts, type StagedFile } from '../../core/manifest.js';
import { faultPoint } from '../fault-point.js';
import type { LoadMarker, LoadRequest } from '../warehouse.js';
import { markerOf, rowsOf } from './rows.js';
import { duckDbType } from './column-sql.js';
import { planEvolution, type EvolutionPlan } from './evolve.js';
import { applySql, judgeSql, winnersSql, type MergeNames } from './merge.js';
import { quoteName, quoteText } from './sql-text.js';
import { systemColumns, tombstoneTable } from './system-tables.js';
import type { WriteGate } from './write-gate.js';

/** Paths of a load's staged files, checked against their hashes. */
export interface LoadFiles {
  readonly rows: readonly string[];
  readonly deletes: readonly string[];
  readonly rejects: readonly string[];
}

/** Resolves and verifies every staged file of a load. @throws PipelineError STAGING_MISSING, STAGING_CORRUPT */
export async function loadFiles(request: LoadRequest, localPath: (file: StagedFile) => Promise<string>): Promise<LoadFiles> {
  const { files, deletes, rejects } = request.manifest;
  const paths = (list: readonly StagedFile[]) => Promise.all(list.map((file) => localPath(file)));
  return { rows: await paths(files), deletes: await paths(deletes), rejects: await paths(rejects) };
}

/**
 * One load on one connection. DDL runs first, alone, with a checkpoint; the batch is prepared in temporary tables; then a
 * single transaction checks the fence, changes the table, writes quarantine and marker, and commits all of it or nothing.
 *
 * @throws PipelineError STALE_FENCE, CONTRACT_BROKEN, COUNT_MISMATCH, IDENTIFIER_REFUSED
 */
export async function runLoad(connection: DuckDBConnection, request: LoadRequest, files: LoadFiles, gate: WriteGate): Promise<LoadMarker> {
  const { config, manifest } = request;
  const table = config.into;
  const existing = await tableColumns(connection, table);
  const hasRows = files.rows.length > 0;
  if (hasRows && manifest.columns === undefined) {
    throw new PipelineError('CONTRACT_BROKEN', { table, problems: ['its rows have no typed columns: put a validate task before the load'] });
  }
  const plan = manifest.columns === undefined ? emptyPlan : planEvolution(table, existing, manifest.columns, config.contract);
  await runDdl(connection, plan, request, gate);
  return gate.together(() => commitLoad(connection, request, files, plan));
}

async function commitLoad(connection: DuckDBConnection, request: LoadRequest, files: LoadFiles, plan: EvolutionPlan): Promise<LoadMarker> {
  const { manifest, config } = request;
  const table = config.into;
  await connection.run(`SET TimeZone = 'UTC'`);
  const prepared = await prepareBatch(connection, request, plan, files);

  faultPoint('before-commit');
  await connection.run('BEGIN TRANSACTION');
  try {
    await assertFence(connection, request);
    const changes = prepared.hasTable ? await prepared.apply() : { loaded: 0, unchanged: 0, superseded: 0 };
    const quarantined = (await writeRejects(connection, request, files.rejects)) + (await writeRefusals(connection, request, prepared.refused));
    const counts: RowCounts = {
      extracted: manifest.counts.extracted,
      loaded: manifest.counts.loaded + changes.loaded,
      unchanged: manifest.counts.unchanged + changes.unchanged,
      superseded: manifest.counts.superseded + changes.superseded,
      quarantined,
      withheld: manifest.counts.withheld,
    };
    if (unexplainedRows(counts) !== 0) {
      throw new PipelineError('COUNT_MISMATCH', { loadId: request.loadId, table, counts: JSON.stringify(counts) });
    }
    await settle(connection, request);
    const marker = await writeMarker(connection, request, counts);
    faultPoint('in-commit');
    await connection.run('COMMIT');
    faultPoint('after-commit');
    return marker;
  } catch (error) {
    await connection.run('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** DuckDB's own default of `maximum_object_size`. */
const jsonObjectDefaultBytes = 16 * 1024 * 1024;

const emptyPlan: EvolutionPlan = { ddl: [], assignments: [], refusals: [] };

/** Columns of a table with DuckDB's own types; `undefined` where there is no such table. */
export async function tableColumns(connection: DuckDBConnection, table: string): Promise<{ name: string; sqlType: string }[] | undefined> {
  const rows = await rowsOf(
    connection,
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns
     WHERE table_schema = 'main' AND table_catalog = current_database() AND table_name = $1 ORDER BY ordinal_position`,
    [table],
  );
  return rows.length === 0 ? undefined : rows.map((row) => ({ name: String(row['name']), sqlType: String(row['type']).replaceAll(' ', '') }));
}

/** A kill between DDL and data has left files that do not open, hence alone and followed by a checkpoint. */
async function runDdl(connection: DuckDBConnection, plan: EvolutionPlan, { config, manifest }: LoadRequest, gate: WriteGate): Promise<void> {
  const ddl = [...plan.ddl];
  const isMerge = config.disposition === 'merge' && manifest.columns !== undefined;
  if (isMerge && (await tableColumns(connection, tombstoneTable(config.into))) === undefined) {
    const columns = [...config.key, ...config.version].map((name) => {
      const column = manifest.columns?.find((candidate) => candidate.name === name);
      if (column === undefined) {
        throw new PipelineError('CONTRACT_BROKEN', { table: config.into, problems: [`key or version column "${name}" is not among the rows' columns`] });
      }
      return `${quoteName(name)} ${duckDbType(column)}`;
    });
    ddl.push(`CREATE TABLE IF NOT EXISTS ${quoteName(tombstoneTable(config.into))} (${[...columns, `${systemColumns.loadId} VARCHAR`, `${systemColumns.ingestedAt} TIMESTAMP`].join(', ')})`);
  }
  if (ddl.length === 0) return;
  await gate.alone(async () => {
    for (const statement of ddl) await connection.run(statement);
    await connection.run('CHECKPOINT');
  });
}

interface Changes {
  readonly loaded: number;
  readonly unchanged: number;
  readonly superseded: number;
}

interface PreparedBatch {
  readonly hasTable: boolean;
  /** Temporary table of the rows that the contract refuses, with code, pointer and message. */
  readonly refused: string | undefined;
  apply(): Promise<Changes>;
}

async function prepareBatch(connection: DuckDBConnection, request: LoadRequest, plan: EvolutionPlan, files: LoadFiles): Promise<PreparedBatch> {
  const { config } = request;
  const { disposition, into: table } = config;
  const columns = plan.assignments.map(({ column }) => column);
  const hasTable = columns.length > 0;
  const nullKeys = disposition === 'merge' ? config.key.map((name) => ({ code: 'KEY_NULL', pointer: `/${name}`, message: 'a key column is null', condition: `${quoteName(name)} IS NULL` })) : [];
  const refusals = [...plan.refusals, ...nullKeys];
  const source = files.rows.length === 0 ? undefined : `read_parquet([${files.rows.map(quoteText).join(', ')}])`;
  const refused = source === undefined || refusals.length === 0 ? undefined : await refuseRows(connection, source, refusals);
  const isRefused = refusals.length === 0 ? 'FALSE' : refusals.map(({ condition }) => `(${condition})`).join(' OR ');
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
  if (disposition === 'replace') return { hasTable, refused, apply: () => replace(connection, names, rowsSql) };
  return { hasTable, refused, apply: await prepareMerge(connection, request, names, rowsSql, files.deletes) };
}

async function refuseRows(connection: DuckDBConnection, source: string, refusals: EvolutionPlan['refusals']): Promise<string> {
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
  return [...names.columns.map(quoteName), systemColumns.loadId, systemColumns.ingestedAt, systemColumns.position].join(', ');
}

async function append(connection: DuckDBConnection, names: MergeNames, rowsSql: string | undefined): Promise<Changes> {
  if (rowsSql === undefined) return { loaded: 0, unchanged: 0, superseded: 0 };
  const columns = columnList(names);
  const loaded = await changed(connection, `INSERT INTO ${quoteName(names.table)} (${columns}) SELECT ${columns} FROM (${rowsSql})`);
  return { loaded, unchanged: 0, superseded: 0 };
}

async function replace(connection: DuckDBConnection, names: MergeNames, rowsSql: string | undefined): Promise<Changes> {
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
  const deletesSql = deletes.length === 0 ? undefined : await deletesAsRows(connection, request, names, deletes);
  const parts = [rowsSql, deletesSql].filter((part) => part !== undefined);
  if (parts.length === 0) return async () => ({ loaded: 0, unchanged: 0, superseded: 0 });
  const all = `(${parts.join(' UNION ALL BY NAME ')})`;
  const total = Number((await rowsOf(connection, `SELECT count(*) AS n FROM ${all}`))[0]?.['n'] ?? 0);
  const isEmpty = Number((await rowsOf(connection, `SELECT (SELECT count(*) FROM (SELECT 1 FROM ${quoteName(names.table)} LIMIT 1)) + (SELECT count(*) FROM ${quoteName(names.tombstones)}) AS n`))[0]?.['n'] ?? 0) === 0;
  if (isEmpty && deletesSql === undefined) {
    const columns = columnList(names);
    return async () => {
      const loaded = await changed(connection, `INSERT INTO ${quoteName(names.table)} (${columns}) SELECT ${columns} FROM (${winnersSql(all, names)})`);
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
    return { loaded: figure('loaded'), unchanged: figure('unchanged'), superseded: figure('superseded') + total - figure('n') };
  };
}

/** Deletions as batch rows: key and version from the file, every other column NULL, after the rows in source order. */
async function deletesAsRows(connection: DuckDBConnection, request: LoadRequest, names: MergeNames, deletes: readonly string[]): Promise<string> {
  const marks = [...names.key, ...names.version];
  const value = deletedValue(await tableColumns(connection, names.tombstones));
  const offset = request.manifest.files.reduce((sum, file) => sum + file.rows, 0) + request.manifest.counts.quarantined;
  return `SELECT ${marks.map((name) => `${value(name)} AS ${quoteName(name)}`).join(', ')},
      ${quoteText(request.loadId)} AS ${systemColumns.loadId}, ${timestamp(request.manifest.ingestedAt)} AS ${systemColumns.ingestedAt},
      ${String(offset)} + row_number() OVER () AS ${systemColumns.position}, TRUE AS is_deleted
    FROM read_json([${deletes.map(quoteText).join(', ')}], format = 'newline_delimited', columns = {${marks.map((name) => `${quoteName(name)}: 'JSON'`).join(', ')}})`;
}

/** The typed value of a key or version column of a deletion, from its JSON member. */
export function deletedValue(columns: readonly { name: string; sqlType: string }[] = []): (name: string) => string {
  const types = new Map(columns.map((column) => [column.name, column.sqlType]));
  return (name) => {
    const text = `(${quoteName(name)} ->> '$')`;
    const type = types.get(name) ?? 'VARCHAR';
    return type === 'TIMESTAMP' ? `CAST(CAST(${text} AS TIMESTAMPTZ) AS TIMESTAMP)` : `CAST(${text} AS ${type})`;
  };
}

async function assertFence(connection: DuckDBConnection, request: LoadRequest): Promise<void> {
  const key = intervalKey(request.interval);
  const [row] = await rowsOf(connection, 'SELECT fence FROM _millrace_fences WHERE table_name = $1 AND interval_key = $2', [request.config.into, key]);
  const current = Number(row?.['fence'] ?? 0);
  if (current === request.fence) return;
  throw new PipelineError('STALE_FENCE', { table: request.config.into, interval: key, fence: request.fence, current });
}

const quarantineColumns = `quarantine_id, dag_id, task_id, table_name, code, pointer, message, raw, position, load_id, workflow_id, attempt, status, quarantined_at`;

function quarantineValues(request: LoadRequest, kind: string): string {
  const { loadId, dagId, taskId, config, workflowId, attempt } = request;
  const id = `sha256(concat_ws('/', ${quoteText(loadId)}, ${quoteText(kind)}, CAST(position AS VARCHAR), code, pointer))`;
  return `left(${id}, 32), ${[dagId, taskId, config.into].map(quoteText).join(', ')}, code, pointer, message, raw, position,
    ${quoteText(loadId)}, ${quoteText(workflowId)}, ${String(attempt)}, 'open', ${timestamp(new Date().toISOString())}`;
}

async function writeRejects(connection: DuckDBConnection, request: LoadRequest, paths: readonly string[]): Promise<number> {
  if (paths.length === 0) return 0;
  // DuckDB reserves buffers of twice this size for each thread, hence no more than the longest line can need.
  const largestFile = Math.max(...request.manifest.rejects.map((file) => file.bytes));
  const objectMaxBytes = Math.max(jsonObjectDefaultBytes, Math.min(largestFile, limits.recordMaxBytes * 2));
  return changed(
    connection,
    `INSERT INTO _millrace_quarantine (${quarantineColumns}) SELECT ${quarantineValues(request, 'reject')}
     FROM read_json([${paths.map(quoteText).join(', ')}], format = 'newline_delimited', maximum_object_size = ${String(objectMaxBytes)},
                    columns = {code: 'VARCHAR', pointer: 'VARCHAR', message: 'VARCHAR', raw: 'VARCHAR', position: 'BIGINT'})`,
  );
}

async function writeRefusals(connection: DuckDBConnection, request: LoadRequest, refused: string | undefined): Promise<number> {
  if (refused === undefined) return 0;
  return changed(connection, `INSERT INTO _millrace_quarantine (${quarantineColumns}) SELECT ${quarantineValues(request, 'refusal')} FROM ${refused}`);
}

async function settle(connection: DuckDBConnection, { loadId, settlesQuarantineIds = [] }: LoadRequest): Promise<void> {
  for (const id of settlesQuarantineIds) {
    await connection.run(`UPDATE _millrace_quarantine SET status = 'replayed', settled_by_load = $1 WHERE quarantine_id = $2 AND load_id <> $1`, [loadId, id]);
  }
}

async function writeMarker(connection: DuckDBConnection, request: LoadRequest, counts: RowCounts): Promise<LoadMarker> {
  const { loadId, dagId, taskId, config, workflowId, runId, attempt, interval, fence, manifest } = request;
  const committedAt = new Date().toISOString();
  await connection.run(
    `INSERT INTO _millrace_loads VALUES ($1, $2, $3, $4, $5, $6, ${String(attempt)}, $7, CAST($8 AS TIMESTAMP), CAST($9 AS TIMESTAMP), ${String(fence)},
       ${[counts.extracted, counts.loaded, counts.unchanged, counts.superseded, counts.quarantined, counts.withheld].join(', ')}, $10, $11, ${timestamp(committedAt)})`,
    [
      ...[loadId, dagId, taskId, config.into, workflowId, runId, intervalKey(interval)],
      ...[interval?.start.replace('Z', '') ?? null, interval?.end.replace('Z', '') ?? null],
      ...[manifest.contentHash, manifest.cursor === undefined ? null : JSON.stringify(manifest.cursor)],
    ],
  );
  return markerOf({ load_id: loadId, table_name: config.into, fence, ...counts, committed_at: committedAt, cursor: manifest.cursor === undefined ? null : JSON.stringify(manifest.cursor) });
}

async function changed(connection: DuckDBConnection, sql: string): Promise<number> {
  return (await connection.run(sql)).rowsChanged;
}

/** An ISO instant as a TIMESTAMP in UTC. */
function timestamp(iso: string): string {
  return `TIMESTAMP ${quoteText(iso.replace('T', ' ').replace('Z', ''))}`;
}
