import { pino } from 'pino';
import type { ActivityDeps, StageIo } from '../../activities/deps.js';
import { createTryLog } from '../../activities/worker/task-log.js';
import { createValidate } from '../../activities/validate.js';
import { defaultContract } from '../../core/loading/columns.js';
import type { ValidateTask } from '../../core/dag/dag-spec.js';
import type { JsonObject } from '../../core/json.js';
import { zeroCounts, type Manifest, type StagedFile } from '../../core/loading/manifest.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';
import type { StageContext } from '../../core/run/run.js';

const logger = pino({ level: 'silent' });

/** What a stage gets from the process that runs it, without one. */
export const io: StageIo = {
  signal: new AbortController().signal,
  attempt: 1,
  heartbeat: () => undefined,
  logger,
  log: createTryLog(logger).log,
};

export const context = {
  dagId: 'shop',
  workflowId: 'shop/1',
  runId: 'r',
  interval: { start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' },
} as unknown as StageContext;

/** The schema of the records of these tests. */
export const document: JsonObject = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    total: { type: ['string', 'null'], 'x-type': 'decimal(18,2)' },
    currency: { type: ['string', 'null'] },
    customer: { type: ['integer', 'null'] },
    at: { type: ['string', 'null'], format: 'date-time' },
  },
};

/** Records as the validate stage hands them on. */
export async function validated(deps: ActivityDeps, records: readonly JsonObject[]): Promise<Manifest> {
  const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  const input: Manifest = {
    manifestVersion: 1,
    files: records.length === 0 ? [] : [await deps.staging.write([Buffer.from(text)], records.length)],
    deletes: [],
    rejects: [],
    counts: { ...zeroCounts, extracted: records.length },
    contentHash: text,
    ingestedAt: '2026-01-02T00:00:00.000Z',
  };
  const config = { schema: { id: 'test', document }, quarantineOver: 1, contract: defaultContract };
  const task = { id: 'typed', kind: 'validate', config } as unknown as ValidateTask;
  return createValidate(deps)({ context, task, input }, io);
}

/** Rows of a staged file, values as text. */
export async function rowsOf(
  { staging, stagedSql }: Pick<ActivityDeps, 'staging' | 'stagedSql'>,
  { files }: Manifest,
): Promise<readonly Record<string, unknown>[]> {
  const [file] = files;
  if (file === undefined) return [];
  return stagedSql.run([
    `SELECT * EXCLUDE (_millrace_position) FROM read_parquet('${await staging.localPath(file)}') ORDER BY _millrace_position`,
  ]);
}

/** Quarantine rows of a manifest. */
export async function rejectsOf(
  { staging, stagedSql }: Pick<ActivityDeps, 'staging' | 'stagedSql'>,
  files: readonly StagedFile[],
): Promise<readonly QuarantineRow[]> {
  const rejects: QuarantineRow[] = [];
  for (const file of files)
    for (const row of await stagedSql.run([
      `SELECT code, pointer, message, raw, position::INTEGER AS position FROM read_json('${await staging.localPath(file)}', format = 'newline_delimited', columns = {code: 'VARCHAR', pointer: 'VARCHAR', message: 'VARCHAR', raw: 'VARCHAR', position: 'BIGINT'})`,
    ]))
      rejects.push(row as unknown as QuarantineRow);
  return rejects;
}
