import type { Kysely, Transaction } from 'kysely';
import type { OpsTables } from './tables.js';

/**
 * A transaction that reads before it writes, as if no other were under way: SQLite lets one begin at a time; Postgres takes
 * one back where two were in each other's way, and the store tries it again.
 */
export function oneAtATime<Result>(
  db: Kysely<OpsTables>,
  work: (transaction: Transaction<OpsTables>) => Promise<Result>,
): Promise<Result> {
  return db.transaction().setIsolationLevel('serializable').execute(work);
}
