import { createHash } from 'node:crypto';
import { quoteName, quoteText } from '../connectors/duckdb/sql-text.js';
import type { CheckOutcome, CheckSpec, FreshnessCheck } from '../core/quality/check-spec.js';
import type { CheckTask } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { canonicalJson, type JsonObject } from '../core/json.js';
import type { Manifest } from '../core/loading/manifest.js';
import type { QuarantineRow } from '../core/quality/quarantine.js';
import type { StageContext, StageRequest } from '../core/run/run.js';
import { missOf, quarantineRows, stageRejects, type RejectedRow } from './judge/check-rejects.js';
import { compileChecks, nothingKnown, type CheckPlan, type RowCheck } from './judge/check-sql.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';
import { knownValues } from './judge/known-values.js';
import { jsonSafe } from './map-rows.js';
import { recordCorrections } from './judge/record-corrections.js';

/**
 * The check stage: every check of the task over the whole batch, in SQL over the staged Parquet. Rows that miss are
 * corrected, or go to quarantine with code and pointer, or make the task fail, or are counted and warned of.
 *
 * @throws PipelineError CHECK_INVALID, CHECK_FAILED, QUARANTINE_THRESHOLD, STAGING_*, DISK_FULL, WAREHOUSE_* (references)
 */
export function createCheck(deps: ActivityDeps): Stage<StageRequest<CheckTask>, Manifest> {
  return async ({ context, task, input }, io) => {
    if (input === undefined)
      throw new PipelineError('INTERNAL', { where: `task "${task.id}"`, reason: 'no input manifest' });
    const where = `${context.dagId}/${task.id}`;
    const { columns } = input;
    if (columns === undefined)
      throw new PipelineError('CHECK_INVALID', {
        task: where,
        problems: ['checks need typed columns: put a validate task before it'],
      });
    const { checks, quarantineOver } = task.config;
    const rowChecks = checks.filter((check): check is RowCheck => check.kind !== 'freshness');
    const paths = await Promise.all(input.files.map((file) => deps.staging.localPath(file)));
    const source = `read_parquet([${paths.map(quoteText).join(', ')}])`;
    const draft = compileChecks(columns, rowChecks, nothingKnown);
    const stale = checks.filter((check) => check.kind === 'freshness');
    const problems = [
      ...('problems' in draft ? draft.problems : []),
      ...stale.flatMap((check) => freshnessProblems(check, columns)),
    ];
    if ('problems' in draft || problems.length > 0)
      throw new PipelineError('CHECK_INVALID', { task: where, problems });
    if (paths.length === 0)
      return { ...input, columns: draft.columns, contentHash: hashOf(input, task, [], undefined) };

    const known = await knownValues(deps, rowChecks, source, where, io);
    const plan = compileChecks(columns, rowChecks, known);
    if ('problems' in plan)
      throw new PipelineError('CHECK_INVALID', { task: where, problems: plan.problems });
    const judged = await judge(deps, plan, rowChecks, source, io);
    const outcomes: CheckOutcome[] = [
      ...judged.outcomes,
      ...(await Promise.all(stale.map((check) => freshnessOf(deps, check, source, input, context)))),
    ];
    const rows = input.files.reduce((sum, file) => sum + file.rows, 0);
    report(outcomes, rows, io);
    failOver(checks, outcomes, rows, where);
    const rejects = await quarantineRows(deps, input, judged.rejected, ({ check }) => missOf(check));
    const quarantined = input.counts.quarantined + rejects.length;
    const { extracted } = input.counts;
    if (extracted > 0 && quarantined / extracted > quarantineOver)
      throw new PipelineError('QUARANTINE_THRESHOLD', {
        quarantined,
        extracted,
        taskId: where,
        allowed: quarantineOver,
        first: rejects[0] === undefined ? '' : `${rejects[0].code} at "${rejects[0].pointer}"`,
      });
    const kept = rows - rejects.length;
    const contentHash = hashOf(input, task, rejects, known.storedHash);
    await recordCorrections(deps, { context, taskId: task.id, contentHash, rows }, checks, outcomes);
    return {
      ...input,
      files: kept === 0 ? [] : [await deps.staging.adopt(judged.path, 'parquet', kept)],
      rejects: [...input.rejects, ...(await stageRejects(deps, rejects))],
      columns: plan.columns,
      counts: { ...input.counts, quarantined },
      checks: [...(input.checks ?? []), ...outcomes],
      contentHash,
    };
  };
}

/**
 * What a check that refers to a table lets pass may differ from run to run, and so may last known values: what was rejected
 * and what was known are part of the content.
 */
function hashOf(
  input: Manifest,
  task: CheckTask,
  rejects: readonly QuarantineRow[],
  stored: string | undefined,
): string {
  const rejected = rejects.map(({ position, code }) => `${String(position)} ${code}`);
  return createHash('sha256')
    .update(
      input.contentHash +
        canonicalJson({
          config: task.config as unknown as JsonObject,
          rejected,
          ...(stored === undefined ? {} : { stored }),
        }),
    )
    .digest('hex');
}

