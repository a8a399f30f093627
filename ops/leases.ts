import type { Kysely } from 'kysely';
import type { OpsTables } from './tables.js';

/** Work that one process does at a time, and how far recurring work has come. */
export interface Leases {
  /** True when `holder` now has the lease for `durationMs`; a lease that ran out goes to whoever asks first. */
  take(name: string, holder: string, durationMs: number): Promise<boolean>;
  /** Gives back what `holder` has; another's lease stays. */
  release(name: string, holder: string): Promise<void>;
  getMark(name: string): Promise<string | undefined>;
  setMark(name: string, value: string): Promise<void>;
}

export function createLeases(db: Kysely<OpsTables>): Leases {
  return {
    async take(name, holder, durationMs) {
      const now = Date.now();
      const expiresAt = new Date(now + durationMs).toISOString();
      const taken = await db
        .insertInto('leases')
        .values({ name, holder, expires_at: expiresAt })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet({ holder, expires_at: expiresAt })
            .where((where) =>
              where.or([
                where('leases.holder', '=', holder),
                where('leases.expires_at', '<', new Date(now).toISOString()),
              ]),
            ),
        )
        .returning('holder')
        .executeTakeFirst();
      return taken !== undefined;
    },

    async release(name, holder) {
      await db.deleteFrom('leases').where('name', '=', name).where('holder', '=', holder).execute();
    },

    async getMark(name) {
      const row = await db.selectFrom('marks').select('value').where('name', '=', name).executeTakeFirst();
      return row?.value;
    },

    async setMark(name, value) {
      await db
        .insertInto('marks')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute();
    },
  };
}
