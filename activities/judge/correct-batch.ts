import { createHash } from 'node:crypto';
import { quoteText } from '../../connectors/duckdb/sql-text.js';
import type { AnomalyFinding, ColumnRule } from '../../core/quality/anomaly.js';
import { describeCorrection } from '../../core/quality/check-spec.js';
import type { AnomalyGateTask, CheckTask } from '../../core/dag/dag-spec.js';
import type { Manifest } from '../../core/loading/manifest.js';
import type { StageContext } from '../../core/run/run.js';
import { createCheck } from '../check.js';
import { quarantineRows, stageRejects } from './check-rejects.js';
import type { ActivityDeps, StageIo } from '../deps.js';
import { jsonSafe } from '../map-rows.js';

/** A batch that a gate looks at. */
export interface GatedBatch {
  readonly context: StageContext;
  readonly task: AnomalyGateTask;
  readonly input: Manifest;
}

export interface CorrectedBatch {
  readonly manifest: Manifest;
  /** The findings, those that a rule has answered with what it did. */
  readonly findings: readonly AnomalyFinding[];
}

const wholeBatch = 'quarantine of the batch';

/**
 * Applies the rules that a gate declares for what it found: where one says so, the whole batch goes to quarantine; else the
 * checks of the odd columns correct values and set rows aside, as the check stage does.
 *
 * @throws PipelineError as the check stage does
 */
export async function correctBatch(
  deps: ActivityDeps,
  batch: GatedBatch,
  findings: readonly AnomalyFinding[],
  io: StageIo,
): Promise<CorrectedBatch> {
  const { context, task, input } = batch;
  const rules = task.config.correct ?? {};
  const ruleOf = ({ measure }: AnomalyFinding) => (measure === 'check' ? undefined : rules[measure]);
  const rows = input.files.reduce((sum, file) => sum + file.rows, 0);
  if (rows > 0 && findings.some((finding) => ruleOf(finding) === 'quarantine'))
    return {
      manifest: await quarantineBatch(deps, input, task, io),
      findings: findings.map((finding) => ({
        ...finding,
        correction: { rule: wholeBatch, values: 0, quarantined: rows },
      })),
    };
  const checksOf = (finding: AnomalyFinding): readonly ColumnRule[] => {
    const rule = ruleOf(finding);
    return rule === undefined || rule === 'quarantine'
      ? []
      : rule.filter(({ column }) => column === finding.column);
  };
  // A check that answers two findings of a column is applied once.
  const checks = [...new Map(findings.flatMap(checksOf).map((check) => [check.name, check])).values()];
  if (checks.length === 0) return { manifest: input, findings };
  const { quality: _quality, ...own } = deps;
  const stage: CheckTask = { ...task, kind: 'check', config: { checks, quarantineOver: 1 } };
  const manifest = await createCheck(own)({ context, task: stage, input }, io);
  const outcomes = manifest.checks?.slice(input.checks?.length ?? 0) ?? [];
  return {
    manifest,
    findings: findings.map((finding) => {
      const applied = checksOf(finding);
      if (applied.length === 0) return finding;
      const found = outcomes.filter(({ name }) => applied.some((check) => check.name === name));
      return {
        ...finding,
        correction: {
          rule: applied.map(ruleText).join('; '),
          values: found.reduce((sum, { corrected }) => sum + corrected, 0),
          quarantined: found.reduce(
            (sum, { severity, misses }) => sum + (severity === 'quarantine' ? misses : 0),
            0,
          ),
        },
      };
    }),
  };
}

function ruleText({ name, correct, severity }: ColumnRule): string {
  return `${name}: ${correct === undefined ? severity : describeCorrection(correct)}`;
}

/** All rows to quarantine: the load commits none, and the count equation holds. */
async function quarantineBatch(
  deps: ActivityDeps,
  input: Manifest,
  task: AnomalyGateTask,
  io: StageIo,
): Promise<Manifest> {
  const paths = await Promise.all(input.files.map((file) => deps.staging.localPath(file)));
  const columns = input.columns ?? [];
  const row = columns.map((column) => `${quoteText(column.name)}, ${jsonSafe(column)}`).join(', ');
  const found = await deps.stagedSql.run(
    [
      `SELECT _millrace_position AS position, CAST(json_object(${row}) AS VARCHAR) AS row
       FROM read_parquet([${paths.map(quoteText).join(', ')}]) ORDER BY position`,
    ],
    io.signal,
  );
  const rejects = await quarantineRows(
    deps,
    input,
    found.map((item) => ({ position: Number(item['position']), row: String(item['row']) })),
    () => ({
      code: 'ANOMALY_BATCH',
      pointer: '',
      message: `its batch is not like those before it (gate "${task.id}")`,
    }),
  );
  return {
    ...input,
    files: [],
    rejects: [...input.rejects, ...(await stageRejects(deps, rejects))],
    counts: { ...input.counts, quarantined: input.counts.quarantined + rejects.length },
    contentHash: createHash('sha256').update(`${input.contentHash} quarantined by ${task.id}`).digest('hex'),
  };
}
