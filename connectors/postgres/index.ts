import { resolve } from 'node:path';
import type { JsonObject } from '../../core/json.js';
import { PipelineError } from '../../core/errors/index.js';
import type { SourceEnvironment } from '../registry.js';
import type { Source } from '../source.js';
import { createChecksums } from './checksums.js';
import { connectionSettings, type PostgresConnection } from './connection-settings.js';
import { checkOptions, type PostgresOptions } from './options.js';
import { readPostgres } from './read.js';
import { openSession } from './session.js';

/**
 * PostgreSQL 12 and later. Connection: see `connectionSettings`. Streams: `table` and `query`.
 * Source of outside facts: PostgreSQL documentation, "COPY", "JSON Functions", "Client Connection Defaults".
 */
export function createSource({ projectDirectory }: Pick<SourceEnvironment, 'projectDirectory'>): Source {
  const settingsOf = (connection: JsonObject): PostgresConnection => {
    const settings = connectionSettings(connection);
    const { caFile } = settings;
    return caFile === undefined ? settings : { ...settings, caFile: resolve(projectDirectory, caFile) };
  };
  return {
    name: 'postgres',

    read(request, context) {
      const options = optionsOf(request.stream, request.options);
      return readPostgres(settingsOf(request.connection), options, request, context);
    },

    checksums: createChecksums((request) => ({
      connection: settingsOf(request.connection),
      options: optionsOf(request.stream, request.options),
    })),

    async test(connection, { signal }) {
      const settings = settingsOf(connection);
      const session = await openSession(settings, 'millrace connections test', signal);
      try {
        const [row] = await session.rows(testSql);
        const transport = settings.sslMode === 'disable' ? 'no TLS' : `TLS (${settings.sslMode})`;
        return {
          detail: `PostgreSQL ${row?.['version'] ?? '?'}, database ${settings.database}, ${transport}; user ${settings.user} ${row?.['writes'] === 'f' ? 'can only read' : 'can also write: a user that can only read is safer'}`,
        };
      } finally {
        await session.close();
      }
    },
  };
}

/** Whether the user may change a table or make one. */
const testSql = `SELECT current_setting('server_version') AS version,
    has_database_privilege(current_database(), 'CREATE')
    OR EXISTS (SELECT FROM pg_catalog.pg_namespace n
               WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'CREATE'))
    OR EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                 AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) AS writes`;

/** @throws PipelineError CONFIG_INVALID */
function optionsOf(stream: string, options: JsonObject): PostgresOptions {
  const checked = checkOptions(stream, options);
  if ('settings' in checked) return checked.settings;
  throw new PipelineError('CONFIG_INVALID', {
    problems: checked.problems.map((problem) => `postgres.${stream}: ${problem}`),
  });
}
