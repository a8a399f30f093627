import { createHash } from 'node:crypto';
import { dagDefaults } from '../core/dag/dag-defaults.js';
import type { ValidateTask } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { canonicalJson, type JsonObject } from '../core/json.js';
import type { Manifest, StagedFile } from '../core/loading/manifest.js';
import type { QuarantineRow } from '../core/quality/quarantine.js';
import type { StageRequest } from '../core/run/run.js';
import { schemaColumns } from '../schemas/columns.js';
import type { ProtobufMessage } from '../schemas/protobuf.js';
import { decodeProtobuf } from './judge/decode-protobuf.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';
import { judgeLines, plainColumn, type Judged } from './judge/judge-lines.js';
import { judgeTyped } from './judge/judge-typed.js';
import { rawLines } from './read/raw-lines.js';

type ValidateRequest = StageRequest<ValidateTask>;

/**
 * The validate stage: raw NDJSON becomes typed Parquet; each record that fails its schema becomes a quarantine row with
 * reason, pointer and original text, and the rest goes on.
 *
 * The schema is compiled to SQL where it maps, so that good rows never become JavaScript objects; rows that SQL does not
 * accept, and whole batches that SQL could misread, are judged by ajv.
 *
 * @throws PipelineError SCHEMA_UNKNOWN, CONTRACT_BROKEN, QUARANTINE_THRESHOLD, STAGING_*, DISK_FULL
 */
export function createValidate(deps: ActivityDeps): Stage<ValidateRequest, Manifest> {
  return async ({ context, task, input }, io) => {
    const { config } = task;
    const { document, protobuf, field = dagDefaults.messageField } = config.schema;
    if (document === undefined)
      throw new PipelineError('SCHEMA_UNKNOWN', { schema: config.schema.id, known: 'none in this run' });
    if (input === undefined)
      throw new PipelineError('INTERNAL', { where: `task "${task.id}"`, reason: 'no input manifest' });
    const contentHash = createHash('sha256')
      .update(
        input.contentHash +
          canonicalJson({
            document,
            contract: config.contract,
            ...(protobuf === undefined ? {} : { protobuf: { ...protobuf, field } }),
          }),
      )
      .digest('hex');
    const judged =
      input.files.length === 0
        ? { parquetPath: undefined, rows: 0, rejects: [], columns: schemaColumns(document).map(plainColumn) }
        : protobuf === undefined
          ? await judge(deps, task, document, input.files, io)
          : await judgeMessages(deps, task, { document, message: { ...protobuf, field } }, input.files, io);
    const quarantined = input.counts.quarantined + judged.rejects.length;
    if (judged.rejects.length > 0)
      io.log.warn(`${String(judged.rejects.length)} records do not fit ${config.schema.id}`, {
        accepted: judged.rows,
        reasons: countReasons(judged.rejects),
      });
    else if (judged.rows > 0) io.log.info(`${String(judged.rows)} records fit ${config.schema.id}`);
    const { extracted } = input.counts;
    if (extracted > 0 && quarantined / extracted > config.quarantineOver) {
      const [first] = judged.rejects;
      throw new PipelineError('QUARANTINE_THRESHOLD', {
        quarantined,
        extracted,
        taskId: `${context.dagId}/${task.id}`,
        allowed: config.quarantineOver,
        first: first === undefined ? '' : `${first.code} at "${first.pointer}"`,
      });
    }
    return {
      ...input,
      files: await filesOf(deps, judged),
      rejects: [...input.rejects, ...(await stageRejects(deps, judged.rejects))],
      counts: { ...input.counts, quarantined },
      columns: judged.columns,
      ...(input.columns === undefined && input.files.length > 0 ? { origin: input.files } : {}),
      contentHash,
    };
  };
}

/** How often each reason code occurs. */
function countReasons(rejects: readonly QuarantineRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of rejects) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** The input's own files where they are as the schema has them, else the new one. */
async function filesOf(
  deps: ActivityDeps,
  { passed, parquetPath, rows }: Judged,
): Promise<readonly StagedFile[]> {
  if (passed !== undefined) return passed;
  const file = parquetPath === undefined ? undefined : await deps.staging.adopt(parquetPath, 'parquet', rows);
  return file === undefined || rows === 0 ? [] : [file];
}

/** Messages are decoded first; what is refused keeps the bytes that came. */
async function judgeMessages(
  deps: ActivityDeps,
  task: ValidateTask,
  { document, message }: { document: JsonObject; message: ProtobufMessage & { readonly field: string } },
  files: readonly StagedFile[],
  io: StageIo,
): Promise<Judged> {
  const decoded = await decodeProtobuf(deps, message, files, io);
  const judged = await judge(deps, task, document, decoded.files, io);
  return { ...judged, rejects: await decoded.restore(judged.rejects) };
}

async function judge(
  deps: ActivityDeps,
  task: ValidateTask,
  document: JsonObject,
  files: readonly StagedFile[],
  io: StageIo,
): Promise<Judged> {
  const columns = schemaColumns(document);
  const batch = { task, document, columns, files };
  const typed = await judgeTyped(deps, batch, io);
  if (typed !== undefined) return typed;
  const raw = await rawLines(deps, files, io.signal);
  try {
    return await judgeLines(deps, batch, raw.paths, io);
  } finally {
    await raw.remove();
  }
}

async function stageRejects(deps: ActivityDeps, rejects: readonly QuarantineRow[]): Promise<StagedFile[]> {
  if (rejects.length === 0) return [];
  const lines = rejects.map((reject) => Buffer.from(`${JSON.stringify(reject)}\n`));
  return [await deps.staging.write(lines, rejects.length)];
}
