import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { functionContext } from '../activities/function-context.js';
import { createTryLog } from '../activities/worker/task-log.js';
import { createValueReader } from '../activities/values.js';
import type { Settings } from '../config.js';
import { createFunctionSource } from '../connectors/function/index.js';
import { createSourceRegistry } from '../connectors/registry.js';
import type { ReadContext, ReadRequest, Source, SourceBatch } from '../connectors/source.js';
import { createStaging } from '../connectors/staging/index.js';
import type { DagDefinition } from '../core/dag/dag-definition.js';
import type { ExtractTask } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import type { DataInterval } from '../core/interval.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import { limits } from '../core/limits.js';
import { resolveConnection, throughConnection, type ConnectionStores } from './connections.js';
import { stagingPlace } from './staging.js';

/** What an extract task would read first. */
export interface Sample {
  readonly dagId: string;
  readonly taskId: string;
  readonly connector: string;
  readonly stream: string;
  /** Records as the source delivers them, one JSON line each, to the digit. */
  readonly lines: readonly string[];
  /** Key and version of what the source says is deleted. */
  readonly deletes: readonly string[];
  /** Records of the source that are no rows. */
  readonly rejected: number;
  /** Members of the records, in the order in which they were seen. */
  readonly columns: readonly SampledColumn[];
}

export interface SampledColumn {
  readonly name: string;
  /** Kinds of JSON that were seen, and `missing` where some records lack it. */
  readonly kinds: readonly string[];
}

export interface SampleRequest {
  readonly taskId: string;
  readonly maxRows: number;
  /** For tasks that read by data interval. */
  readonly interval: DataInterval;
}

/**
 * Reads the first records of an extract task's source, from the beginning, and leaves it: nothing is loaded, no cursor
 * moves. It ends when there are `maxRows` records, when the source has no more, or after `sampleMaxMs`.
 *
 * @throws PipelineError USAGE, SOURCE_*, CONNECTOR_UNKNOWN, CONNECTION_*, SECRET_*
 */
export async function sampleTask(
  settings: Settings,
  stores: ConnectionStores,
  { spec, functions }: DagDefinition,
  { taskId, maxRows, interval }: SampleRequest,
): Promise<Sample> {
  const task = extractTask(spec.id, spec.tasks, taskId);
  const { connector, connection: name, stream, options } = task.config.from;
  const connection = await resolveConnection(settings, stores, name);
  const staging = await createStaging(stagingPlace(settings));
  const leave = new AbortController();
  const signal = AbortSignal.any([leave.signal, AbortSignal.timeout(limits.sampleMaxMs)]);
  const context: ReadContext = { signal, staging, heartbeat: () => undefined };
  const source = await sourceOf(settings, task, { spec, functions }, interval, context);
  const { initialValue } = task.config.cursor ?? {};
  const request: ReadRequest = {
    stream,
    options,
    connection: connection.options,
    ...(connection.credentials !== undefined && { credentials: connection.credentials }),
    ...(task.config.read === 'interval' && { interval }),
    ...(task.config.read === 'cursor' && initialValue !== undefined && { cursor: initialValue }),
    ...(task.config.cursor !== undefined && { cursorPath: task.config.cursor.path }),
    lagMs: 0,
    waitMs: 0,
  };
  const taken = new SampledBatches(maxRows);
  const read = async () => {
    for await (const batch of source.read(request, context)) {
      if (await taken.take(batch, (file) => staging.localPath(file))) return;
    }
  };
  try {
    if (name === undefined) await read();
    else await throughConnection(stores, { name, dag: spec.id, resolved: connection }, read);
  } finally {
    leave.abort();
  }
  const { lines, deletes, rejected } = taken;
  return { dagId: spec.id, taskId, connector, stream, lines, deletes, rejected, columns: columnsOf(lines) };
}

/** @throws PipelineError USAGE */
function extractTask(dagId: string, tasks: DagDefinition['spec']['tasks'], taskId: string): ExtractTask {
  const task = tasks.find(({ id }) => id === taskId);
  if (task?.kind !== 'extract') {
    const known = tasks.filter(({ kind }) => kind === 'extract').map(({ id }) => id);
    throw new PipelineError('USAGE', {
      problem: `"${dagId}/${taskId}" is no extract task of the DAG files`,
      hint: known.length === 0 ? 'The DAG has none' : `Its extract tasks: ${known.join(', ')}`,
    });
  }
  if (task.config.fromElement === undefined) return task;
  throw new PipelineError('USAGE', {
    problem: `"${dagId}/${taskId}" takes its source from the element that it is mapped over`,
    hint: 'Sample a task that names its source itself',
  });
}

async function sourceOf(
  settings: Settings,
  task: ExtractTask,
  { spec, functions }: Pick<DagDefinition, 'spec' | 'functions'>,
  interval: DataInterval,
  { signal, staging }: ReadContext,
): Promise<Source> {
  const { connector } = task.config.from;
  if (connector !== 'function') return createSourceRegistry(settings)(connector);
  const { read } = functions[task.id] ?? {};
  if (read === undefined) throw new PipelineError('FUNCTION_MISSING', { dagId: spec.id, taskId: task.id });
  const logger = pino({ level: 'silent' });
  return createFunctionSource(
    read,
    await functionContext(
      { values: createValueReader(staging) },
      {
        ...{ dagId: spec.id, workflowId: 'sample', runId: 'sample', runType: 'manual', interval },
        ...{ startedAt: new Date().toISOString(), params: spec.params },
      },
      task.id,
      {
        ...{ signal, attempt: 1, lastDetails: undefined, logger, log: createTryLog(logger).log },
        heartbeat: () => undefined,
      },
    ),
  );
}

/** The first records of batches. */
class SampledBatches {
  readonly lines: string[] = [];
  readonly deletes: string[] = [];
  rejected = 0;
  readonly #maxRows: number;

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  /** True once there are enough. */
  async take(
    batch: SourceBatch,
    localPath: (file: NonNullable<SourceBatch['file']>) => Promise<string>,
  ): Promise<boolean> {
    this.rejected += batch.rejects?.length ?? 0;
    const bytes =
      batch.bytes ??
      batch.typed?.toLines(batch.typed.text).bytes ??
      (batch.file === undefined ? Buffer.alloc(0) : await readFile(await localPath(batch.file)));
    const lines = batch.kind === 'rows' ? this.lines : this.deletes;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    const found = text.split('\n').filter((line) => line !== '');
    lines.push(...found.slice(0, this.#maxRows - lines.length));
    return this.lines.length >= this.#maxRows;
  }
}

function columnsOf(lines: readonly string[]): SampledColumn[] {
  const records = lines.map((line) => JSON.parse(line) as JsonObject);
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return names.map((name) => {
    const kinds = new Set(
      records.map((record) => (Object.hasOwn(record, name) ? kindOf(record[name]) : 'missing')),
    );
    return { name, kinds: [...kinds].sort() };
  });
}

function kindOf(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
