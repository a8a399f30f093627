import type { ExpressionBuilder, Kysely } from 'kysely';
import { RateBudget } from '../core/rates/rate-budget.js';
import type { RateBudgetKey, RateBudgets, RateBudgetState } from '../core/rates/rate-state.js';
import type { LeaseClock } from './leases.js';
import type { OpsTables } from './tables.js';

/**
 * Rate budgets in the operations store, for all workers. A turn is one transaction that begins with a write to the budget's
 * row: whoever comes second waits for the first, on both databases, and reads the clock when it has the row.
 */
export function createRateBudgets(db: Kysely<OpsTables>, clock: LeaseClock): RateBudgets {
  return {
    async turn(key, turn) {
      return db.transaction().execute(async (transaction) => {
        const row = await transaction
          .insertInto('rate_budgets')
          .values({ ...key, state: 'null', turns: 1 })
          .onConflict((conflict) =>
            conflict
              .columns(['connection', 'account', 'bucket'])
              .doUpdateSet(({ eb, ref }) => ({ turns: eb(ref('rate_budgets.turns'), '+', 1) })),
          )
          .returning(['state', clock(0).as('now')])
          .executeTakeFirstOrThrow();
        const budget = new RateBudget(stateOf(row.state));
        const answer = budget.turn(turn, Date.parse(row.now));
        await transaction
          .updateTable('rate_budgets')
          .set({ state: JSON.stringify(budget.state) })
          .where(whereKey(key))
          .execute();
        return answer;
      });
    },

    async views(connection) {
      const rows = await db
        .selectFrom('rate_budgets')
        .select(['connection', 'account', 'bucket', 'state', clock(0).as('now')])
        .where('connection', '=', connection)
        .orderBy('account')
        .orderBy('bucket')
        .execute();
      return rows.map(({ state, now, ...key }) => ({
        ...key,
        ...new RateBudget(stateOf(state)).view(Date.parse(now)),
      }));
    },
  };
}

function whereKey({ connection, account, bucket }: RateBudgetKey) {
  return (where: ExpressionBuilder<OpsTables, 'rate_budgets'>) => where.and({ connection, account, bucket });
}

function stateOf(text: string): RateBudgetState | undefined {
  return (JSON.parse(text) as RateBudgetState | null) ?? undefined;
}
