import type { LoadConfig } from '../core/dag/dag-spec.js';
import { limits } from '../core/limits.js';
import { strategyOf } from '../core/loading/load-rules.js';
import type { HealSpec } from '../core/reconcile/reconcile-spec.js';

/** Why a load cannot be healed row by row; `undefined` where it can. */
export function healProblem(config: LoadConfig): string | undefined {
  if (config.disposition === 'merge' && strategyOf(config) === 'upsert') return undefined;
  const how = [config.disposition, strategyOf(config)].filter((word) => word !== undefined).join(' with ');
  return `only merge with upsert changes single rows; this load is ${how}: run the DAG again`;
}

/** What to do about more keys than a heal may touch; `undefined` where they are few enough. */
export function capProblem(
  dagId: string,
  keys: number,
  { maxKeys, isApproved }: HealSpec,
): string | undefined {
  if (keys > limits.reconcileHealMaxKeys)
    return `${String(keys)} keys differ and a heal reads at most ${String(limits.reconcileHealMaxKeys)} again: run the DAG again`;
  if (keys <= maxKeys || isApproved) return undefined;
  return `${String(keys)} keys differ, more than ${String(maxKeys)}: look at the report, then millrace reconcile ${dagId} --heal --approve`;
}
