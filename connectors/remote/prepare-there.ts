import type { ColumnSpec } from '../../core/loading/columns.js';
import type { LoadConfig } from '../../core/dag/dag-spec.js';
import { PipelineError } from '../../core/errors/index.js';
import { mergeKeyOf } from '../../core/loading/load-rules.js';
import { quoteName } from '../duckdb/sql-text.js';
import { batchSql, isDeletedSql, neededColumns, winnersSql, type LoadFiles } from '../load/batch-sql.js';
import type { EvolutionPlan } from '../load/evolution.js';
import type { LetterTables } from '../load/letters.js';
import { afterTransforms, deferredChain } from '../load/run-transforms.js';
import { batchFiles, columnsOfBatch, stageQuarantine, type StagedBatch } from '../load/stage-batch.js';
import { systemColumnSpecs, systemColumns } from '../load/system-tables.js';
import { compileChain, type TransformChain, type TransformCounts } from '../load/transform-chain.js';
import type { LoadRequest } from '../warehouse.js';
import { textBind } from './books.js';
import type { RemoteDialect, RemoteEngine, Statement, StatementTag } from './engine.js';
import type { RemoteWarehouseOptions } from './warehouse-options.js';
import { remoteTransforms } from './transform-dialect.js';
import { uploadRows } from './upload-rows.js';

/** A load that the warehouse prepares. */
export interface PrepareThere {
  readonly request: LoadRequest;
  readonly plan: EvolutionPlan;
  readonly files: LoadFiles;
  /** The transforms in the warehouse's SQL. */
  readonly chain: TransformChain;
  readonly tables: { readonly source: string; readonly batch: string };
  readonly tag: StatementTag;
}

/**
 * The deferred transforms of a load in the warehouse's SQL, where it can prepare the batch: its rows fit the table as they
 * are, there is no deletion among them, and no key is floating point, which BigQuery does not group by.
 */
export function chainThere(
  { config, manifest }: LoadRequest,
  plan: EvolutionPlan,
  dialect: RemoteDialect,
  letters: LetterTables,
): TransformChain | undefined {
  const { deferred, deletes, columns = [] } = manifest;
  const isPlain = plan.assignments.every(({ column, expression }) => expression === quoteName(column));
  const grouped = [...config.key, ...mergeKeyOf(config), ...config.version];
  const isGroupable = columns.every(({ name, type }) => type !== 'double' || !grouped.includes(name));
  if (deferred === undefined || deletes.length > 0 || !isPlain || !isGroupable) return undefined;
  if (plan.refusals.length > 0 || plan.isWithheld || plan.assignments.length === 0) return undefined;
  const chain = compileChain(deferred, remoteTransforms(dialect, letters));
  return 'problems' in chain || chain.gaps.length > 0 ? undefined : chain;
}

/**
 * Sends the rows as they were before the transforms, and has the warehouse make the batch of them: transforms, rows without
 * a key set apart, one row a key. Where there are such rows, the worker writes them for the quarantine, as it would have.
 *
 * @throws PipelineError COUNT_MISMATCH, WAREHOUSE_*
 */
