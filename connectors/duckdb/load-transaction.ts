import type { DuckDBConnection } from '@duckdb/node-api';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ColumnSpec } from '../../core/loading/columns.js';
import { PipelineError } from '../../core/errors/index.js';
import { intervalKey } from '../../core/interval.js';
import { hasTombstones } from '../../core/loading/load-rules.js';
import { limits } from '../../core/limits.js';
import type { RowCounts } from '../../core/loading/manifest.js';
import { faultPoint } from '../fault-point.js';
import type { LoadFiles } from '../load/batch-sql.js';
import type { EvolutionPlan } from '../load/evolution.js';
import { afterTransforms, deferredChain } from '../load/run-transforms.js';
import { assertLoadable, countsOf, markerOf } from '../load/statements.js';
import { tombstoneTable } from '../load/system-tables.js';
import { planLoad, tableChanges, type StoredTables, type TableChange } from '../load/table-changes.js';
import type { LoadMarker, LoadRequest } from '../warehouse.js';
import { duckDbType } from './column-sql.js';
import { prepareBatch } from './prepare-batch.js';
import { settle, writeRefusals, writeRejects } from './quarantine.js';
import { columnsOf, rowsOf, timestamp } from './rows.js';
import { quoteName } from './sql-text.js';
import type { WriteGate } from './write-gate.js';

/**
 * One load. DDL runs first, alone, with a checkpoint; the batch is prepared in temporary tables; then a
 * single transaction checks the fence, changes the table, writes quarantine and marker, and commits all of it or nothing.
 *
 * @param journaled resolves once the load is in the journal, for which the transaction waits
 * @throws PipelineError STALE_FENCE, CONTRACT_BROKEN, COUNT_MISMATCH, IDENTIFIER_REFUSED, and what `journaled` throws
 */
export async function runLoad(
  connection: DuckDBConnection,
  request: LoadRequest,
  files: LoadFiles,
  gate: WriteGate,
  journaled?: Promise<void>,
): Promise<LoadMarker> {
  assertLoadable(request);
  const stored = await storedTables(connection, request);
  const plan = planLoad(request, stored);
  const ddl = tableChanges(request, plan, stored).flatMap(ddlOf);
  if (ddl.length > 0) {
    // A kill between DDL and data has left files that do not open, hence alone and followed by a checkpoint.
    await gate.alone(async () => {
      for (const statement of ddl) await connection.run(statement);
      await checkpoint(connection);
    });
  }
  return gate.together(async () => {
    const { tombstones } = ddl.length > 0 ? await storedTables(connection, request) : stored;
    return commitLoad(connection, request, files, { plan, tombstones, journaled });
  });
}

/**
 * Writes the log into the file. DuckDB refuses it while a reader's snapshot is older than a commit, and calls that a write
 * transaction; no new one comes while the gate is held, so this waits for the readers of before.
 */
async function checkpoint(connection: DuckDBConnection): Promise<void> {
  const deadline = performance.now() + limits.checkpointWaitMaxMs;
  for (;;) {
    try {
      await connection.run('CHECKPOINT');
      return;
    } catch (error) {
      const isBusy = String(error).includes('Cannot CHECKPOINT');
      if (!isBusy || performance.now() > deadline) throw error;
      await sleep(limits.checkpointLookEveryMs);
    }
  }
}

async function storedTables(connection: DuckDBConnection, { config }: LoadRequest): Promise<StoredTables> {
  const tombstones = tombstoneTable(config.into);
  const found = await columnsOf(connection, [config.into, ...(hasTombstones(config) ? [tombstones] : [])]);
  return { table: found.get(config.into), tombstones: found.get(tombstones) };
}

function ddlOf({ table, create, add, widen }: TableChange): string[] {
  const name = quoteName(table);
  const typed = (column: ColumnSpec) => `${quoteName(column.name)} ${duckDbType(column)}`;
  return [
    ...(create.length === 0 ? [] : [`CREATE TABLE IF NOT EXISTS ${name} (${create.map(typed).join(', ')})`]),
    ...add.map((column) => `ALTER TABLE ${name} ADD COLUMN IF NOT EXISTS ${typed(column)}`),
    ...widen.map(
      (column) => `ALTER TABLE ${name} ALTER COLUMN ${quoteName(column.name)} TYPE ${duckDbType(column)}`,
    ),
  ];
}

/** Applies what earlier tasks left to the load, into a temporary table. */
async function applyTransforms(
  connection: DuckDBConnection,
  request: LoadRequest,
  files: LoadFiles,
): Promise<{ readonly request: LoadRequest; readonly files: LoadFiles }> {
  const { deferred } = request.manifest;
  if (deferred === undefined || files.relation === undefined) return { request, files };
  const chain = deferredChain(deferred, `${request.dagId}/${request.taskId}`);
  const table = '_millrace_transformed';
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${table} AS ${chain.select(files.relation)}`);
  const [counts] = await rowsOf(connection, chain.count(files.relation, table));
  return afterTransforms(request, files, chain.read(counts), table);
}

interface Commit {
  readonly plan: EvolutionPlan;
  readonly tombstones: StoredTables['tombstones'];
  readonly journaled: Promise<void> | undefined;
}

async function commitLoad(
  connection: DuckDBConnection,
  given: LoadRequest,
  staged: LoadFiles,
  { plan, tombstones, journaled }: Commit,
): Promise<LoadMarker> {
  const { request, files } = await applyTransforms(connection, given, staged);
  const prepared = await prepareBatch(connection, request, plan, files, tombstones);
  await journaled;

  faultPoint('before-commit');
  await connection.run('BEGIN TRANSACTION');
  try {
    await assertFence(connection, request);
    const changes = await prepared.apply();
    const quarantined =
      (await writeRejects(connection, request, files.rejects)) +
      (await writeRefusals(connection, request, prepared.refused));
    const counts = countsOf(request, { ...changes, quarantined });
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
