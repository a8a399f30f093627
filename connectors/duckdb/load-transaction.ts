import type { DuckDBConnection } from '@duckdb/node-api';
import { PipelineError } from '../../core/errors/index.js';
import { intervalKey } from '../../core/interval.js';
import { unexplainedRows, type RowCounts, type StagedFile } from '../../core/manifest.js';
import { faultPoint } from '../fault-point.js';
import type { LoadMarker, LoadRequest } from '../warehouse.js';
import { duckDbType } from './column-sql.js';
import { planEvolution, type EvolutionPlan } from './evolve.js';
import { prepareBatch, type LoadFiles } from './prepare-batch.js';
import { settle, writeRefusals, writeRejects } from './quarantine.js';
import { markerOf, rowsOf, tableColumns, timestamp } from './rows.js';
import { quoteName } from './sql-text.js';
import { systemColumns, tombstoneTable } from './system-tables.js';
import type { WriteGate } from './write-gate.js';

/** Resolves and verifies every staged file of a load. @throws PipelineError STAGING_MISSING, STAGING_CORRUPT */
export async function loadFiles(
  request: LoadRequest,
  localPath: (file: StagedFile) => Promise<string>,
): Promise<LoadFiles> {
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
export async function runLoad(
  connection: DuckDBConnection,
  request: LoadRequest,
  files: LoadFiles,
  gate: WriteGate,
): Promise<LoadMarker> {
  const { config, manifest } = request;
  const table = config.into;
  const existing = await tableColumns(connection, table);
  const hasRows = files.rows.length > 0;
  if (hasRows && manifest.columns === undefined) {
    throw new PipelineError('CONTRACT_BROKEN', {
      table,
      problems: ['its rows have no typed columns: put a validate task before the load'],
    });
  }
  const plan =
    manifest.columns === undefined
      ? emptyPlan
      : planEvolution(table, existing, manifest.columns, config.contract);
  await runDdl(connection, plan, request, gate);
  return gate.together(() => commitLoad(connection, request, files, plan));
}

async function commitLoad(
  connection: DuckDBConnection,
  request: LoadRequest,
  files: LoadFiles,
  plan: EvolutionPlan,
): Promise<LoadMarker> {
  const { manifest, config } = request;
  const table = config.into;
  await connection.run(`SET TimeZone = 'UTC'`);
  const prepared = await prepareBatch(connection, request, plan, files);

  faultPoint('before-commit');
  await connection.run('BEGIN TRANSACTION');
  try {
    await assertFence(connection, request);
    const changes = prepared.hasTable ? await prepared.apply() : { loaded: 0, unchanged: 0, superseded: 0 };
    const quarantined =
      (await writeRejects(connection, request, files.rejects)) +
      (await writeRefusals(connection, request, prepared.refused));
    const counts: RowCounts = {
      extracted: manifest.counts.extracted,
      loaded: manifest.counts.loaded + changes.loaded,
      unchanged: manifest.counts.unchanged + changes.unchanged,
      superseded: manifest.counts.superseded + changes.superseded,
      quarantined,
      withheld: manifest.counts.withheld,
    };
    if (unexplainedRows(counts) !== 0) {
      throw new PipelineError('COUNT_MISMATCH', {
        loadId: request.loadId,
        table,
        counts: JSON.stringify(counts),
      });
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

const emptyPlan: EvolutionPlan = { ddl: [], assignments: [], refusals: [] };

/** A kill between DDL and data has left files that do not open, hence alone and followed by a checkpoint. */
async function runDdl(
  connection: DuckDBConnection,
  plan: EvolutionPlan,
  { config, manifest }: LoadRequest,
  gate: WriteGate,
): Promise<void> {
  const ddl = [...plan.ddl];
  const isMerge = config.disposition === 'merge' && manifest.columns !== undefined;
  if (isMerge && (await tableColumns(connection, tombstoneTable(config.into))) === undefined) {
    const columns = [...config.key, ...config.version].map((name) => {
      const column = manifest.columns?.find((candidate) => candidate.name === name);
      if (column === undefined) {
        throw new PipelineError('CONTRACT_BROKEN', {
          table: config.into,
          problems: [`key or version column "${name}" is not among the rows' columns`],
        });
      }
      return `${quoteName(name)} ${duckDbType(column)}`;
    });
    ddl.push(
      `CREATE TABLE IF NOT EXISTS ${quoteName(tombstoneTable(config.into))} (${[...columns, `${systemColumns.loadId} VARCHAR`, `${systemColumns.ingestedAt} TIMESTAMP`].join(', ')})`,
    );
  }
  if (ddl.length === 0) return;
  await gate.alone(async () => {
    for (const statement of ddl) await connection.run(statement);
    await connection.run('CHECKPOINT');
  });
}

async function assertFence(connection: DuckDBConnection, request: LoadRequest): Promise<void> {
  const key = request.fenceKey ?? intervalKey(request.interval);
  const [row] = await rowsOf(
    connection,
    'SELECT fence FROM _millrace_fences WHERE table_name = $1 AND interval_key = $2',
    [request.config.into, key],
  );
  const current = Number(row?.['fence'] ?? 0);
  if (current === request.fence) return;
  throw new PipelineError('STALE_FENCE', {
    table: request.config.into,
    interval: key,
    fence: request.fence,
    current,
  });
}

async function writeMarker(
  connection: DuckDBConnection,
  request: LoadRequest,
  counts: RowCounts,
): Promise<LoadMarker> {
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
  return markerOf({
    load_id: loadId,
    table_name: config.into,
    fence,
    ...counts,
    committed_at: committedAt,
    cursor: manifest.cursor === undefined ? null : JSON.stringify(manifest.cursor),
  });
}
