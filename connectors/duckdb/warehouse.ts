import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TableComparison } from '../../core/reconcile/reconcile.js';
import type { ColumnSpec } from '../../core/loading/columns.js';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { intervalKey } from '../../core/interval.js';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { DeferredTransforms, StagedFile } from '../../core/loading/manifest.js';
import { committedCursor } from '../cursor.js';
import type { StagingStore } from '../staging.js';
import type {
  ChecksumCompareRequest,
  ChecksumWarehouse,
  Combination,
  CombinationRequest,
  CompareRequest,
  LoadMarker,
  LoadRequest,
  QueryResult,
  StoredValuesRequest,
  Tally,
  Warehouse,
  WarehouseCapabilities,
} from '../warehouse.js';
import { Books } from './books.js';
import { combinations } from './combinations.js';
import { compareTable } from './compare.js';
import { existingValues, storedValues, tally } from './known-values.js';
import { journalPath, LoadJournal } from './load-journal.js';
import type { LoadFiles } from '../load/batch-sql.js';
import { loadFiles } from '../load/stage-batch.js';
import { unnestGaps } from '../load/transform-chain.js';
import { runLoad } from './load-transaction.js';
import { announceOwner, findOwner } from './owner.js';
import { readOnlyQuery } from './read-only-query.js';
import { columnOfDuckDb, duckDbType } from './column-sql.js';
import { refusalOf } from './checksum-sql.js';
import {
  compareBuckets,
  compareKeys,
  tableSide,
  type ChecksumFiles,
  type WarehouseSide,
} from './compare-checksums.js';
import { reconcilesTable, type ReconcileRow } from '../load/system-tables.js';
import { systemTables } from './dialect.js';
import { rowsOf, tableColumns } from './rows.js';
import { WriteGate } from './write-gate.js';

export interface DuckDbOptions {
  /** The database file; its folder is made. */
  readonly path: string;
  readonly staging: StagingStore;
  readonly memoryLimitMb?: number;
  /** Told when a file did not open and was made again from staging. */
  onRebuilt?(report: RebuildReport): void;
}

export interface RebuildReport {
  readonly brokenFile: string;
  readonly loads: number;
  /** Loads whose staged files are gone, as load ids. */
  readonly lost: readonly string[];
}

interface Opened {
  readonly instance: DuckDBInstance;
  readonly books: Books;
}

/** The embedded warehouse: one DuckDB file, held by one process. */
export function createDuckDbWarehouse(options: DuckDbOptions): Warehouse {
  return new DuckDbWarehouse(options);
}

class DuckDbWarehouse implements Warehouse {
  readonly name = 'duckdb';
  readonly capabilities: WarehouseCapabilities = {
    isShared: false,
    textMaxBytes: limits.recordMaxBytes,
    layout: [],
  };
  readonly #options: DuckDbOptions;
  readonly #journal: LoadJournal;
  readonly #gate = new WriteGate();
  /** The last load of each table: loads of one table follow one another. */
  readonly #queues = new Map<string, Promise<unknown>>();
  #database: Opened | undefined;
  #withdraw: (() => Promise<void>) | undefined;

  constructor(options: DuckDbOptions) {
    this.#options = options;
    this.#journal = new LoadJournal(journalPath(options.path));
  }

  async open(): Promise<void> {
    const { path } = this.#options;
    mkdirSync(dirname(path), { recursive: true });
    const owner = findOwner(path);
    if (owner !== undefined && owner.pid !== process.pid)
      throw new PipelineError('WAREHOUSE_LOCKED', { file: path, pid: owner.pid });
    try {
      await this.#openFile();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const lock = /lock/i.test(reason) ? /PID (\d+)/.exec(reason) : null;
      if (lock !== null)
        throw new PipelineError(
          'WAREHOUSE_LOCKED',
          { file: path, pid: lock[1] ?? 'unknown' },
          { cause: error },
        );
      if (!existsSync(path))
        throw new PipelineError(
          'WAREHOUSE_UNAVAILABLE',
          { warehouse: path, reason: reason.split('\n')[0] ?? '' },
          { cause: error },
        );
      await this.#rebuild();
    }
    this.#withdraw = await announceOwner(path, (sql, maxRows) => this.query(sql, maxRows));
  }

  async close(): Promise<void> {
    await this.#withdraw?.();
    this.#withdraw = undefined;
    await this.#journal.close();
    await this.#database?.books.close();
    this.#database?.instance.closeSync();
    this.#database = undefined;
  }

  async findLoad(loadId: string): Promise<LoadMarker | undefined> {
    return this.#opened().books.findLoad(loadId);
  }

