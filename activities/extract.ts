import { createHash, randomUUID } from 'node:crypto';
import { inRequestScope, type RequestScopeOptions } from '../connectors/http/index.js';
import { createFunctionSource } from '../connectors/function/index.js';
import { createReplaySource } from '../connectors/quarantine/replay-source.js';
import type { ReadRequest, ResolvedConnection, Source, SourceBatch } from '../connectors/source.js';
import type { ExtractTask } from '../core/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { canonicalJson, type JsonValue } from '../core/json.js';
import { limits } from '../core/limits.js';
import { cursorOfTask, zeroCounts, type Manifest, type StagedFile } from '../core/manifest.js';
import type { QuarantineRow } from '../core/quarantine.js';
import type { StageRequest } from '../core/run.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';
import { oversizedReject, partLines, type PartedLines } from './oversized.js';
import { elementSource } from './element-source.js';
import { functionContext } from './function-context.js';
import { stagedLines } from './reconcile-source.js';
import { createStagedWriter } from './staged-writer.js';
import { createTypedWriter } from './typed-writer.js';

type ExtractRequest = StageRequest<ExtractTask>;

/** Bounds that tests make small. */
export interface ExtractOptions {
  readonly fileMaxBytes?: number;
}

/**
 * The extract stage: reads a source into staged files and returns their manifest. Either all that the source
 * delivered is staged, or the stage fails and nothing of it is used.
 *
 * @throws PipelineError SOURCE_*, CONNECTOR_UNKNOWN, CONNECTION_*, OAUTH_*, SECRET_*, FUNCTION_MISSING, DISK_FULL, LIMIT_EXCEEDED,
 * USAGE (the task reads by interval and the run has none)
 */
export function createExtract(
  deps: ActivityDeps,
  options: ExtractOptions = {},
): Stage<ExtractRequest, Manifest> {
  return async (request, io) => {
    const place = await elementSource(deps, request.context, request.task);
    const source = await sourceOf(deps, request, io);
    const { from } = place;
    const connection = await connectionOf(deps, request, from.connection);
    const read = await readRequest(deps, request, place, connection);
    const work = () => stageAll(deps, source, read, io, options.fileMaxBytes ?? limits.stagedFileMaxBytes);
    const scope = scopeOf(deps, request, from.connection, connection, io);
    const manifest = await (scope === undefined ? work() : inRequestScope(scope, work));
    const { read: mode } = request.task.config;
    const { extracted, quarantined } = manifest.counts;
    // A stream that waits in vain has nothing to tell.
    if (extracted > 0 || request.waitMs === undefined) {
      io.log.info(`read ${String(extracted)} records of ${from.connector}/${from.stream}`, {
        read: request.replayQuarantineIds === undefined ? mode : 'quarantine',
        deletes: manifest.deletes.reduce((sum, file) => sum + file.rows, 0),
        oversized: quarantined,
        files: manifest.files.length,
      });
    }
    return withTask(manifest, request.task, place.cursorKey);
  };
}

/** Only a read by cursor moves the cursor. */
function withTask({ cursor, ...manifest }: Manifest, task: ExtractTask, cursorKey: string): Manifest {
  if (cursor === undefined || task.config.read !== 'cursor') return manifest;
  return { ...manifest, cursor: { taskId: cursorKey, value: cursor } };
}

async function sourceOf(deps: ActivityDeps, request: ExtractRequest, io: StageIo): Promise<Source> {
  const { context, task, replayQuarantineIds } = request;
  if (replayQuarantineIds !== undefined) {
    const { connector } = task.config.from;
    const origin = connector === 'function' ? undefined : await deps.source(connector);
    return createReplaySource(deps.warehouse, replayQuarantineIds, origin);
  }
  if (task.config.from.connector !== 'function') return deps.source(task.config.from.connector);
  const { read } = deps.functions(context.dagId, task.id);
  if (read === undefined)
    throw new PipelineError('FUNCTION_MISSING', { dagId: context.dagId, taskId: task.id });
  return createFunctionSource(read, await functionContext(deps, context, task.id, io));
}

async function connectionOf(
  deps: ActivityDeps,
  { replayQuarantineIds }: ExtractRequest,
  name: string | undefined,
): Promise<ResolvedConnection> {
  return replayQuarantineIds === undefined ? deps.connection(name) : { options: {} };
}

/** Requests through a named connection share its budgets with all other workers. */
function scopeOf(
  { rates }: ActivityDeps,
  { context }: ExtractRequest,
  connection: string | undefined,
  { rate }: ResolvedConnection,
  { attempt }: StageIo,
): RequestScopeOptions | undefined {
  if (rates === undefined || connection === undefined) return undefined;
  return {
    budgets: rates,
    connection,
    dag: context.dagId,
    holder: randomUUID(),
    ...(rate !== undefined && { rules: rate }),
    isFirstTry: attempt === 1,
  };
}

