import { stat } from 'node:fs/promises';
import type { ColumnSpec } from '../../core/loading/columns.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { quoteName } from '../duckdb/sql-text.js';
import { faultPoint } from '../fault-point.js';
import type { StoredColumn } from '../load/evolution.js';
import type { LoaderFormat, StagedRows } from '../load/stage-batch.js';
import type {
  CommitScript,
  RemoteDialect,
  RemoteEngine,
  Statement,
  StatementTag,
  TemporaryTable,
} from '../remote/engine.js';
import { queryFailure, readingStatement } from '../remote/reading-statement.js';
import type { QueryResult, QueryRow, WarehouseCapabilities } from '../warehouse.js';
import { bigQueryChecksums } from './checksum-sql.js';
import { bigQueryDialect } from './dialect.js';
import { bigQueryFailure } from './failure.js';
import { BigQueryJobs, resourceOf } from './jobs.js';
import { rowsOf } from './rows.js';
import { localType, tableSchema, type SchemaField } from './schema.js';
import type { BigQuerySettings } from './settings.js';
import type { BigQueryWriteApi } from './write-api.js';

/** JSON lines: numbers of any length and decimals as text, instants with their zone, bytes as base64. */
const jsonLines: LoaderFormat = {
  extension: 'ndjson',
  value: (column: ColumnSpec) => {
    const name = quoteName(column.name);
    switch (column.type) {
      case 'int64':
      case 'decimal':
      case 'date':
        return `CAST(${name} AS VARCHAR)`;
      case 'timestamp':
        return `strftime(${name}, '%Y-%m-%d %H:%M:%S.%f UTC')`;
      case 'bytes':
        return `to_base64(${name})`;
      default:
        return name;
    }
  },
  options: () => 'FORMAT json',
};

/** BigQuery by its official client. */
export class BigQueryEngine implements RemoteEngine {
  readonly name = 'bigquery';
  readonly place: string;
  readonly capabilities: WarehouseCapabilities = {
    isShared: true,
    textMaxBytes: limits.recordMaxBytes,
    layout: ['partitionBy', 'clusterBy'],
  };
  readonly dialect: RemoteDialect;
  readonly checksums = bigQueryChecksums;
  readonly format = jsonLines;
  readonly #settings: BigQuerySettings;
  readonly #jobs: BigQueryJobs;
  readonly #warn: (text: string) => void;
  #writeApi: Promise<BigQueryWriteApi> | undefined;
  /** True while the Storage Write API refuses: that is told once. */
  #isRefused = false;

  /** `warn` is told what goes on in another way than was meant. */
  constructor(settings: BigQuerySettings, warn: (text: string) => void = () => undefined) {
    this.#settings = settings;
    this.#warn = warn;
    this.#jobs = new BigQueryJobs(settings, limits.bigQueryClientRetries);
    this.place = `${settings.project}.${settings.dataset}`;
    this.dialect = bigQueryDialect(settings.project, settings.dataset);
  }

  /** The dataset must be there: making one is a right that a loader need not have. */
  async open(): Promise<void> {
    await this.#request(this.#settings.dataset, () => this.#dataset().getMetadata());
  }

