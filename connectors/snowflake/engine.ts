import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { duckDbSpelling } from '../duckdb/column-sql.js';
import { quoteName } from '../duckdb/sql-text.js';
import { faultPoint } from '../fault-point.js';
import type { StoredColumn } from '../load/evolution.js';
import type { LoaderFormat, StagedRows } from '../load/stage-batch.js';
import { temporaryPrefix } from '../load/system-tables.js';
import type {
  CommitScript,
  RemoteEngine,
  Statement,
  StatementTag,
  TemporaryTable,
} from '../remote/engine.js';
import { queryFailure, readingStatement } from '../remote/reading-statement.js';
import type { QueryResult, QueryRow, WarehouseCapabilities } from '../warehouse.js';
import { snowflakeChecksums } from './checksum-sql.js';
import { logicalName, snowflakeDialect, storedName } from './dialect.js';
import { fewRows } from './few-rows.js';
import { columnNames, rowsOf } from './rows.js';
import type { SnowflakeSession } from './session.js';
import { SnowflakeSessions } from './sessions.js';
import type { SnowflakeSettings } from './settings.js';
import { staleStageFiles } from './stage-files.js';

const stage = '_MILLRACE_STAGE';

/**
 * CSV keeps every value as exact text: NULL is an empty field, an empty text is a pair of quotes. Snowflake reads gzip, and
 * bytes as hexadecimal digits.
 */
const csv: LoaderFormat = {
  extension: 'csv.gz',
  value: (column) => (column.type === 'bytes' ? `hex(${quoteName(column.name)})` : quoteName(column.name)),
  options: (columns) => {
    const texts = columns.filter(({ type }) => type === 'string' || type === 'json');
    const quotes =
      texts.length === 0 ? '' : `, FORCE_QUOTE (${texts.map(({ name }) => quoteName(name)).join(', ')})`;
    return `FORMAT csv, HEADER false, COMPRESSION gzip${quotes}`;
  },
};

/** Snowflake by its official driver. */
export class SnowflakeEngine implements RemoteEngine {
  readonly name = 'snowflake';
  readonly place: string;
  readonly capabilities: WarehouseCapabilities = {
    isShared: true,
    // VARCHAR without a length (Snowflake documentation, "String & binary data types").
    textMaxBytes: 16 * 1024 * 1024,
    layout: ['partitionBy', 'clusterBy'],
  };
  readonly dialect = snowflakeDialect;
  readonly checksums = snowflakeChecksums;
  readonly format = csv;
  readonly #settings: SnowflakeSettings;
  readonly #sessions: SnowflakeSessions;

  constructor(settings: SnowflakeSettings) {
    this.#settings = settings;
    const { driver, database, schema } = settings;
    this.place = [driver.account, database, schema].join('.');
    this.#sessions = new SnowflakeSessions(settings);
  }

  async open(): Promise<void> {
    await this.run({ sql: `CREATE STAGE IF NOT EXISTS "${stage}"`, binds: [] });
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }

  run({ sql, binds }: Statement, tag: StatementTag = {}): Promise<readonly QueryRow[]> {
    return this.#sessions.use(async (session) => rowsOf(await session.run(sql, binds, tag)));
  }

  async columns(table: string): Promise<readonly StoredColumn[] | undefined> {
    const rows = await this.run({
      sql: `SELECT column_name, data_type, numeric_precision, numeric_scale FROM information_schema.columns
            WHERE table_schema = CURRENT_SCHEMA() AND table_name = ? ORDER BY ordinal_position`,
      binds: [storedName(table)],
    });
    if (rows.length === 0) return undefined;
    return rows.map((row) => ({
      name: logicalName(String(row['column_name'])),
      sqlType: localType(
        String(row['data_type']),
        Number(row['numeric_precision']),
        Number(row['numeric_scale']),
      ),
    }));
  }

  async createTemporary(tables: readonly TemporaryTable[], tag: StatementTag): Promise<void> {
    for (const { name, columns } of tables)
      await this.run({ sql: this.dialect.createTemporary(name, columns), binds: [] }, tag);
  }

