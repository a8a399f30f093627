import { randomBytes } from 'node:crypto';
import type { TableComparison } from '../../core/reconcile/reconcile.js';
import type { ColumnSpec } from '../../core/loading/columns.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import type { DeferredTransforms } from '../../core/loading/manifest.js';
import { hasTombstones } from '../../core/loading/load-rules.js';
import { columnOfDuckDb } from '../duckdb/column-sql.js';
import { faultPoint } from '../fault-point.js';
import type { EvolutionPlan } from '../load/evolution.js';
import { readLetters, type LetterTables } from '../load/letters.js';
import { transformHere } from '../load/run-transforms.js';
import { columnsOfBatch, loadFiles, stageBatch, type StagedBatch } from '../load/stage-batch.js';
import { assertLoadable, countsOf, mergeNames } from '../load/statements.js';
import {
  temporaryPrefix,
  tombstoneTable,
  validityColumns,
  type ReconcileRow,
} from '../load/system-tables.js';
import { planLoad, tableChanges, type StoredTables } from '../load/table-changes.js';
import type {
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
import { RemoteBooks } from './books.js';
import { changeTables } from './change-tables.js';
import { createRemoteChecksums } from './checksums.js';
import { combinationsStatement } from './combinations.js';
import { commitScript } from './commit-script.js';
import { compareRemote } from './compare.js';
import type { RemoteEngine, StatementTag, TemporaryTable } from './engine.js';
import { chainThere, prepareThere, type PrepareThere } from './prepare-there.js';
import { remoteTransformGaps } from './transform-dialect.js';
import { uploadRows } from './upload-rows.js';
import type { RemoteWarehouseOptions } from './warehouse-options.js';

/**
 * A warehouse on the network. A batch is prepared on this machine, uploaded into tables of its own, and then put in place
 * by one transaction, together with quarantine and marker. Several machines may do so at once: transactions of one table
 * follow one another by its lock row, an interval has one holder by its fence, and a load happens once by its marker.
 */
export class RemoteWarehouse implements Warehouse {
  readonly name: string;
  readonly capabilities: WarehouseCapabilities;
  readonly checksums: ChecksumWarehouse;
  readonly #options: RemoteWarehouseOptions;
  readonly #engine: RemoteEngine;
  readonly #books: RemoteBooks;
  /** The last load of each table: loads of one table by this process follow one another. */
  readonly #queues = new Map<string, Promise<unknown>>();
  #letters: Promise<LetterTables> | undefined;

  constructor(options: RemoteWarehouseOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#books = new RemoteBooks(options.engine);
    this.name = options.engine.name;
    this.checksums = createRemoteChecksums(options);
    this.capabilities = options.engine.capabilities;
  }

  async open(): Promise<void> {
    await this.#engine.open();
    await this.#books.open();
    await this.#engine.sweep();
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  findLoad(loadId: string): Promise<LoadMarker | undefined> {
    return this.#books.findLoad(loadId);
  }

  recordReconcile(row: ReconcileRow): Promise<void> {
    return this.#books.recordReconcile(row);
  }

  latestCursor(...asked: Parameters<Warehouse['latestCursor']>): Promise<JsonValue | undefined> {
    return this.#books.latestCursor(...asked);
  }

  claimFence(table: string, key: string): Promise<number> {
    return this.#books.claimFence(table, key);
  }

  async load(request: LoadRequest): Promise<LoadMarker> {
    const before = this.#queues.get(request.config.into) ?? Promise.resolve();
    const mine = before.then(
      () => this.#load(request),
      () => this.#load(request),
    );
    this.#queues.set(
      request.config.into,
      mine.catch(() => undefined),
    );
    return mine;
  }

  compare(request: CompareRequest): Promise<TableComparison> {
    return compareRemote({ ...this.#options, dialect: this.#engine.dialect }, request);
  }

  async tableColumns(table: string): Promise<readonly ColumnSpec[] | undefined> {
    return (await this.#engine.columns(table))?.map(({ name, sqlType }) => columnOfDuckDb(name, sqlType));
  }

  transformGaps(deferred: DeferredTransforms): readonly string[] {
    return remoteTransformGaps(deferred, this.#engine.dialect);
  }

  async existingValues(table: string, column: string, values: readonly string[]): Promise<readonly string[]> {
    const { dialect } = this.#engine;
    const spec = (await this.tableColumns(table))?.find(({ name }) => name === column);
    if (spec === undefined || values.length === 0) return [];
    const text = dialect.asText(dialect.name(column), spec);
    const rows = await this.#engine.run(
      {
        sql: `SELECT DISTINCT ${text} AS value FROM ${dialect.table(table)} WHERE ${text} IN (${values.map(() => '?').join(', ')})`,
        binds: values,
      },
      { table },
    );
    return rows.map((row) => String(row['value']));
  }

  async storedValues({
    table,
    key,
    column,
    keys,
  }: StoredValuesRequest): Promise<readonly (readonly [string, string])[]> {
    const { dialect } = this.#engine;
    const specs = (await this.tableColumns(table)) ?? [];
    const [keyText, valueText] = [key, column].map((name) => {
      const spec = specs.find((candidate) => candidate.name === name);
      return spec === undefined ? undefined : dialect.asText(dialect.name(name), spec);
    });
    if (keyText === undefined || valueText === undefined || keys.length === 0) return [];
    const rows = await this.#engine.run(
      {
        sql: `SELECT ${keyText} AS k, MAX(${valueText}) AS v FROM ${dialect.table(table)} WHERE ${keyText} IN (${keys.map(() => '?').join(', ')}) AND ${dialect.name(column)} IS NOT NULL GROUP BY ${keyText}`,
        binds: keys,
      },
      { table },
    );
    return rows.map((row) => [String(row['k']), String(row['v'])]);
  }

  async *combinations(request: CombinationRequest): AsyncGenerator<readonly Combination[]> {
    const { table } = request;
    const columns = (await this.tableColumns(table)) ?? [];
    const { statement, width } = combinationsStatement(request, columns, this.#engine.dialect);
    const rows = await this.#engine.run(statement, { table });
    yield rows.map((row) =>
      Array.from({ length: width }, (_, index) => {
        const value = row[`c${String(index)}`] ?? null;
        return value === null ? null : String(value);
      }),
    );
  }

  async tally(table: string, column: string): Promise<Tally> {
    if ((await this.#engine.columns(table)) === undefined) return { rows: 0, greatest: 0 };
    const { dialect } = this.#engine;
    const sql = `SELECT COUNT(*) AS n, MAX(${dialect.name(column)}) AS greatest FROM ${dialect.table(table)}`;
    const [row] = await this.#engine.run({ sql, binds: [] }, { table });
    return { rows: Number(row?.['n'] ?? 0), greatest: Number(row?.['greatest'] ?? 0) };
  }

  query(sql: string, maxRows: number): Promise<QueryResult> {
    return this.#engine.query(sql, maxRows);
  }

  quarantinedRows(ids: readonly string[]): Promise<readonly string[]> {
    return this.#books.quarantinedRows(ids);
  }

  describe(): JsonObject {
    return this.#engine.describe();
  }

  async #load(given: LoadRequest): Promise<LoadMarker> {
    const committed = await this.findLoad(given.loadId);
    if (committed !== undefined) return committed;
    assertLoadable(given);
    const tag: StatementTag = { loadId: given.loadId, runId: given.runId, table: given.config.into };
    const files = await loadFiles(given, this.#options.staging);
    const { plan, version } = await this.#plan(given, tag);
    let remove: StagedBatch['remove'] | undefined;
    const { dialect } = this.#engine;
    const tables = workTables(given);
    try {
      const { request, staged } = await this.#prepare({ request: given, plan, files, tables, tag });
      remove = staged.remove;
      const counts = countsOf(request, {
        loaded: staged.batch?.rows ?? 0,
        unchanged: 0,
        superseded: staged.supersededInBatch,
        quarantined: staged.quarantine?.rows ?? 0,
        withheld: staged.withheld,
      });
      await this.#upload(request, plan, staged, tables, tag);
      faultPoint('before-commit');
      const names = mergeNames(request, plan, dialect, {
        batch: dialect.table(tables.batch),
        judged: dialect.table(tables.judged),
        history: dialect.table(tables.history),
      });
      const script = commitScript({ request, names, staged, tables, version, counts }, dialect);
      return await this.#commit(request, script, tag);
    } finally {
      await remove?.();
      await this.#engine.dropTables(Object.values(tables)).catch(() => undefined);
    }
  }

  /** Makes the batch ready: in the warehouse where transforms were left to it and it can, else on this machine. */
  async #prepare(
    given: Omit<PrepareThere, 'chain'>,
  ): Promise<{ readonly request: LoadRequest; readonly staged: StagedBatch }> {
    const { dialect, format } = this.#engine;
    const { request, plan, files } = given;
    const tombstones = await this.#tombstones(request);
    const deps = { ...this.#options, dialect, format };
    const { deferred } = request.manifest;
    if (deferred === undefined || files.relation === undefined)
      return { request, staged: await stageBatch(deps, request, plan, files, tombstones) };
    this.#letters ??= readLetters(this.#options.stagedSql);
    const chain = chainThere(request, plan, dialect, await this.#letters);
    if (chain !== undefined) return prepareThere(this.#options, { ...given, chain });
    const here = await transformHere(this.#options, request, files);
    try {
      const { request: applied } = here;
      return { request: applied, staged: await stageBatch(deps, applied, plan, here.files, tombstones) };
    } finally {
      await here.remove();
    }
  }

  /** Runs the transaction; a loser of a race that finds its own load committed has what it wanted. */
  async #commit(
    request: LoadRequest,
    script: ReturnType<typeof commitScript>,
    tag: StatementTag,
  ): Promise<LoadMarker> {
    try {
      await this.#engine.commit(script, tag);
    } catch (error) {
      const marker = await this.findLoad(request.loadId).catch(() => undefined);
      if (marker === undefined) throw error;
      return marker;
    }
    const marker = await this.findLoad(request.loadId);
    if (marker !== undefined) return marker;
    const [state] = await this.#engine.run(script.look, tag);
    script.check(state);
    throw new PipelineError('WAREHOUSE_CONFLICT', { table: request.config.into });
  }

  async #plan(
    request: LoadRequest,
    tag: StatementTag,
  ): Promise<{ readonly plan: EvolutionPlan; readonly version: number }> {
    const before = await this.#books.schemaVersion(request.config.into);
    const stored = await this.#stored(request);
    const plan = planLoad(request, stored);
    const changes = tableChanges(request, plan, stored);
    const version = await changeTables(
      { engine: this.#engine, books: this.#books },
      { table: request.config.into, layout: request.config.layout, changes, stored, before, tag },
    );
    return { plan, version };
  }

  async #stored(request: LoadRequest): Promise<StoredTables> {
    return {
      table: await this.#engine.columns(request.config.into),
      tombstones: await this.#tombstones(request),
    };
  }

  async #tombstones({ config }: LoadRequest): Promise<StoredTables['tombstones']> {
    return hasTombstones(config) ? this.#engine.columns(tombstoneTable(config.into)) : undefined;
  }

  async #upload(
    request: LoadRequest,
    plan: EvolutionPlan,
    staged: StagedBatch,
    tables: WorkTables,
    tag: StatementTag,
  ): Promise<void> {
    const made: TemporaryTable[] = [];
    const columns = columnsOfBatch(request, plan, this.#engine.dialect);
    if (staged.batch !== undefined) {
      if (staged.isInPlace !== true) made.push({ name: tables.batch, columns });
      if (request.config.disposition === 'merge') {
        const verdict: ColumnSpec = { name: 'verdict', type: 'string', nullable: false };
        made.push({ name: tables.judged, columns: [...columns, verdict] });
      }
      if (request.config.strategy === 'scd2') {
        const identity = columns.filter(({ name }) =>
          [...request.config.key, ...request.config.version].includes(name),
        );
        made.push({
          name: tables.history,
          columns: [
            ...identity,
            { name: validityColumns.validTo, type: 'timestamp', nullable: true },
            { name: validityColumns.isCurrent, type: 'boolean', nullable: true },
          ],
        });
      }
    }
    if (staged.quarantine !== undefined)
      made.push({ name: tables.quarantine, columns: staged.quarantine.columns });
    if (made.length > 0) await this.#engine.createTemporary(made, tag);
    for (const [table, rows] of [
      [tables.batch, staged.isInPlace === true ? undefined : staged.batch],
      [tables.quarantine, staged.quarantine],
    ] as const)
      if (rows !== undefined) await uploadRows(this.#engine, request, { table, rows }, tag);
  }
}

interface WorkTables {
  /** Rows before transforms that the warehouse applies. */
  readonly source: string;
  readonly batch: string;
  readonly judged: string;
  readonly history: string;
  readonly quarantine: string;
}

/** Names of the tables of one attempt. */
function workTables({ loadId }: LoadRequest): WorkTables {
  const stem = `${temporaryPrefix}${loadId.replaceAll(/[^a-z0-9]/g, '').slice(0, 20)}_${randomBytes(4).toString('hex')}`;
  return {
    source: `${stem}_source`,
    batch: `${stem}_batch`,
    judged: `${stem}_judged`,
    history: `${stem}_history`,
    quarantine: `${stem}_quarantine`,
  };
}
