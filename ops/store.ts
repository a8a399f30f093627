import { Kysely, Migrator, type Dialect } from 'kysely';
import { PipelineError } from '../core/errors/index.js';
import type { RunLedger } from '../core/ledger.js';
import { createLeases, type Leases } from './leases.js';
import { migrations } from './migrations.js';
import { createRunLedger } from './run-ledger.js';
import { createSqliteDialect } from './sqlite.js';
import type { OpsTables } from './tables.js';

/** The operations store: what Millrace remembers of its own work. */
export interface OpsStore {
  readonly path: string;
  readonly ledger: RunLedger;
  readonly leases: Leases;
  close(): Promise<void>;
}

/**
 * Opens the operations store, making and migrating its file where needed. Several processes may open it at once.
 *
 * @throws PipelineError OPS_UNAVAILABLE
 */
export async function openOpsStore({ path }: { readonly path: string }): Promise<OpsStore> {
  const db = await openMigrated(createSqliteDialect(path), path);
  return {
    path,
    ledger: createRunLedger(db),
    leases: createLeases(db),
    close: () => db.destroy(),
  };
}

async function openMigrated(dialect: Dialect, path: string): Promise<Kysely<OpsTables>> {
  const db = new Kysely<OpsTables>({ dialect });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return db;
  await db.destroy();
  throw new PipelineError(
    'OPS_UNAVAILABLE',
    { path, reason: error instanceof Error ? error.message : String(error) },
    { cause: error },
  );
}