export async function prepareThere(
  { engine, staging, stagedSql }: RemoteWarehouseOptions,
  given: PrepareThere,
): Promise<{ readonly request: LoadRequest; readonly staged: StagedBatch }> {
  const { plan, tables, tag } = given;
  const { deferred } = given.request.manifest;
  const { relation } = given.files;
  const { dagId, taskId, config } = given.request;
  if (deferred === undefined || relation === undefined)
    throw new PipelineError('INTERNAL', { where: config.into, reason: 'no transform is left to the load' });
  const columns = columnsOfBatch(given.request, plan, engine.dialect);
  const sourceColumns: ColumnSpec[] = [
    ...systemColumnSpecs.filter(({ name }) => name === systemColumns.position),
    ...deferred.columns,
  ];
  const { write, remove } = batchFiles({ staging, stagedSql, format: engine.format });
  try {
    const source = await write(`SELECT * FROM ${relation}`, sourceColumns);
    const made = [
      { name: tables.source, columns: sourceColumns },
      { name: tables.batch, columns },
    ];
    await engine.createTemporary(made, tag);
    await uploadRows(engine, given.request, { table: tables.source, rows: source }, tag);
    await engine.run(fillBatch(given, columns, engine.dialect), tag);
    const { transformed, refused, rows } = await counted(engine, given);

    const local = `(${deferredChain(deferred, `${dagId}/${taskId}`).select(relation)})`;
    const { request, files } = afterTransforms(given.request, given.files, transformed, local);
    const refusals = refused === 0 ? undefined : batchSql(request, plan, files, undefined).refused;
    const quarantine = await stageQuarantine(write, request, files, refusals);
    const rejected = request.manifest.rejects.reduce((sum, file) => sum + file.rows, 0);
    const aside = (quarantine?.rows ?? 0) - rejected;
    if (aside !== refused)
      throw new PipelineError('COUNT_MISMATCH', {
        loadId: request.loadId,
        table: config.into,
        counts: `the warehouse sets ${String(refused)} rows aside and the worker ${String(aside)}`,
      });
    return {
      request,
      staged: {
        batch: rows === 0 ? undefined : { columns, rows, path: '' },
        isInPlace: true,
        quarantine,
        supersededInBatch: transformed.rows - refused - rows,
        withheld: 0,
        remove,
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Where the rows of the source table went. */
async function counted(
  engine: RemoteEngine,
  { request, chain, tables, tag }: PrepareThere,
): Promise<{ readonly transformed: TransformCounts; readonly refused: number; readonly rows: number }> {
  const { dialect } = engine;
  const source = dialect.table(tables.source);
  const [steps] = await engine.run({ sql: chain.count(source), binds: [] }, tag);
  const isRefused = refusedSql(request.config, (column) => dialect.name(column));
  const refusedRows = `(SELECT count(*) FROM (${chain.select(source)}) WHERE ${isRefused})`;
  const batchRows = `(SELECT count(*) FROM ${dialect.table(tables.batch)})`;
  const [row] = await engine.run(
    { sql: `SELECT ${refusedRows} AS refused, ${batchRows} AS batched`, binds: [] },
    tag,
  );
  return {
    transformed: chain.read(steps),
    refused: Number(row?.['refused'] ?? 0),
    rows: Number(row?.['batched'] ?? 0),
  };
}

/** A condition that is never NULL. */
function refusedSql(config: LoadConfig, name: (column: string) => string): string {
  const missing = neededColumns(config).map((column) => `${name(column)} IS NULL`);
  return missing.length === 0 ? 'FALSE' : `(${missing.join(' OR ')})`;
}

/** The statement that fills the table of the batch. */
function fillBatch(
  { request: { config, loadId, manifest }, plan, chain, tables }: PrepareThere,
  columns: readonly ColumnSpec[],
  dialect: RemoteDialect,
): Statement {
  const name = (column: string) => dialect.name(column);
  const values = [
    ...plan.assignments.map(({ column }) => name(column)),
    `${textBind(dialect)} AS ${name(systemColumns.loadId)}`,
    `${dialect.instant} AS ${name(systemColumns.ingestedAt)}`,
    name(systemColumns.position),
    `${isDeletedSql({ config, manifest }, name)} AS ${name('is_deleted')}`,
  ];
  const rows = `(${chain.select(dialect.table(tables.source))})`;
  const all = `(SELECT ${values.join(', ')} FROM ${rows} WHERE NOT ${refusedSql(config, name)})`;
  const winners =
    config.disposition === 'merge' ? `(${winnersSql(all, config, { name, hasDeletes: false })})` : all;
  const list = columns.map((column) => name(column.name)).join(', ');
  return {
    sql: `INSERT INTO ${dialect.table(tables.batch)} (${list}) SELECT ${list} FROM ${winners}`,
    binds: [loadId, manifest.ingestedAt],
  };
}
