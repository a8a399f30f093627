import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createDuckDbWarehouse, type DuckDbOptions } from '../../connectors/duckdb/index.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import { duckDbType } from '../../connectors/duckdb/column-sql.js';
import { quoteName, quoteText } from '../../connectors/duckdb/sql-text.js';
import { createLocalStaging } from '../../connectors/staging/local.js';
import type { LoadMarker, LoadRequest, QueryRow, Warehouse } from '../../connectors/warehouse.js';
import { defaultContract, type ColumnSpec } from '../../core/loading/columns.js';
import type { LoadConfig } from '../../core/dag/dag-spec.js';
import { intervalKey, type DataInterval } from '../../core/interval.js';
import { zeroCounts, type StagedFile } from '../../core/loading/manifest.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';
import type { StagingStore } from '../../connectors/staging.js';

export interface Batch {
  readonly columns: readonly ColumnSpec[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly deletes?: readonly Readonly<Record<string, unknown>>[];
  readonly rejects?: readonly QuarantineRow[];
  readonly config?: Partial<LoadConfig>;
  readonly interval?: DataInterval;
  readonly loadId?: string;
  readonly fence?: number;
  readonly cursor?: string;
  readonly settles?: readonly string[];
}

/** What a warehouse under test is made from. */
export interface TestParts {
  readonly path: string;
  readonly staging: StagingStore;
  readonly stagedSql: StagedSql;
}

/** A real warehouse, DuckDB unless told otherwise, with staging in a folder, and loads written in a line. */
export class TestWarehouse {
  readonly path: string;
  readonly staging: StagingStore;
  warehouse: Warehouse;
  readonly #sql: StagedSql;
  readonly #make: ((parts: TestParts) => Warehouse) | undefined;
  #clock = Date.parse('2026-01-01T00:00:00Z');

  private constructor(folder: string, sql: StagedSql, make: ((parts: TestParts) => Warehouse) | undefined) {
    this.path = join(folder, 'warehouse.duckdb');
    this.staging = createLocalStaging({ directory: join(folder, 'staging') });
    this.#sql = sql;
    this.#make = make;
    this.warehouse = this.create();
  }

  static async open(folder: string, make?: (parts: TestParts) => Warehouse): Promise<TestWarehouse> {
    const own = join(folder, randomUUID());
    mkdirSync(own, { recursive: true });
    const test = new TestWarehouse(own, await createStagedSql(), make);
    await test.warehouse.open();
    return test;
  }

  /** Another worker's view of the same place; to be opened and closed by the caller. */
  create(options: Partial<DuckDbOptions> = {}): Warehouse {
    const parts = { path: this.path, staging: this.staging, stagedSql: this.#sql };
    return this.#make?.(parts) ?? createDuckDbWarehouse({ ...parts, ...options });
  }

  /** Closes and opens the file anew, as another process would. */
  async reopen(options: Partial<DuckDbOptions> = {}): Promise<void> {
    await this.warehouse.close();
    this.warehouse = this.create(options);
    await this.warehouse.open();
  }

  async close(): Promise<void> {
    await this.warehouse.close();
    this.#sql.close();
  }

  async request(batch: Batch): Promise<LoadRequest> {
    const config: LoadConfig = {
      into: 'items',
      disposition: 'merge',
      key: ['id'],
      version: ['version'],
      contract: defaultContract,
      ...batch.config,
    };
    const files = batch.rows.length === 0 ? [] : [await this.#parquet(batch)];
    const deletes = await this.#ndjson(batch.deletes ?? []);
    const rejects = await this.#ndjson(batch.rejects ?? []);
    const rejected = batch.rejects?.length ?? 0;
    this.#clock += 1_000;
    const content = [...files, ...deletes, ...rejects].map(({ sha256 }) => sha256).join('/');
    return {
      loadId:
        batch.loadId ??
        createHash('sha256')
          .update(`${content}/${JSON.stringify(batch.interval ?? '')}`)
          .digest('hex')
          .slice(0, 40),
      dagId: 'test',
      taskId: 'load',
      workflowId: 'test',
      runId: 'test',
      attempt: 1,
      ...(batch.interval && { interval: batch.interval }),
      config,
      manifest: {
        manifestVersion: 1,
        files,
        deletes,
        rejects,
        counts: {
          ...zeroCounts,
          extracted: batch.rows.length + (batch.deletes?.length ?? 0) + rejected,
          quarantined: rejected,
        },
        contentHash: content,
        columns: batch.columns,
        ...(batch.cursor !== undefined && { cursor: { taskId: 'pull', value: batch.cursor } }),
        ingestedAt: new Date(this.#clock).toISOString(),
      },
      fence: batch.fence ?? (await this.warehouse.claimFence(config.into, intervalKey(batch.interval))),
      ...(batch.settles && { settlesQuarantineIds: batch.settles }),
    };
  }

  async load(batch: Batch): Promise<LoadMarker> {
    return this.warehouse.load(await this.request(batch));
  }

  async rows(sql: string): Promise<readonly QueryRow[]> {
    return (await this.warehouse.query(sql, 100_000)).rows;
  }

  async #parquet({ columns, rows }: Batch): Promise<StagedFile> {
    const texts = rows.map((row, index) =>
      JSON.stringify({
        _millrace_position: String(index),
        ...Object.fromEntries(
          columns.map(({ name }) => [
            name,
            row[name] === undefined || row[name] === null ? null : String(row[name]),
          ]),
        ),
      }),
    );
    const source = await this.staging.write([Buffer.from(`${texts.join('\n')}\n`)], rows.length);
    const target = this.staging.temporaryPath('parquet');
    const names = ['_millrace_position', ...columns.map(({ name }) => name)];
    await this.#sql.run([
      `COPY (SELECT CAST(_millrace_position AS BIGINT) AS _millrace_position, ${columns.map((column) => `${column.type === 'bytes' ? `from_base64(${quoteName(column.name)})` : `CAST(${quoteName(column.name)} AS ${duckDbType(column)})`} AS ${quoteName(column.name)}`).join(', ')}
             FROM read_json(${quoteText(await this.staging.localPath(source))}, format = 'newline_delimited', maximum_object_size = 41943040, columns = {${names.map((name) => `${quoteName(name)}: 'VARCHAR'`).join(', ')}}))
       TO ${quoteText(target)} (FORMAT parquet)`,
    ]);
    return this.staging.adopt(target, 'parquet', rows.length);
  }

  async #ndjson(records: readonly object[]): Promise<StagedFile[]> {
    if (records.length === 0) return [];
    return [
      await this.staging.write(
        [Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''))],
        records.length,
      ),
    ];
  }
}

/** A nullable column. */
export function column(
  name: string,
  type: ColumnSpec['type'],
  precision?: number,
  scale?: number,
): ColumnSpec {
  return { name, type, nullable: true, ...(precision !== undefined && { precision, scale: scale ?? 0 }) };
}
