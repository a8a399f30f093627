import { Kysely, Migrator, type Dialect } from 'kysely';
import { PipelineError } from '../core/errors/index.js';
import type { RunLedger } from '../core/run/ledger.js';
import type { QualityStore } from '../core/quality/quality.js';
import type { RateBudgets } from '../core/rates/rate-state.js';
import { createKeyring, type Keyring } from '../security/keyring.js';
import type { Secret } from '../security/secret.js';
import type { TokenStore } from '../security/token-store.js';
import { createAlarmStore, type AlarmStore } from './alarm-book.js';
import { createConnectionStore, type ConnectionStore } from './connections.js';
import { createHookStore, type HookStore } from './hook-store.js';
import { createLeases, machineClock, postgresClock, type LeaseClock, type Leases } from './leases.js';
import { migrations } from './migrations.js';
import { createTokenStore } from './oauth-tokens.js';
import { persevering } from './persevere.js';
import { createPostgresDialect } from './postgres.js';
import { createRateBudgets } from './rate-budgets.js';
import { rotateKeys, type KeyRotation } from './rotate-keys.js';
import { createQualityStore } from './quality-store.js';
import { createRunLedger } from './run-ledger.js';
import { createSqliteDialect } from './sqlite.js';
import type { OpsTables } from './tables.js';

/** The operations store: what Millrace remembers of its own work. */
export interface OpsStore {
  /** Its place as people call it, without user and password. */
  readonly place: string;
  readonly ledger: RunLedger;
  readonly leases: Leases;
  readonly connections: ConnectionStore;
  readonly tokens: TokenStore;
  readonly alarms: AlarmStore;
  readonly quality: QualityStore;
  readonly rates: RateBudgets;
  readonly hooks: HookStore;
  /** @throws PipelineError SECRET_KEYS_MISSING, SECRET_UNREADABLE; then nothing was changed */
  rotateKeys(): Promise<KeyRotation>;
  close(): Promise<void>;
}

/** Where the store is: a file of SQLite for the processes of one machine, or a database of Postgres for many machines. */
export type OpsPlace =
  { readonly path: string; readonly url?: undefined } | { readonly url: Secret; readonly path?: undefined };

export type OpsStoreOptions = OpsPlace & {
  /** Without one, connections with secrets cannot be read or written. */
  readonly keyring?: Keyring;
};

/**
 * Opens the operations store, making and migrating its tables where needed. Several processes may open it at once. On
 * Postgres an operation survives the loss of its connection, and a restart of the server that is not too long.
 *
 * @throws PipelineError OPS_UNAVAILABLE, also from all operations of a store on Postgres
 */
export async function openOpsStore({
  keyring = createKeyring([]),
  ...place
}: OpsStoreOptions): Promise<OpsStore> {
  return place.url === undefined ? openFile(place.path, keyring) : openServer(place.url, keyring);
}

async function openFile(path: string, keyring: Keyring): Promise<OpsStore> {
  const db = new Kysely<OpsTables>({ dialect: createSqliteDialect(path) });
  const failure = await migrate(db);
  if (failure === undefined) return { place: path, ...storeOf(db, machineClock, keyring) };
  await db.destroy();
  throw new PipelineError(
    'OPS_UNAVAILABLE',
    {
      place: path,
      reason: failure.message,
      hint: 'If the file is damaged, move it away and start again: "millrace run sync" reads the run ledger anew from Temporal.',
    },
    { cause: failure },
  );
}

async function openServer(url: Secret, keyring: Keyring): Promise<OpsStore> {
  const place = serverName(url);
  const unavailable = (error: unknown) =>
    new PipelineError(
      'OPS_UNAVAILABLE',
      {
        place,
        reason: error instanceof Error ? error.message : String(error),
        hint: 'Look whether the server runs and "ops.url" leads to it.',
      },
      { cause: error },
    );
  const opening = {
    migrate: async () => {
      const failure = await migrateAlone(createPostgresDialect(url, { isMigration: true }));
      if (failure !== undefined) throw failure;
    },
  };
  try {
    await persevering(opening, { unavailable }).migrate();
  } catch (error) {
    throw error instanceof PipelineError ? error : unavailable(error);
  }
  const db = new Kysely<OpsTables>({ dialect: createPostgresDialect(url) });
  const { ledger, leases, connections, tokens, alarms, quality, rates, hooks, close, ...others } = storeOf(
    db,
    postgresClock,
    keyring,
  );
  return {
    place,
    ledger: persevering(ledger, { unavailable }),
    leases: persevering(leases, { unavailable }),
    connections: persevering(connections, { unavailable, once: ['add', 'remove'] }),
    // A token that the server has given out must be saved: a save that was done already finds itself, and that is fine.
    tokens: persevering(tokens, { unavailable, plain: ['checkKeys'] }),
    alarms: {
      ...persevering(alarms, { unavailable, plain: ['book'] }),
      book: (delivery) => persevering(alarms.book(delivery), { unavailable }),
    },
    quality: persevering(quality, { unavailable }),
    // A turn that may have been taken is not repeated: its report would count twice.
    rates: persevering(rates, { unavailable, once: ['turn'] }),
    hooks: persevering(hooks, { unavailable, once: ['remove'] }),
    rotateKeys: persevering(others, { unavailable }).rotateKeys,
    close,
  };
}

function storeOf(db: Kysely<OpsTables>, clock: LeaseClock, keyring: Keyring): Omit<OpsStore, 'place'> {
  const leases = createLeases(db, clock);
  return {
    ledger: createRunLedger(db),
    leases,
    connections: createConnectionStore(db, keyring),
    tokens: createTokenStore(db, keyring, leases),
    alarms: createAlarmStore(db),
    quality: createQualityStore(db),
    rates: createRateBudgets(db, clock),
    hooks: createHookStore(db, keyring),
    rotateKeys: () => rotateKeys(db, keyring),
    close: () => db.destroy(),
  };
}

async function migrateAlone(dialect: Dialect): Promise<Error | undefined> {
  const db = new Kysely<OpsTables>({ dialect });
  try {
    return await migrate(db);
  } finally {
    await db.destroy();
  }
}

/** Processes that migrate at once wait for one another: for the write lock of SQLite, for an advisory lock of Postgres. */
async function migrate(db: Kysely<OpsTables>): Promise<Error | undefined> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return undefined;
  return error instanceof Error ? error : new Error(String(error));
}

function serverName(url: Secret): string {
  const { host, pathname } = new URL(url.reveal());
  return `postgres://${host}${pathname}`;
}
