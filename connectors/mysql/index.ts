import { resolve } from 'node:path';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import type { SourceEnvironment } from '../registry.js';
import type { Source } from '../source.js';
import { createChecksums } from './checksums.js';
import { connectionSettings, type MysqlConnection } from './connection-settings.js';
import { checkOptions, type MysqlOptions } from './options.js';
import { readMysql } from './read.js';
import { openSession } from './session.js';

/**
 * MySQL 8.0 and later, MariaDB 10.6 and later. Connection: see `connectionSettings`. Streams: `table` and `query`.
 * Source of outside facts: MySQL Reference Manual, "Data Types", "Consistent Nonlocking Reads"; MariaDB documentation.
 */
export function createSource({ projectDirectory }: Pick<SourceEnvironment, 'projectDirectory'>): Source {
  const settingsOf = (connection: JsonObject): MysqlConnection => {
    const settings = connectionSettings(connection);
    const { caFile } = settings;
    return caFile === undefined ? settings : { ...settings, caFile: resolve(projectDirectory, caFile) };
  };
  return {
    name: 'mysql',

    read(request, context) {
      const options = optionsOf(request.stream, request.options);
      return readMysql(settingsOf(request.connection), options, request, context);
    },

    checksums: createChecksums((request) => ({
      connection: settingsOf(request.connection),
      options: optionsOf(request.stream, request.options),
    })),

    async test(connection, { signal }) {
      const settings = settingsOf(connection);
      const session = await openSession(settings, 'millrace connections test', signal);
      try {
        const isWriter = (await session.rows(testSql))[0]?.['writes'] !== null;
        const transport = settings.sslMode === 'disable' ? 'no TLS' : `TLS (${settings.sslMode})`;
        const product = /mariadb/i.test(session.version) ? 'MariaDB' : 'MySQL';
        return {
          detail: `${product} ${session.version}, database ${settings.database}, ${transport}; user ${settings.user} ${isWriter ? 'can also write: a user that can only read is safer' : 'can only read'}`,
        };
      } finally {
        await session.close();
      }
    },
  };
}

const changes = `PRIVILEGE_TYPE IN ('INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'ALTER', 'SUPER', 'FILE', 'GRANT OPTION')`;
/** A privilege to change something that the user has, on the server, a database or a table; it sees its own alone. */
const testSql = `SELECT COALESCE(
    (SELECT MIN(PRIVILEGE_TYPE) FROM information_schema.USER_PRIVILEGES WHERE ${changes}),
    (SELECT MIN(PRIVILEGE_TYPE) FROM information_schema.SCHEMA_PRIVILEGES WHERE ${changes}),
    (SELECT MIN(PRIVILEGE_TYPE) FROM information_schema.TABLE_PRIVILEGES WHERE ${changes})) AS writes`;

/** @throws PipelineError CONFIG_INVALID */
function optionsOf(stream: string, options: JsonObject): MysqlOptions {
  const checked = checkOptions(stream, options);
  if ('settings' in checked) return checked.settings;
  throw new PipelineError('CONFIG_INVALID', {
    problems: checked.problems.map((problem) => `mysql.${stream}: ${problem}`),
  });
}
