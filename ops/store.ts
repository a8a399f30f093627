import { Kysely, Migrator, type Dialect } from 'kysely';
import { PipelineError } from '../core/errors/index.js';
import type { RunLedger } from '../core/ledger.js';
import type { QualityStore } from '../core/quality.js';
import { createKeyring, type Keyring } from '../security/keyring.js';
import type { TokenStore } from '../security/token-store.js';
import { createAlarmStore, type AlarmStore } from './alarm-book.js';
import { createConnectionStore, type ConnectionStore } from './connections.js';
import { createLeases, type Leases } from './leases.js';
import { migrations } from './migrations.js';
import { createTokenStore } from './oauth-tokens.js';
import { rotateKeys, type KeyRotation } from './rotate-keys.js';
import { createQualityStore } from './quality-store.js';
import { createRunLedger } from './run-ledger.js';
import { createSqliteDialect } from './sqlite.js';
import type { OpsTables } from './tables.js';

/** The operations store: what Millrace remembers of its own work. */
export interface OpsStore {
  readonly path: string;
  readonly ledger: RunLedger;
  readonly leases: Leases;
  readonly connections: ConnectionStore;
  readonly tokens: TokenStore;
  readonly alarms: AlarmStore;
  readonly quality: QualityStore;
  /** @throws PipelineError SECRET_KEYS_MISSING, SECRET_UNREADABLE; then nothing was changed */
  rotateKeys(): Promise<KeyRotation>;
  close(): Promise<void>;
}

export interface OpsStoreOptions {
  readonly path: string;
  /** Without one, connections with secrets cannot be read or written. */
  readonly keyring?: Keyring;
}

/**
 * Opens the operations store, making and migrating its file where needed. Several processes may open it at once.
 *
 * @throws PipelineError OPS_UNAVAILABLE
 */
export async function openOpsStore({
  path,
  keyring = createKeyring([]),
}: OpsStoreOptions): Promise<OpsStore> {
  const db = await openMigrated(createSqliteDialect(path), path);
  const leases = createLeases(db);
  return {
    path,
    ledger: createRunLedger(db),
    leases,
    connections: createConnectionStore(db, keyring),
    tokens: createTokenStore(db, keyring, leases),
    alarms: createAlarmStore(db),
    quality: createQualityStore(db),
    rotateKeys: () => rotateKeys(db, keyring),
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
