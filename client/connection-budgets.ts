import type { RateBudgetKey, RateView } from '../core/rates/rate-state.js';
import { renderTable } from './output.js';

/** A budget of a connection, as people see it. */
export type BudgetView = RateBudgetKey & RateView;

/** What is known of each budget, and who waits for it. */
export function budgetText(name: string, budgets: readonly BudgetView[]): string {
  if (budgets.length === 0)
    return `Nothing is known of the limits of "${name}": no task has read through it yet.`;
  return renderTable(
    ['ACCOUNT', 'LIMIT OF', 'LIMIT', 'LEFT', 'IN USE', 'HELD BACK UNTIL', 'WAITING'],
    budgets.map((budget) => [
      budget.account,
      budget.bucket,
      limitText(budget),
      leftText(budget),
      String(budget.held),
      budget.heldUntilMs === undefined ? '-' : timeText(budget.heldUntilMs),
      budget.waiting.length === 0
        ? '-'
        : budget.waiting.map(({ dag, readers }) => `${dag || 'test'} (${String(readers)})`).join(', '),
    ]),
  );
}

function limitText({ rules, isDeclared }: RateView): string {
  if (rules.length === 0) return 'not known';
  const text = rules.map(({ units, perMs }) => `${String(units)} in ${spanText(perMs)}`).join(', ');
  return `${text} (${isDeclared ? 'declared' : 'learned'})`;
}

function leftText({ rules, remaining, resetsAtMs }: RateView): string {
  const free = [...rules.map((rule) => rule.free), ...(remaining === undefined ? [] : [remaining])];
  if (free.length === 0) return '-';
  const left = String(Math.min(...free));
  return resetsAtMs === undefined ? left : `${left} until ${timeText(resetsAtMs)}`;
}

function spanText(perMs: number): string {
  return perMs % 1000 === 0 ? `${String(perMs / 1000)} s` : `${String(perMs)} ms`;
}

function timeText(atMs: number): string {
  return new Date(atMs).toISOString();
}
