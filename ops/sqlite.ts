import {
  CompiledQuery,
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type SqliteDatabase,
  type SqliteStatement,
} from 'kysely';
import Database from 'libsql';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { limits } from '../core/limits.js';

/**
 * Everything of the operations store that is particular to SQLite: one file, opened by several processes at once. Readers
 * never wait (WAL); a writer waits `limits.opsBusyTimeoutMs` for another. A commit survives the death of the process; a
 * power cut may take the last ones (`synchronous = NORMAL`), never the file.
 */
export function createSqliteDialect(path: string): Dialect {
  return {
    createAdapter: () => new TransactionalDdlAdapter(),
    createDriver: () => new ImmediateDriver({ database: async () => openDatabase(path) }),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** SQLite takes table changes back with their transaction, so that a migration happens wholly or not at all. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/**
 * A transaction takes the write lock at its start. One that read first and wrote later would fail at once, without
 * waiting, where another process wrote in between; and of two processes that migrate, the second sees what the first did.
 */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

function openDatabase(path: string): SqliteDatabase {
  mkdirSync(dirname(path), { recursive: true });
  // Made here for its mode: the file and its companions are for this user alone.
  closeSync(openSync(path, 'a', 0o600));
  const database = new Database(path);
  database.exec(`PRAGMA busy_timeout = ${String(limits.opsBusyTimeoutMs)}`);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = NORMAL');
  return {
    close: () => {
      database.close();
    },
    prepare: (sql) => guardParameters(database.prepare(sql)),
  };
}

/**
 * The driver ends the whole process on a parameter of a type that it does not know; here that is an error. It reads text
 * up to a NUL only, so that one is stored as the replacement character.
 */
function guardParameters(statement: SqliteStatement): SqliteStatement {
  const check = (parameters: readonly unknown[]) =>
    parameters.map((value) => {
      if (value === null) return value;
      if (typeof value === 'string') return value.replaceAll('\0', '\uFFFD');
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      throw new TypeError(`a parameter of type ${typeof value} cannot be stored`);
    });
  return {
    reader: statement.reader,
    all: (parameters) => statement.all(check(parameters)),
    run: (parameters) => statement.run(check(parameters)),
    iterate: (parameters) => statement.iterate(check(parameters)),
  };
}
