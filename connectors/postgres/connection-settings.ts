import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { databaseConnection, type DatabaseConnection } from '../relational/connection-settings.js';

/** Who is spoken to, and how; checked. */
export type PostgresConnection = DatabaseConnection;

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value. */
export function connectionSettings(connection: JsonObject): PostgresConnection {
  return databaseConnection(connection, {
    name: 'Postgres',
    port: 5432,
    statementTimeoutMs: limits.postgresStatementTimeoutMs,
    schemes: ['postgres', 'postgresql'],
  });
}