interface Rejected extends RejectedRow {
  readonly check: RowCheck;
}

async function judge(
  deps: ActivityDeps,
  plan: CheckPlan,
  checks: readonly RowCheck[],
  source: string,
  io: StageIo,
): Promise<{ path: string; outcomes: CheckOutcome[]; rejected: Rejected[] }> {
  const judgedPath = deps.staging.temporaryPath('parquet');
  const path = deps.staging.temporaryPath('parquet');
  const judged = quoteText(judgedPath);
  const names = plan.columns.map(({ name }) => quoteName(name)).join(', ');
  await deps.stagedSql.run(
    [
      `COPY (${plan.select(source)} ORDER BY _millrace_position) TO ${judged} (FORMAT parquet)`,
      `COPY (SELECT _millrace_position, ${names} FROM ${judged} WHERE _millrace_reject IS NULL) TO ${quoteText(path)} (FORMAT parquet)`,
    ],
    io.signal,
  );
  const countOf = async (list: string): Promise<ReadonlyMap<number, number>> => {
    const rows = await deps.stagedSql.run([
      `SELECT index, count(*)::INTEGER AS n FROM (SELECT unnest(${list}) AS index FROM ${judged}) GROUP BY index`,
    ]);
    return new Map(rows.map((row) => [Number(row['index']), Number(row['n'])]));
  };
  const misses = await countOf('_millrace_misses');
  const corrected = await countOf('_millrace_corrected');
  const row = plan.columns.map((column) => `${quoteText(column.name)}, ${jsonSafe(column)}`).join(', ');
  const rejected = await deps.stagedSql.run([
    `SELECT _millrace_position AS position, _millrace_reject AS "check", CAST(json_object(${row}) AS VARCHAR) AS row
     FROM ${judged} WHERE _millrace_reject IS NOT NULL ORDER BY position`,
  ]);
  return {
    path,
    outcomes: checks.map(({ name, severity }, index) => ({
      name,
      severity,
      misses: misses.get(index) ?? 0,
      corrected: corrected.get(index) ?? 0,
    })),
    rejected: rejected.flatMap((reject) => {
      const check = checks[Number(reject['check'])];
      return check === undefined
        ? []
        : [{ position: Number(reject['position']), check, row: String(reject['row']) }];
    }),
  };
}

function report(outcomes: readonly CheckOutcome[], rows: number, io: StageIo): void {
  for (const { name, severity, misses, corrected } of outcomes) {
    if (corrected > 0) io.log.info(`${name}: ${String(corrected)} of ${String(rows)} values corrected`);
    if (misses > 0) io.log.warn(`${name}: ${String(misses)} of ${String(rows)} rows miss it`, { severity });
  }
}

/** @throws PipelineError CHECK_FAILED, naming every check that failed */
function failOver(
  checks: readonly CheckSpec[],
  outcomes: readonly CheckOutcome[],
  rows: number,
  task: string,
): void {
  const failed = outcomes.filter(({ name, severity, misses }) => {
    const allowed = checks.find((check) => check.name === name)?.failOver ?? 0;
    return severity === 'fail' && misses / rows > allowed;
  });
  if (failed.length === 0) return;
  throw new PipelineError('CHECK_FAILED', {
    task,
    rows,
    failed: failed.map(({ name, misses }) => `${name} (${String(misses)})`),
  });
}

function freshnessProblems(check: FreshnessCheck, columns: Manifest['columns'] & {}): string[] {
  const column = columns.find(({ name }) => name === check.column);
  if (column?.type === 'timestamp' || column?.type === 'date') return [];
  return [
    `check "${check.name}": ${column === undefined ? `there is no column "${check.column}"` : `column "${check.column}" is ${column.type}, not timestamp or date`}`,
  ];
}

/** Whether the newest value is too old: then every row counts as a miss. */
async function freshnessOf(
  deps: ActivityDeps,
  { name, severity, column, maxAgeMs }: FreshnessCheck,
  source: string,
  { ingestedAt }: Manifest,
  { interval }: StageContext,
): Promise<CheckOutcome> {
  const [row] = await deps.stagedSql.run([
    `SELECT epoch_ms(CAST(max(${quoteName(column)}) AS TIMESTAMP)) AS newest, count(*)::INTEGER AS rows FROM ${source}`,
  ]);
  const newest = row?.['newest'];
  const at = Date.parse(interval?.end ?? ingestedAt);
  const isFresh = newest !== null && newest !== undefined && at - Number(newest) <= maxAgeMs;
  return { name, severity, misses: isFresh ? 0 : Number(row?.['rows'] ?? 0), corrected: 0 };
}
