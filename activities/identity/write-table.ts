import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { duckDbType } from '../../connectors/duckdb/column-sql.js';
import { quoteName, quoteText } from '../../connectors/duckdb/sql-text.js';
import type { JsonObject } from '../../core/json.js';
import { loadKey } from '../../core/loading/load-key.js';
import { zeroCounts, type StagedFile } from '../../core/loading/manifest.js';
import type { IdentityConfig } from '../../core/identity/spec.js';
import type { StageContext } from '../../core/run/run.js';
import type { ActivityDeps, StageIo } from '../deps.js';
import type { Spool } from './spool.js';
import { identityColumns, identityLoad, type IdentityTable } from './tables.js';

/** Who writes, under which fences. */
export interface IdentityWriter {
  readonly deps: Pick<ActivityDeps, 'staging' | 'stagedSql' | 'warehouse'>;
  readonly io: Pick<StageIo, 'signal' | 'attempt' | 'log' | 'heartbeat'>;
  readonly context: Pick<StageContext, 'dagId' | 'workflowId' | 'runId' | 'startedAt'>;
  readonly taskId: string;
  readonly config: IdentityConfig;
  readonly fences: Readonly<Record<IdentityTable, number>>;
}

/** What the fence of a table of a graph guards: the graph as a whole. */
export const identityFence = 'identity';

/**
 * Loads rows into a table of a graph, and takes those away that `deletes` names by key; as any load does, in one
 * transaction with its marker. Nothing happens where there is nothing. Returns how many rows changed.
 *
 * @throws PipelineError STALE_FENCE where another resolve has begun since, CONTRACT_BROKEN, DISK_FULL, WAREHOUSE_*
 */
export async function writeTable(
  writer: IdentityWriter,
  table: IdentityTable,
  spool: Spool,
  deletes: readonly JsonObject[] = [],
): Promise<number> {
  const { rows } = spool;
  if (rows === 0 && deletes.length === 0) return 0;
  const { deps, io, context, taskId, config, fences } = writer;
  const files = rows === 0 ? [] : [await stageRows(writer, table, spool)];
  const gone = deletes.length === 0 ? [] : [await deps.staging.write(linesOf(deletes), deletes.length)];
  const load = identityLoad(config, table);
  const contentHash = hashOf([...files, ...gone]);
  const text = loadKey({
    dag: context.dagId,
    task: taskId,
    table: load.into,
    intervalKey: identityFence,
    contentHash,
  });
  const { counts } = await deps.warehouse.load({
    loadId: sha256(text).slice(0, 40),
    dagId: context.dagId,
    taskId,
    workflowId: context.workflowId,
    runId: context.runId,
    attempt: io.attempt,
    config: load,
    fenceKey: identityFence,
    fence: fences[table],
    manifest: {
      manifestVersion: 1,
      files,
      deletes: gone,
      rejects: [],
      counts: { ...zeroCounts, extracted: rows + deletes.length },
      contentHash,
      columns: identityColumns[table],
      ingestedAt: context.startedAt,
    },
  });
  io.log.info(`committed to ${load.into}`, { counts: { ...counts } });
  return counts.loaded;
}

/** Rows as a typed file. */
async function stageRows(
  { deps: { staging, stagedSql }, io }: IdentityWriter,
  table: IdentityTable,
  spool: Spool,
): Promise<StagedFile> {
  const typed = staging.temporaryPath('parquet');
  const columns = identityColumns[table].map(
    (column) => `${quoteName(column.name)}: '${duckDbType(column)}'`,
  );
  const source = `read_json(${quoteText(spool.path)}, format = 'newline_delimited', columns = {${columns.join(', ')}})`;
  try {
    await spool.end();
    await stagedSql.run(
      [
        `COPY (SELECT row_number() OVER () - 1 AS _millrace_position, * FROM ${source}) TO ${quoteText(typed)} (FORMAT parquet)`,
      ],
      io.signal,
    );
    return await staging.adopt(typed, 'parquet', spool.rows);
  } finally {
    await rm(typed, { force: true });
  }
}

function* linesOf(rows: readonly JsonObject[]): Generator<Buffer> {
  for (const row of rows) yield Buffer.from(`${JSON.stringify(row)}\n`);
}

function hashOf(files: readonly StagedFile[]): string {
  return sha256(files.map((file) => file.sha256).join(' '));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
