import type { Kysely, Transaction } from 'kysely';
import { PipelineError } from '../core/errors/index.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import { limits } from '../core/limits.js';
import type { Keyring } from '../security/keyring.js';
import { secretMask } from '../security/secret.js';
import { checkChange, collides, leavesOf, objectOf, type OptionChange } from './option-paths.js';
import { oneAtATime } from './one-at-a-time.js';
import type { ConnectionOptionRow, OpsTables } from './tables.js';

/** A connection of the operations store as anybody may see it: secrets are masked. */
export interface StoredConnection {
  readonly name: string;
  readonly connector: string;
  readonly options: JsonObject;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Looks at all options of a connection, secrets in the clear, before they are kept. */
export type OptionCheck = (options: JsonObject) => void;

/** Named connections that are kept in the operations store, their secrets encrypted. */
export interface ConnectionStore {
  list(): Promise<readonly StoredConnection[]>;
  get(name: string): Promise<StoredConnection | undefined>;
  /** Connector and options with secrets in the clear. Never log it. @throws PipelineError SECRET_* */
  reveal(name: string): Promise<JsonObject | undefined>;
  /** @throws PipelineError CONNECTION_EXISTS, CONNECTION_INVALID, SECRET_*, or what `check` throws; then nothing is kept */
  add(name: string, connector: string, change: OptionChange, check?: OptionCheck): Promise<void>;
  /** @throws PipelineError CONNECTION_UNKNOWN, CONNECTION_INVALID, SECRET_*, or what `check` throws; then nothing changes */
  update(name: string, change: OptionChange, check?: OptionCheck): Promise<void>;
  /** Takes its secrets and tokens with it; false where there is none. */
  remove(name: string): Promise<boolean>;
}

export function createConnectionStore(db: Kysely<OpsTables>, keyring: Keyring): ConnectionStore {
  const reveal = async (from: Kysely<OpsTables>, name: string): Promise<JsonObject> => {
    const rows = await from
      .selectFrom('connection_options')
      .selectAll()
      .where('connection', '=', name)
      .orderBy('path')
      .execute();
    const leaves = rows.map(({ path, value, sealed }): [string, JsonValue] => [
      path,
      sealed === null ? parse(value) : keyring.open(sealed, { connection: name, path }),
    ]);
    return objectOf(new Map(leaves));
  };
  const sealedRows = (name: string, { set = {}, secrets = {} }: OptionChange): ConnectionOptionRow[] => [
    ...[...leavesOf(set)].map(([path, value]) => ({
      connection: name,
      path,
      value: JSON.stringify(value),
      sealed: null,
    })),
    ...Object.entries(secrets).map(([path, text]) => ({
      connection: name,
      path,
      value: null,
      sealed: keyring.seal(text, { connection: name, path }),
    })),
  ];

  return {
    async list() {
      const rows = await db.selectFrom('connections').selectAll().orderBy('name').execute();
      const options = await db.selectFrom('connection_options').selectAll().orderBy('path').execute();
      return rows.map((row) => ({
        name: row.name,
        connector: row.connector,
        options: maskedOptions(options.filter(({ connection }) => connection === row.name)),
        createdAt: row.created_at,
        updatedAt: row.updated_at,
      }));
    },

    async get(name) {
      return (await this.list()).find((connection) => connection.name === name);
    },

    async reveal(name) {
      const row = await db
        .selectFrom('connections')
        .select('connector')
        .where('name', '=', name)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      return { ...(await reveal(db, name)), connector: row.connector };
    },

    async add(name, connector, change, check) {
      checkChange(name, change);
      const rows = sealedRows(name, change);
      const now = new Date().toISOString();
      await oneAtATime(db, async (transaction) => {
        const added = await transaction
          .insertInto('connections')
          .values({ name, connector, created_at: now, updated_at: now })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .returning('name')
          .executeTakeFirst();
        if (added === undefined) {
          throw new PipelineError('CONNECTION_EXISTS', {
            connection: name,
            where: 'in the operations store',
            hint: `change it with "millrace connections update ${name}"`,
          });
        }
        await writeOptions(transaction, name, rows);
        check?.(await reveal(transaction, name));
      });
    },

    async update(name, change, check) {
      checkChange(name, change);
      const rows = sealedRows(name, change);
      await oneAtATime(db, async (transaction) => {
        const updated = await transaction
          .updateTable('connections')
          .set({ updated_at: new Date().toISOString() })
          .where('name', '=', name)
          .returning('name')
          .executeTakeFirst();
        if (updated === undefined) throw new PipelineError('CONNECTION_UNKNOWN', { connection: name });
        for (const path of change.unset ?? []) await deleteOptions(transaction, name, path, false);
        await writeOptions(transaction, name, rows);
        check?.(await reveal(transaction, name));
      });
    },

    async remove(name) {
      return oneAtATime(db, async (transaction) => {
        await transaction.deleteFrom('oauth_tokens').where('connection', '=', name).execute();
        await transaction.deleteFrom('rate_budgets').where('connection', '=', name).execute();
        await transaction.deleteFrom('connection_options').where('connection', '=', name).execute();
        const removed = await transaction
          .deleteFrom('connections')
          .where('name', '=', name)
          .returning('name')
          .executeTakeFirst();
        return removed !== undefined;
      });
    },
  };
}

async function writeOptions(
  transaction: Transaction<OpsTables>,
  name: string,
  rows: readonly ConnectionOptionRow[],
): Promise<void> {
  for (const row of rows) {
    await deleteOptions(transaction, name, row.path, true);
    await transaction.insertInto('connection_options').values(row).execute();
  }
  const count = await transaction
    .selectFrom('connection_options')
    .select('path')
    .where('connection', '=', name)
    .execute();
  if (count.length > limits.connectionMaxOptions) {
    throw new PipelineError('CONNECTION_INVALID', {
      connection: name,
      problems: `it has ${String(count.length)} options, over ${String(limits.connectionMaxOptions)}`,
    });
  }
}

/** The option, what lies under it and, before a new value, what stands above it. */
async function deleteOptions(
  transaction: Transaction<OpsTables>,
  name: string,
  path: string,
  withAbove: boolean,
): Promise<void> {
  const rows = await transaction
    .selectFrom('connection_options')
    .select('path')
    .where('connection', '=', name)
    .execute();
  for (const row of rows) {
    if (!collides(row.path, path)) continue;
    if (!withAbove && path.startsWith(`${row.path}.`)) continue;
    await transaction
      .deleteFrom('connection_options')
      .where('connection', '=', name)
      .where('path', '=', row.path)
      .execute();
  }
}

function maskedOptions(rows: readonly ConnectionOptionRow[]): JsonObject {
  return objectOf(
    new Map(rows.map(({ path, value, sealed }) => [path, sealed === null ? parse(value) : secretMask])),
  );
}

function parse(value: string | null): JsonValue {
  return JSON.parse(value ?? 'null') as JsonValue;
}