  latestCursor(
    dagId: string,
    extractTaskId: string,
    loads?: readonly string[],
  ): Promise<JsonValue | undefined> {
    return this.#use(async (connection) => {
      const rows = await rowsOf(
        connection,
        `SELECT task_id, cursor FROM _millrace_loads WHERE dag_id = $1 AND json_extract_string(cursor, '$.taskId') = $2
         QUALIFY row_number() OVER (PARTITION BY task_id ORDER BY committed_at DESC, rowid DESC) = 1`,
        [dagId, extractTaskId],
      );
      const markers = rows.map((row) => ({
        loadTaskId: String(row['task_id']),
        cursor: String(row['cursor']),
      }));
      return committedCursor(markers, extractTaskId, loads);
    });
  }

  claimFence(table: string, key: string): Promise<number> {
    return this.#inTurn(table, () => this.#gate.together(() => this.#claim(table, key)));
  }

  load(request: LoadRequest): Promise<LoadMarker> {
    return this.#inTurn(request.config.into, async () => {
      const [files, committed] = await Promise.all([
        loadFiles(request, this.#options.staging),
        this.findLoad(request.loadId),
      ]);
      if (committed !== undefined) return committed;
      // Its line reaches the disk while the batch is prepared.
      const journaled = this.#journal.append(request);
      try {
        return await this.#run(request, files, journaled);
      } catch (error) {
        throw classify(error, request.config.into);
      } finally {
        await journaled.catch(() => undefined);
      }
    });
  }

  async compare(request: CompareRequest): Promise<TableComparison> {
    const { files, deletes } = request.manifest;
    const paths = (list: readonly StagedFile[]) =>
      Promise.all(list.map((file) => this.#options.staging.localPath(file)));
    const staged = { rows: await paths(files), deletes: await paths(deletes) };
    return this.#use(async (connection) => {
      try {
        return await compareTable(connection, request, staged);
      } catch (error) {
        throw classify(error, request.config.into);
      }
    });
  }

  readonly checksums: ChecksumWarehouse = {
    refusal: refusalOf,
    compareBuckets: (request) => this.#compareChecksums(request, compareBuckets),
    compareKeys: (request) => this.#compareChecksums(request, compareKeys),
  };

  /** It is the engine of the worker, with the same steps. */
  transformGaps(deferred: DeferredTransforms): readonly string[] {
    return unnestGaps(deferred);
  }

  async recordReconcile(row: ReconcileRow): Promise<void> {
    await this.#gate.together(() =>
      this.#use(async (connection) => {
        const { name, columns } = reconcilesTable;
        const values = columns.map((column, index) => `CAST($${String(index + 1)} AS ${duckDbType(column)})`);
        await connection.run(
          `INSERT INTO ${name} SELECT ${values.join(', ')} WHERE NOT EXISTS (SELECT 1 FROM ${name} WHERE reconcile_id = $1)`,
          [...row],
        );
      }),
    );
  }

  tableColumns(table: string): Promise<readonly ColumnSpec[] | undefined> {
    return this.#use(async (connection) =>
      (await tableColumns(connection, table))?.map(({ name, sqlType }) => columnOfDuckDb(name, sqlType)),
    );
  }

  query(sql: string, maxRows: number): Promise<QueryResult> {
    return this.#use((connection) => readOnlyQuery(connection, sql, maxRows));
  }

  existingValues(table: string, column: string, values: readonly string[]): Promise<readonly string[]> {
    return this.#use((connection) => existingValues(connection, table, column, values));
  }

  storedValues(request: StoredValuesRequest): Promise<readonly (readonly [string, string])[]> {
    return this.#use((connection) => storedValues(connection, request));
  }

  async *combinations(request: CombinationRequest): AsyncGenerator<readonly Combination[]> {
    const connection = await this.#opened().instance.connect();
    try {
      yield* combinations(connection, request);
    } finally {
      connection.closeSync();
    }
  }

  tally(table: string, column: string): Promise<Tally> {
    return this.#use((connection) => tally(connection, table, column));
  }

  quarantinedRows(ids: readonly string[]): Promise<readonly string[]> {
    return this.#use(async (connection) => {
      const rows = await rowsOf(
        connection,
        `SELECT quarantine_id, raw FROM _millrace_quarantine WHERE quarantine_id IN (${ids.map((_, index) => `$${String(index + 1)}`).join(', ') || 'NULL'})`,
        [...ids],
      );
      const byId = new Map(rows.map((row) => [row['quarantine_id'], row['raw']]));
      return ids.map((id) => byId.get(id)).filter((raw) => typeof raw === 'string');
    });
  }

  describe(): { type: string; path: string } {
    return { type: 'duckdb', path: this.#options.path };
  }

  /** Runs a comparison over checked files; what it finds is staged. */
  async #compareChecksums<Request extends ChecksumCompareRequest, Result>(
    request: Request,
    compare: (
      connection: DuckDBConnection,
      request: Request,
      files: ChecksumFiles,
      side: WarehouseSide,
    ) => Promise<Result>,
  ): Promise<Result> {
    const { staging } = this.#options;
    const source = await Promise.all(request.source.map((file) => staging.localPath(file)));
    const side = tableSide(
      request,
      request.within === undefined ? undefined : await staging.localPath(request.within.file),
    );
    return this.#use(async (connection) => {
      try {
        return await compare(connection, request, { source, staging }, side);
      } catch (error) {
        throw classify(error, request.config.into);
      }
    });
  }

  async #openFile(): Promise<void> {
    const { path, memoryLimitMb = limits.warehouseMemoryMb } = this.#options;
    const instance = await DuckDBInstance.create(path, { memory_limit: `${String(memoryLimitMb)}MB` });
    try {
      const connection = await instance.connect();
      // Instants are UTC on every connection, whatever the zone of the machine.
      await connection.run(`SET GLOBAL TimeZone = 'UTC'`);
      const [existing] = await rowsOf(
        connection,
        `SELECT count(*) AS n FROM information_schema.tables WHERE table_name IN ('_millrace_loads', '_millrace_fences', '_millrace_quarantine', '_millrace_reconciles')`,
      );
      if (Number(existing?.['n'] ?? 0) < systemTables.length) {
        for (const statement of systemTables) await connection.run(statement);
        await connection.run('CHECKPOINT');
      }
      connection.closeSync();
      this.#database = { instance, books: new Books(await instance.connect()) };
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  }

  /** Keeps the broken file and its log for a person to look at, and loads everything that the journal names again. */
  async #rebuild(): Promise<void> {
    const { path } = this.#options;
    const brokenFile = `${path}.broken-${new Date().toISOString().replaceAll(':', '')}`;
    renameSync(path, brokenFile);
    if (existsSync(`${path}.wal`)) renameSync(`${path}.wal`, `${brokenFile}.wal`);
    await this.#openFile();
    const lost: string[] = [];
    const requests = await this.#journal.read();
    let loads = 0;
    for (const request of requests) {
      try {
        const files = await loadFiles(request, this.#options.staging);
        if ((await this.findLoad(request.loadId)) !== undefined) continue;
        const fence = await this.#claim(
          request.config.into,
          request.fenceKey ?? intervalKey(request.interval),
        );
        await this.#run({ ...request, fence }, files);
        loads += 1;
      } catch (error) {
        if (!isPipelineError(error)) throw error;
        if (error.code === 'STAGING_MISSING' || error.code === 'STAGING_CORRUPT') lost.push(request.loadId);
      }
    }
    this.#options.onRebuilt?.({ brokenFile, loads, lost });
  }

  #run(request: LoadRequest, files: LoadFiles, journaled?: Promise<void>): Promise<LoadMarker> {
    return this.#use((connection) => runLoad(connection, request, files, this.#gate, journaled));
  }

  async #claim(table: string, key: string): Promise<number> {
    try {
      return await this.#opened().books.claimFence(table, key);
    } catch (error) {
      throw classify(error, table);
    }
  }

  #opened(): Opened {
    if (this.#database !== undefined) return this.#database;
    throw new PipelineError('WAREHOUSE_UNAVAILABLE', {
      warehouse: this.#options.path,
      reason: 'it is not open',
    });
  }

  async #use<Result>(work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> {
    const connection = await this.#opened().instance.connect();
    try {
      return await work(connection);
    } finally {
      connection.closeSync();
    }
  }

  #inTurn<Result>(table: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#queues.get(table) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#queues.set(
      table,
      mine.catch(() => undefined),
    );
    return mine;
  }
}

/** What DuckDB says, as a catalogued error. */
function classify(error: unknown, table: string): unknown {
  if (isPipelineError(error) || !(error instanceof Error)) return error;
  const reason = error.message.split('\n')[0] ?? '';
  // A reader that outlasts the wait for a checkpoint is no fault of the load.
  if (/conflict|Cannot CHECKPOINT/i.test(reason))
    return new PipelineError('WAREHOUSE_CONFLICT', { table }, { cause: error });
  if (/No space left|disk full|could not write/i.test(reason))
    return new PipelineError('DISK_FULL', { what: `table "${table}"`, reason }, { cause: error });
  if (/Out of Memory|IO Error/i.test(reason))
    return new PipelineError('WAREHOUSE_UNAVAILABLE', { warehouse: 'duckdb', reason }, { cause: error });
  return new PipelineError('WAREHOUSE_STATEMENT', { table, reason }, { cause: error });
}
