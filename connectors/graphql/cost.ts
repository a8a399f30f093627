import { limits } from '../../core/limits.js';
import { memberAt } from '../json-page.js';

/** What an answer says of the budget of points that queries are paid from. */
export interface QueryCost {
  readonly requested: number;
  readonly maximumAvailable: number;
  readonly currentlyAvailable: number;
  /** Points that come back in a second. */
  readonly restoreRate: number;
}

/** The cost that Shopify tells with each answer, throttled ones included (its documentation, "API limits"). */
export function queryCostOf(document: unknown): QueryCost | undefined {
  const numberAt = (...path: string[]): number =>
    Number(memberAt(document, ['extensions', 'cost', ...path]) ?? Number.NaN);
  const cost = {
    requested: numberAt('requestedQueryCost'),
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
