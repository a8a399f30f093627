import { limits } from '../../core/limits.js';
import type { RateTelling } from '../../core/rates/rate-state.js';
import { memberAt } from '../json-page.js';

/** What an answer says of the budget of points that queries are paid from. */
export interface QueryCost {
  readonly requested: number;
  /** What was taken in the end; the rest was given back. */
  readonly actual: number;
  readonly maximumAvailable: number;
  readonly currentlyAvailable: number;
  /** Points that come back in a second. */
  readonly restoreRate: number;
}

/** The cost that Shopify tells with each answer, throttled ones included (its documentation, "API limits"). */
export function queryCostOf(document: unknown): QueryCost | undefined {
  const numberAt = (...path: string[]): number =>
    Number(memberAt(document, ['extensions', 'cost', ...path]) ?? Number.NaN);
  const requested = numberAt('requestedQueryCost');
  const cost = {
    requested,
    actual: Number(memberAt(document, ['extensions', 'cost', 'actualQueryCost']) ?? requested),
    maximumAvailable: numberAt('throttleStatus', 'maximumAvailable'),
    currentlyAvailable: numberAt('throttleStatus', 'currentlyAvailable'),
    restoreRate: numberAt('throttleStatus', 'restoreRate'),
  };
  return Object.values(cost).every(Number.isFinite) && cost.restoreRate > 0 ? cost : undefined;
}

/** How long until the same query can be paid again; zero where it can be now. */
export function costWaitMs({ requested, currentlyAvailable, restoreRate }: QueryCost): number {
  const missing = Math.max(0, requested - currentlyAvailable);
  return Math.min(Math.ceil((missing / restoreRate) * 1000), limits.retryAfterMaxMs);
}

/** The limit as a shared budget counts it: so many points in the time in which an empty one is full again. */
export function tellingOfCost({ maximumAvailable, restoreRate }: QueryCost): RateTelling {
  return { rules: [{ units: maximumAvailable, perMs: Math.ceil((maximumAvailable / restoreRate) * 1000) }] };
}
