import { uriProblem } from '../assets/asset.js';
import { conditionUris, type AssetCondition } from '../assets/asset-condition.js';
import { assetConditionOf } from './asset-schedule.js';
import type { DagSpec } from './dag-spec.js';
import { limits } from '../limits.js';

/** Everything that is wrong with the assets of a DAG, a sentence each. */
export function checkAssets(spec: DagSpec): string[] {
  const condition = assetConditionOf(spec);
  const problems = condition === undefined ? [] : checkCondition(condition);
  for (const { id, outlets = [], inlets = [], ...task } of spec.tasks) {
    for (const uri of [...outlets, ...inlets]) {
      const problem = uriProblem(uri);
      if (problem !== undefined) problems.push(`task "${id}": ${problem}`);
    }
    if (outlets.length > limits.assetMaxOutlets)
      problems.push(
        `task "${id}" has ${String(outlets.length)} outlets, over ${String(limits.assetMaxOutlets)}`,
      );
    if (condition !== undefined && task.kind === 'extract' && task.config.read === 'interval')
      problems.push(
        `task "${id}" reads by data interval, which a run that assets start has not; read by cursor, or "full"`,
      );
  }
  return problems;
}

function checkCondition(condition: AssetCondition): string[] {
  const uris = conditionUris(condition);
  const problems = uris.flatMap((uri) => uriProblem(uri) ?? []).map((problem) => `schedule: ${problem}`);
  if (hasEmptyPart(condition)) problems.push('schedule: allOf, anyOf and a list name at least one asset');
  if (uris.length > limits.assetConditionMaxAssets)
    problems.push(
      `schedule: it names ${String(uris.length)} assets, over ${String(limits.assetConditionMaxAssets)}`,
    );
  return problems;
}

function hasEmptyPart(condition: AssetCondition): boolean {
  return condition.kind !== 'asset' && (condition.of.length === 0 || condition.of.some(hasEmptyPart));
}