  async upload(table: string, rows: StagedRows, tag: StatementTag): Promise<number> {
    const few = await fewRows(rows);
    if (few !== undefined) return this.#insertRows(table, rows, few, tag);
    const folder = `${stage}/${storedName(table)}`;
    return this.#sessions.use(async (session) => {
      await session.run(
        `PUT '${pathToFileURL(rows.path).href.replaceAll("'", '%27')}' @${folder} AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = GZIP OVERWRITE = TRUE`,
        [],
        tag,
      );
      const copied = rowsOf(
        await session
          .run(
            `COPY INTO ${this.dialect.table(table)} FROM @${folder}/${basename(rows.path)} FILE_FORMAT = (TYPE = CSV COMPRESSION = GZIP FIELD_OPTIONALLY_ENCLOSED_BY = '"' EMPTY_FIELD_AS_NULL = TRUE NULL_IF = () ESCAPE_UNENCLOSED_FIELD = NONE) PURGE = TRUE ON_ERROR = ABORT_STATEMENT`,
            [],
            tag,
          )
          .catch(async (error: unknown) => {
            // A file that was not copied is not purged either.
            if (session.isUsable) await session.run(`REMOVE @${folder}/`, [], tag).catch(() => undefined);
            throw error;
          }),
      );
      return copied.reduce((sum, row) => sum + Number(row['rows_loaded'] ?? 0), 0);
    });
  }

  async dropTables(tables: readonly string[]): Promise<void> {
    for (const table of tables)
      await this.run({ sql: `DROP TABLE IF EXISTS ${this.dialect.table(table)}`, binds: [] });
  }

  /** Drops tables and files of loads that a dead process left. What cannot be dropped now is dropped by another start. */
  async sweep(): Promise<void> {
    const beforeMs = Date.now() - limits.warehouseTemporaryMaxAgeMs;
    const rows = await this.run({
      sql: `SELECT table_name FROM information_schema.tables WHERE table_schema = CURRENT_SCHEMA() AND STARTSWITH(table_name, ?) AND created < ?`,
      binds: [storedName(temporaryPrefix), new Date(beforeMs).toISOString()],
    }).catch(() => []);
    await this.dropTables(rows.map((row) => logicalName(String(row['table_name'])))).catch(() => undefined);
    const files = await this.run({ sql: `LIST @${stage}`, binds: [] }).catch(() => []);
    for (const path of staleStageFiles(files, beforeMs))
      await this.run({ sql: `REMOVE @${stage}/${path}`, binds: [] }).catch(() => undefined);
  }

  commit(script: CommitScript, tag: StatementTag): Promise<void> {
    return this.#sessions.use(async (session) => {
      const run = ({ sql, binds }: Statement) => session.run(sql, binds, tag);
      await session.run('BEGIN TRANSACTION', [], tag);
      try {
        await run(script.lock);
        script.check(rowsOf(await run(script.look))[0]);
        for (const statement of script.statements(undefined)) await run(statement);
        faultPoint('in-commit');
        await session.run('COMMIT', [], tag);
        faultPoint('after-commit');
      } catch (error) {
        await this.#rollBack(session);
        throw error;
      }
    });
  }

  async query(sql: string, maxRows: number): Promise<QueryResult> {
    const statement = readingStatement(sql);
    return this.#sessions.use(async (session) => {
      try {
        const result = await session.run(statement);
        const rows = rowsOf(result);
        return {
          columns: columnNames(result),
          rows: rows.slice(0, maxRows),
          truncated: rows.length > maxRows,
        };
      } catch (error) {
        throw queryFailure(error);
      }
    });
  }

  describe(): JsonObject {
    const { driver, database, schema } = this.#settings;
    return {
      type: 'snowflake',
      account: driver.account ?? '',
      database,
      schema,
      warehouse: driver.warehouse ?? '',
      role: driver.role ?? '',
    };
  }

  /** A session that cannot be asked any more is ended; Snowflake then rolls back by itself. */
  async #rollBack(session: SnowflakeSession): Promise<void> {
    if (!session.isUsable) return;
    await session.run('ROLLBACK').catch(() => session.close());
  }

  async #insertRows(
    table: string,
    { columns }: StagedRows,
    rows: readonly (readonly (string | null)[])[],
    tag: StatementTag,
  ): Promise<number> {
    if (rows.length === 0) return 0;
    const names = columns.map(({ name }) => this.dialect.name(name)).join(', ');
    const sql = `INSERT INTO ${this.dialect.table(table)} (${names}) VALUES (${columns.map(() => '?').join(', ')})`;
    const [result] = rowsOf(await this.#sessions.use((session) => session.run(sql, rows, tag)));
    return Number(result?.['number of rows inserted'] ?? 0);
  }
}

/** A type of Snowflake as the engine that prepares batches spells its like. */
function localType(dataType: string, precision: number, scale: number): string {
  switch (dataType) {
    case 'NUMBER':
    case 'DECIMAL':
      return precision === 19 && scale === 0
        ? duckDbSpelling({ type: 'int64' })
        : duckDbSpelling({ type: 'decimal', precision, scale });
    case 'FLOAT':
      return duckDbSpelling({ type: 'double' });
    case 'BOOLEAN':
      return duckDbSpelling({ type: 'boolean' });
    case 'DATE':
      return duckDbSpelling({ type: 'date' });
    case 'BINARY':
      return duckDbSpelling({ type: 'bytes' });
    default:
      return dataType.startsWith('TIMESTAMP')
        ? duckDbSpelling({ type: 'timestamp' })
        : duckDbSpelling({ type: 'string' });
  }
}
