import {
  PostgresDialect,
  PostgresQueryCompiler,
  type DataTypeNode,
  type Dialect,
  type PostgresPoolClient,
  type QueryCompiler,
} from 'kysely';
import pg from 'pg';
import { limits } from '../core/limits.js';
import type { Secret } from '../security/secret.js';
import { isLostConnection, LostConnectionError, NotConnectedError } from './postgres-errors.js';
import { storable } from './storable.js';

/**
 * Everything of the operations store that is particular to Postgres: a pool of connections to a server that many machines
 * share. A statement and a transaction left open are bounded, so that no process waits for one that hangs; migrations,
 * which wait for one another and may rewrite a table, are not.
 *
 * @param url `postgres://user:password@host:port/database?…`, with the parameters of libpq such as `sslmode`
 */
export function createPostgresDialect(url: Secret, { isMigration = false } = {}): Dialect {
  const pool = new pg.Pool({
    connectionString: url.reveal(),
    max: limits.opsPostgresConnections,
    connectionTimeoutMillis: limits.opsPostgresConnectMs,
    application_name: 'millrace',
    keepAlive: true,
    ...(!isMigration && {
      statement_timeout: limits.opsPostgresStatementMs,
      idle_in_transaction_session_timeout: limits.opsPostgresIdleTransactionMs,
      // The server ends a statement by itself; this is for a server that does not answer at all.
      query_timeout: limits.opsPostgresStatementMs + limits.opsPostgresConnectMs,
    }),
  });
  // The error of a connection that breaks reaches the statement under way; an idle one is replaced by the pool.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return new BinaryTextDialect({
    pool: { connect: async () => guarded(await connect(pool), isMigration), end: () => pool.end() },
  });
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw isLostConnection(error) ? new NotConnectedError(error) : error;
  }
}

/** Stores what may be stored (a migration also asks with other types), and gives a connection that broke back as broken. */
function guarded(client: pg.PoolClient, isMigration: boolean): PostgresPoolClient {
  let isBroken = false;
  const query = async (text: string, parameters: readonly unknown[]) => {
    try {
      return await client.query(text, isMigration ? [...parameters] : storable(parameters));
    } catch (error) {
      if (!isLostConnection(error)) throw error;
      isBroken = true;
      throw new LostConnectionError(error);
    }
  };
  return {
    // The other form of `query`, with a cursor, is used by streams only, and nothing here streams.
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy) => client.release(isBroken || destroy === true),
  };
}

class BinaryTextDialect extends PostgresDialect {
  override createQueryCompiler(): QueryCompiler {
    return new BinaryTextCompiler();
  }
}

/** Texts are compared byte by byte, as SQLite does, whatever the locale of the database. */
class BinaryTextCompiler extends PostgresQueryCompiler {
  protected override visitDataType(node: DataTypeNode): void {
    super.visitDataType(node);
    if (node.dataType === 'text') this.append(' collate "C"');
  }
}
