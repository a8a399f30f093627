import { createHash } from 'node:crypto';
import {
  columnsOf,
  describeCorrection,
  type CheckOutcome,
  type CheckSpec,
} from '../../core/quality/check-spec.js';
import { intervalKey } from '../../core/interval.js';
import { canonicalJson } from '../../core/json.js';
import type { StageContext } from '../../core/run/run.js';
import type { ActivityDeps } from '../deps.js';
import { partitionKey } from '../read/element-source.js';

/** A batch as the check stage hands it on. */
interface CheckedBatch {
  readonly context: StageContext;
  readonly taskId: string;
  readonly contentHash: string;
  readonly rows: number;
}

/**
 * Lists what checks have corrected among the anomalies, with the rule and the number of values. A repeat of the batch finds
 * what is listed.
 */
export async function recordCorrections(
  { quality, values }: Pick<ActivityDeps, 'quality' | 'values'>,
  { context, taskId, contentHash, rows }: CheckedBatch,
  checks: readonly CheckSpec[],
  outcomes: readonly CheckOutcome[],
): Promise<void> {
  const findings = checks.flatMap((check) => {
    const changed = outcomes.find(({ name }) => name === check.name)?.corrected ?? 0;
    if (changed === 0 || check.correct === undefined) return [];
    const rule = `${check.name}: ${describeCorrection(check.correct)}`;
    const correction = { rule, values: changed, quarantined: 0 };
    const [column = ''] = columnsOf(check);
    return [
      {
        measure: 'check' as const,
        column,
        actual: changed / rows,
        expected: 0,
        score: changed,
        threshold: 0,
        correction,
      },
    ];
  });
  if (findings.length === 0 || quality === undefined) return;
  const { dagId, workflowId } = context;
  const key = await partitionKey({ values }, intervalKey(context.interval), context);
  const id = createHash('sha256')
    .update(canonicalJson({ dag: dagId, task: taskId, key, content: contentHash }))
    .digest('hex')
    .slice(0, 16);
  await quality.recordCorrections({ id, dagId, taskId, workflowId, at: new Date().toISOString() }, findings);
}
