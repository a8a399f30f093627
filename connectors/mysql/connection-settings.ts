import { isIP } from 'node:net';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { databaseConnection, type DatabaseConnection } from '../relational/connection-settings.js';

/** Who is spoken to, and how; checked. */
export type MysqlConnection = DatabaseConnection;

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value. */
export function connectionSettings(connection: JsonObject): MysqlConnection {
  const settings = databaseConnection(connection, {
    name: 'MySQL',
    port: 3306,
    statementTimeoutMs: limits.mysqlStatementTimeoutMs,
    schemes: ['mysql', 'mariadb'],
  });
  // The driver compares certificates with names only.
  if (settings.sslMode === 'verify-full' && isIP(settings.host) !== 0)
    throw new PipelineError('CONFIG_INVALID', {
      problems: '"sslMode": "verify-full" needs the name of the server as "host", not its address',
    });
  return settings;
}