  async close(): Promise<void> {
    const writeApi = await this.#writeApi?.catch(() => undefined);
    await Promise.all([this.#jobs.cancelAll(), writeApi?.close()]);
  }

  async run({ sql, binds }: Statement, tag: StatementTag = {}): Promise<readonly QueryRow[]> {
    const isReading = /^SELECT\b/.test(sql);
    return rowsOf(await (isReading ? this.#jobs.read(sql, binds, tag) : this.#jobs.query(sql, binds, tag)));
  }

  async columns(table: string): Promise<readonly StoredColumn[] | undefined> {
    const metadata = await this.#request(table, async () => {
      try {
        return await resourceOf<{ schema?: { fields?: SchemaField[] } }>(this.#dataset().table(table));
      } catch (error) {
        if ((error as { code?: number }).code === 404) return undefined;
        throw error;
      }
    });
    return metadata?.schema?.fields?.map((field) => ({ name: field.name, sqlType: localType(field) }));
  }

  /** A statement that makes a table is a job of a second or more, whether the table is there or not. */
  async hasTable(table: string): Promise<boolean> {
    return (await this.columns(table)) !== undefined;
  }

  /** BigQuery drops them by itself after a while, whatever happens to this process. */
  async createTemporary(tables: readonly TemporaryTable[]): Promise<void> {
    const expirationTime = String(Date.now() + limits.warehouseTemporaryMaxAgeMs);
    const made = await Promise.allSettled(
      tables.map(({ name, columns }) => {
        const schema = { fields: tableSchema(columns) };
        return this.#request(name, () => this.#dataset().createTable(name, { schema, expirationTime }));
      }),
    );
    for (const outcome of made) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** A load job takes seconds, whatever it loads, and is one of a day's quota; a small batch arrives sooner without it, where it may. */
  async upload(table: string, rows: StagedRows, tag: StatementTag): Promise<number> {
    if (!(await this.#isForWriteApi(rows))) return this.#jobs.load(table, rows, tag);
    // Its client is only loaded by whoever uses it.
    this.#writeApi ??= import('./write-api.js').then(
      ({ BigQueryWriteApi: WriteApi }) => new WriteApi(this.#settings),
    );
    const outcome = await (await this.#writeApi).write(table, rows, tag);
    if ('taken' in outcome) {
      this.#isRefused = false;
      return outcome.taken;
    }
    if (!this.#isRefused)
      this.#warn(
        `BigQuery's Storage Write API takes no rows for table "${tag.table ?? table}", which go by a load job: ${outcome.refusal}`,
      );
    this.#isRefused = true;
    return this.#jobs.load(table, rows, tag);
  }

  async dropTables(tables: readonly string[]): Promise<void> {
    await Promise.allSettled(tables.map((table) => this.#dataset().table(table).delete()));
  }

  sweep(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * One job: a script whose statements change nothing unless the fence, the columns and the absence of a marker are as they
   * were planned with. What was wrong is asked for by whoever finds no marker afterwards.
   */
  async commit(script: CommitScript, tag: StatementTag): Promise<void> {
    const statements = [script.lock, ...script.statements(script.guard)];
    const text = ['BEGIN TRANSACTION', ...statements.map(({ sql }) => sql), 'COMMIT TRANSACTION'].join(';\n');
    await this.#jobs.query(
      `${text};`,
      statements.flatMap(({ binds }) => binds),
      tag,
      undefined,
      () => {
        faultPoint('in-commit');
      },
    );
    faultPoint('after-commit');
  }

  async query(sql: string, maxRows: number): Promise<QueryResult> {
    const statement = readingStatement(sql);
    try {
      const result = await this.#jobs.read(statement, [], {}, maxRows + 1);
      const rows = rowsOf(result);
      return {
        columns: result.fields.map(({ name }) => name),
        rows: rows.slice(0, maxRows),
        truncated: rows.length > maxRows,
      };
    } catch (error) {
      throw queryFailure(error);
    }
  }

  describe(): JsonObject {
    const { project, dataset, location = '' } = this.#settings;
    return { type: 'bigquery', project, dataset, location };
  }

  /** Where the address of the service is another one, that of its Storage Write API must be told, too. */
  async #isForWriteApi({ path, rows }: StagedRows): Promise<boolean> {
    const { loadBy, apiEndpoint, writeApiEndpoint } = this.#settings;
    if (loadBy === 'load-job' || (apiEndpoint !== undefined && writeApiEndpoint === undefined)) return false;
    if (rows === 0 || rows > limits.bigQueryWriteMaxRows) return false;
    return (await stat(path)).size <= limits.bigQueryWriteMaxBytes;
  }

  #dataset() {
    return this.#jobs.client.dataset(this.#settings.dataset);
  }

  async #request<Result>(table: string, request: () => Promise<Result>): Promise<Result> {
    try {
      return await request();
    } catch (error) {
      throw bigQueryFailure(error, table);
    }
  }
}
