import { DuckDBInstance } from '@duckdb/node-api';
import { existsSync } from 'node:fs';
import { PipelineError } from '../../core/errors/index.js';
import type { WarehouseReader } from '../warehouse.js';
import { askOwner, findOwner } from './owner.js';
import { readOnlyQuery } from './read-only-query.js';

/**
 * Reads a DuckDB file: through the process that holds it where one does, else from the file, opened read-only.
 *
 * @throws PipelineError WAREHOUSE_UNAVAILABLE when there is no file, or it does not open.
 */
export async function connectDuckDb({ path }: { readonly path: string }): Promise<WarehouseReader> {
  const owner = findOwner(path);
  if (owner !== undefined) {
    return {
      query: (sql, maxRows) => askOwner(owner, sql, maxRows),
      describe: () => ({ type: 'duckdb', path, heldByProcess: owner.pid }),
      close: () => Promise.resolve(),
    };
  }
  if (!existsSync(path)) {
    throw new PipelineError(
      'WAREHOUSE_UNAVAILABLE',
      { warehouse: path, reason: 'the file does not exist yet; a worker makes it' },
      { retryable: false },
    );
  }
  let instance: DuckDBInstance;
  try {
    instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' });
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new PipelineError('WAREHOUSE_UNAVAILABLE', { warehouse: path, reason }, { cause: error });
  }
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  return {
    query: (sql, maxRows) => readOnlyQuery(connection, sql, maxRows),
    describe: () => ({ type: 'duckdb', path }),
    close: () => {
      connection.closeSync();
      instance.closeSync();
      return Promise.resolve();
    },
  };
}
