import { randomUUID } from 'node:crypto';
import { owedTo } from '../connectors/cursor.js';
import { inRequestScope, type RequestScopeOptions } from '../connectors/http/index.js';
import { createFunctionSource } from '../connectors/function/index.js';
import { createReplaySource } from '../connectors/quarantine/replay-source.js';
import type { ReadRequest, ResolvedConnection, Source } from '../connectors/source.js';
import type { ExtractTask } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import type { JsonValue } from '../core/json.js';
import { cursorOfTask, type Manifest } from '../core/loading/manifest.js';
import type { StageRequest } from '../core/run/run.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';
import { elementSource } from './read/element-source.js';
import { functionContext } from './function-context.js';
import { stagedLines } from './reconcile/reconcile-source.js';
import { stageRead, type StageReadOptions } from './read/stage-read.js';

type ExtractRequest = StageRequest<ExtractTask>;

/**
 * The extract stage: reads a source into staged files and returns their manifest. Either all that the source delivers is
 * staged, or the stage fails; then the next try goes on where this one was, or nothing of this one is used.
 *
 * @throws PipelineError SOURCE_*, CONNECTOR_UNKNOWN, CONNECTION_*, OAUTH_*, SECRET_*, FUNCTION_MISSING, DISK_FULL, LIMIT_EXCEEDED,
 * USAGE (the task reads by interval and the run has none)
 */
export function createExtract(
  deps: ActivityDeps,
  options: StageReadOptions = {},
): Stage<ExtractRequest, Manifest> {
  return async (request, io) => {
    const place = await elementSource(deps, request.context, request.task);
    const source = await sourceOf(deps, request, io);
    const { from } = place;
    const connection = await connectionOf(deps, request, from.connection);
    const committed = await committedCursor(deps, request, place.cursorKey);
    const start = cursorOfTask(committed, place.cursorKey) ?? request.task.config.cursor?.initialValue;
    const read = await readRequest(deps, request, place, connection, start);
    const work = () =>
      stageRead({ source, connector: from.connector, read, staging: deps.staging, io, ...options });
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
    return withTask(manifest, request, place.cursorKey, committed);
  };
}

/** Only a read by cursor moves the cursor. */
function withTask(
  { cursor, ...manifest }: Manifest,
  request: ExtractRequest,
  cursorKey: string,
  committed: JsonValue | undefined,
): Manifest {
  if (cursor === undefined || !isByCursor(request)) return manifest;
  const owed = owedTo(request.loadsOfEveryRun ?? [], committed);
  return {
    ...manifest,
    cursor: { taskId: cursorKey, value: cursor, ...(owed === undefined ? {} : { owed }) },
  };
}

/** How far the loads of this task have committed its cursor; of a read that has one. */
async function committedCursor(
  { warehouse }: ActivityDeps,
  request: ExtractRequest,
  cursorKey: string,
): Promise<JsonValue | undefined> {
  if (!isByCursor(request)) return undefined;
  return warehouse.latestCursor(request.context.dagId, cursorKey, request.loads);
}

function isByCursor({ task, keys, replayQuarantineIds }: ExtractRequest): boolean {
  return task.config.read === 'cursor' && keys === undefined && replayQuarantineIds === undefined;
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
  { from }: Awaited<ReturnType<typeof elementSource>>,
  connection: ResolvedConnection,
  start: JsonValue | undefined,
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
  return start === undefined ? base : { ...base, cursor: start };
}
