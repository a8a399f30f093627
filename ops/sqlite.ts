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
import { storable } from './storable.js';

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

function guardParameters(statement: SqliteStatement): SqliteStatement {
  return {
    reader: statement.reader,
    all: (parameters) => statement.all(storable(parameters)),
    run: (parameters) => statement.run(storable(parameters)),
    iterate: (parameters) => statement.iterate(storable(parameters)),
  };
}
