import { sql, type Kysely, type RawBuilder } from 'kysely';
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

/** The time in so many milliseconds, as ISO 8601 text, by the clock that everybody who takes a lease shares. */
export type LeaseClock = (inMs: number) => RawBuilder<string>;

/** The clock of this machine, for a store that only processes of this machine open. */
export const machineClock: LeaseClock = (inMs) => sql<string>`${new Date(Date.now() + inMs).toISOString()}`;

/** The clock of the Postgres server: those of the machines differ. */
export const postgresClock: LeaseClock = (inMs) =>
  sql<string>`to_char((clock_timestamp() + ${inMs} * interval '1 millisecond') at time zone 'UTC',
    'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

export function createLeases(db: Kysely<OpsTables>, clock: LeaseClock): Leases {
  return {
    async take(name, holder, durationMs) {
      const taken = await db
        .insertInto('leases')
        .values({ name, holder, expires_at: clock(durationMs) })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet(({ ref }) => ({ holder, expires_at: ref('excluded.expires_at') }))
            .where((where) =>
              where.or([where('leases.holder', '=', holder), where('leases.expires_at', '<', clock(0))]),
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