async function readRequest(
  deps: ActivityDeps,
  request: ExtractRequest,
  { from, cursorKey }: Awaited<ReturnType<typeof elementSource>>,
  connection: ResolvedConnection,
): Promise<ReadRequest> {
  const { context, task, replayQuarantineIds, keys } = request;
  const { read, cursor: cursorConfig } = task.config;
  const isReplay = replayQuarantineIds !== undefined;
  const base = {
    stream: from.stream,
    options: from.options,
    connection: connection.options,
    ...(connection.credentials !== undefined && { credentials: connection.credentials }),
    lagMs: cursorConfig?.lagMs ?? 0,
    waitMs: request.waitMs ?? 0,
    reader: context.workflowId,
    ...(cursorConfig !== undefined && { cursorPath: cursorConfig.path }),
  };
  if (keys !== undefined) {
    const { file, ...columns } = keys;
    return { ...base, keys: { ...columns, rows: `[${(await stagedLines(deps, file)).join(',')}]` } };
  }
  if (isReplay || read === 'full') return base;
  if (read === 'interval') {
    if (context.interval !== undefined) return { ...base, interval: context.interval };
    throw new PipelineError('USAGE', {
      problem: `Task "${context.dagId}/${task.id}" reads by data interval, and this run has none`,
      hint: 'Start the run with an interval, or use a backfill.',
    });
  }
  const committed = await deps.warehouse.latestCursor(context.dagId, cursorKey);
  const cursor = cursorOfTask(committed, cursorKey) ?? cursorConfig?.initialValue;
  return cursor === undefined ? base : { ...base, cursor };
}

async function stageAll(
  deps: ActivityDeps,
  source: Source,
  read: ReadRequest,
  io: StageIo,
  fileMaxBytes: number,
): Promise<Manifest> {
  const writers = {
    rows: createStagedWriter(deps.staging, fileMaxBytes),
    deletes: createStagedWriter(deps.staging, fileMaxBytes),
    rejects: createStagedWriter(deps.staging, fileMaxBytes),
  };
  const typed = createTypedWriter({
    staging: deps.staging,
    rows: writers.rows,
    signal: io.signal,
    fileMaxBytes,
  });
  const rejects: Omit<QuarantineRow, 'position'>[] = [];
  const staged = { rows: 0, deletes: 0 };
  const flushTyped = async (): Promise<void> => {
    const oversized = await typed.flush();
    staged.rows -= oversized.length;
    rejects.push(...oversized.map(oversizedReject));
  };
  const take = async (batch: SourceBatch): Promise<void> => {
    const { kind } = batch;
    if (kind === 'rows' && batch.typed !== undefined) {
      await typed.append(batch.typed, batch.rowCount);
      staged.rows += batch.rowCount;
      return;
    }
    if (batch.file !== undefined) {
      await writers[kind].add(batch.file);
      staged[kind] += batch.file.rows;
    }
    const { bytes } = batch;
    if (bytes === undefined) return;
    const parted = partLines(bytes);
    refuseMiscount(source, batch.rowCount, parted);
    await writers[kind].append(parted.lines, parted.rows);
    staged[kind] += parted.rows;
    rejects.push(...parted.oversized.map(oversizedReject));
  };
  let cursor: JsonValue | undefined = read.cursor;
  const context = {
    signal: io.signal,
    staging: deps.staging,
    heartbeat: (details?: JsonValue) => io.heartbeat(details),
  };
  try {
    for await (const batch of source.read(read, context)) {
      io.signal.throwIfAborted();
      await take(batch);
      rejects.push(...(batch.rejects ?? []));
      cursor = batch.cursor ?? cursor;
      io.heartbeat({ rows: staged.rows, deletes: staged.deletes });
    }
    io.signal.throwIfAborted();
    await flushTyped();
    const rejectLines = rejects.map((reject, index) =>
      JSON.stringify({ ...reject, position: staged.rows + index }),
    );
    if (rejectLines.length > 0) {
      await writers.rejects.append(Buffer.from(`${rejectLines.join('\n')}\n`), rejectLines.length);
    }
    return manifestOf(
      {
        rows: await writers.rows.finish(),
        deletes: await writers.deletes.finish(),
        rejects: await writers.rejects.finish(),
      },
      staged.rows + staged.deletes,
      rejects.length,
      { cursor, typedHash: typed.hash() },
    );
  } finally {
    await typed.discard();
    for (const writer of Object.values(writers)) await writer.discard();
  }
}

function refuseMiscount(source: Source, announced: number, parted: PartedLines): void {
  const found = parted.rows + parted.oversized.length;
  if (found === announced) return;
  throw new PipelineError('INTERNAL', {
    where: `connector "${source.name}"`,
    reason: `a batch announces ${announced} rows and holds ${found}`,
  });
}

interface StagedKinds {
  readonly rows: readonly StagedFile[];
  readonly deletes: readonly StagedFile[];
  readonly rejects: readonly StagedFile[];
}

function manifestOf(
  files: StagedKinds,
  delivered: number,
  rejected: number,
  { cursor, typedHash }: { readonly cursor: JsonValue | undefined; readonly typedHash: string | undefined },
): Manifest {
  const fileCount = files.rows.length + files.deletes.length + files.rejects.length;
  if (fileCount > limits.manifestMaxFiles) {
    throw new PipelineError('LIMIT_EXCEEDED', {
      what: 'The number of staged files of one extract',
      actual: fileCount,
      limit: 'manifestMaxFiles',
      allowed: limits.manifestMaxFiles,
    });
  }
  return {
    manifestVersion: 1,
    files: files.rows,
    deletes: files.deletes,
    rejects: files.rejects,
    counts: { ...zeroCounts, extracted: delivered + rejected, quarantined: rejected },
    contentHash: contentHash(files, typedHash),
    ...(cursor !== undefined && { cursor }),
    ingestedAt: new Date().toISOString(),
  };
}

/** Typed files are cut and compressed as it came; what stands for them is the hash of the text that they were made from. */
function contentHash({ rows, deletes, rejects }: StagedKinds, typedHash: string | undefined): string {
  const hashes = (list: readonly StagedFile[]): string[] => list.map((file) => file.sha256);
  const content = {
    rows: typedHash === undefined ? hashes(rows) : { typed: typedHash },
    deletes: hashes(deletes),
    rejects: hashes(rejects),
  };
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}
