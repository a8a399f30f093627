import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { parse } from 'lossless-json';
import type { TableComparison } from '../../core/reconcile/reconcile.js';
import type { ColumnSpec } from '../../core/loading/columns.js';
import { PipelineError } from '../../core/errors/index.js';
import { intervalKey } from '../../core/interval.js';
import { limits } from '../../core/limits.js';
import { columnOfDuckDb, duckDbType } from '../duckdb/column-sql.js';
import { quoteName } from '../duckdb/sql-text.js';
import { deletedValue, deletionMarks, deletesTable, winnersSql } from '../load/batch-sql.js';
import { loadFiles, writeRows } from '../load/stage-batch.js';
import {
  loadsTable,
  quarantineTable,
  systemColumns,
  temporaryPrefix,
  tombstoneTable,
} from '../load/system-tables.js';
import type { CompareRequest, QueryRow } from '../warehouse.js';
import type { Bind, RemoteDialect } from './engine.js';
import type { RemoteWarehouseOptions } from './warehouse-options.js';

interface CompareDeps extends RemoteWarehouseOptions {
  readonly dialect: RemoteDialect;
}

/** Compares a table with staged rows inside the warehouse; what the source holds is uploaded into a table of its own. */
export async function compareRemote(deps: CompareDeps, request: CompareRequest): Promise<TableComparison> {
  const { engine } = deps;
  const stored = await engine.columns(request.config.into);
  const columns = (request.manifest.columns ?? [])
    .filter(({ name }) => stored === undefined || stored.some((column) => column.name === name))
    .map((column) => {
      const own = stored?.find(({ name }) => name === column.name);
      return own === undefined ? column : columnOfDuckDb(own.name, own.sqlType);
    });
  if (request.manifest.files.length > 0 && columns.length === 0) {
    throw new PipelineError('CONTRACT_BROKEN', {
      table: request.config.into,
      problems: ['the source has no column in common with the table'],
    });
  }
  const stem = `${temporaryPrefix}compare_${randomBytes(6).toString('hex')}`;
  const names = { source: `${stem}_source`, differences: `${stem}_differences` };
  try {
    const sourceRows = await uploadSource(deps, request, columns, names.source);
    const warehouseRows =
      stored === undefined
        ? 0
        : await count(deps, `SELECT count(*) AS n FROM ${deps.dialect.table(request.config.into)}`);
    if (columns.length === 0) return empty(sourceRows, warehouseRows);
    await findDifferences(deps, request, columns, names, stored !== undefined);
    return await report(deps, request, columns, names.differences, { sourceRows, warehouseRows });
  } finally {
    await engine.dropTables(Object.values(names)).catch(() => undefined);
  }
}

function empty(sourceRows: number, warehouseRows: number): TableComparison {
  const samples = { missing: [], extra: [], changed: [], timestampOnly: [] };
  const none = { missing: 0, extra: 0, changed: 0, timestampOnly: 0, inFlight: 0 };
  return { sourceRows, warehouseRows, ...none, samples };
}

/** One row a key of what the source holds now, deleted ones left out. */
async function uploadSource(
  { engine, staging, stagedSql }: CompareDeps,
  { config, manifest }: CompareRequest,
  columns: readonly ColumnSpec[],
  table: string,
): Promise<number> {
  if (columns.length > 0) await engine.createTemporary([{ name: table, columns }], {});
  const files = await loadFiles({ manifest }, staging);
  const parts: string[] = [];
  if (files.relation !== undefined) {
    const values = columns.map(
      (column) => `CAST(${quoteName(column.name)} AS ${duckDbType(column)}) AS ${quoteName(column.name)}`,
    );
    parts.push(
      `SELECT ${values.join(', ')}, ${systemColumns.position}, FALSE AS is_deleted FROM ${files.relation}`,
    );
  }
  if (files.deletes.length > 0 && parts.length > 0) {
    const marks = deletionMarks(config);
    const value = deletedValue([
      ...((await engine.columns(config.into)) ?? []),
      ...((await engine.columns(tombstoneTable(config.into))) ?? []),
    ]);
    parts.push(
      `SELECT ${marks.map((name) => `${value(name)} AS ${quoteName(name)}`).join(', ')}, ${String(manifest.counts.extracted)} + row_number() OVER () AS ${systemColumns.position}, TRUE AS is_deleted FROM ${deletesTable(files.deletes, marks)}`,
    );
  }
  if (parts.length === 0) return 0;
  const all = `(${parts.join(' UNION ALL BY NAME ')})`;
  const rows = config.disposition === 'merge' ? `(${winnersSql(all, config)})` : all;
  const path = staging.temporaryPath(engine.format.extension);
  try {
    const written = await writeRows(
      { stagedSql, format: engine.format },
      `SELECT * FROM ${rows} WHERE NOT is_deleted`,
      columns,
      path,
    );
    if (written > 0) await engine.upload(table, { columns, rows: written, path }, {});
    return written;
  } finally {
    await rm(path, { force: true, recursive: true });
  }
}

/** Fills a table with the key (or, without one, the whole row) and the kind of each difference. */
async function findDifferences(
  { engine, dialect }: CompareDeps,
  request: CompareRequest,
  columns: readonly ColumnSpec[],
  names: { readonly source: string; readonly differences: string },
  hasTable: boolean,
): Promise<void> {
  const { config, interval } = request;
  const hasKey = config.key.length > 0;
  const identity = hasKey ? columns.filter(({ name }) => config.key.includes(name)) : columns;
  const texts = identity.map((_, index) => `k${String(index)}`);
  await engine.createTemporary(
    [
      {
        name: names.differences,
        columns: [...texts, 'kind']
          .map((name): ColumnSpec => ({ name, type: 'string', nullable: true }))
          .concat({ name: 'n', type: 'int64', nullable: true }),
      },
    ],
    {},
  );
  const list = (from: readonly ColumnSpec[]) => from.map(({ name }) => dialect.name(name)).join(', ');
  const binds: Bind[] = [];
  let isOfInterval = '1';
  if (interval !== undefined) {
    isOfInterval = `CASE WHEN ${dialect.name(systemColumns.loadId)} IN (SELECT load_id FROM ${dialect.table(loadsTable.name)} WHERE interval_key = ?) THEN 1 ELSE 0 END`;
    binds.push(intervalKey(interval));
  }
  const source = `(SELECT ${list(columns)}, 1 AS is_in_source FROM ${dialect.table(names.source)})`;
  const target = hasTable
    ? `(SELECT ${list(columns)}, ${isOfInterval} AS is_of_interval FROM ${dialect.table(config.into)})`
    : `(SELECT ${list(columns)}, 1 AS is_of_interval FROM ${dialect.table(names.source)} WHERE 1 = 0)`;
  const texted = (alias: (name: string) => string) =>
    identity
      .map(
        (column, index) => `${dialect.asText(alias(dialect.name(column.name)), column)} AS k${String(index)}`,
      )
      .join(', ');
  const insert = `INSERT INTO ${dialect.table(names.differences)} (${[...texts, 'kind', 'n'].join(', ')})`;
  const sql = hasKey
    ? `${insert} SELECT ${texts.join(', ')}, kind, 1 FROM (
         SELECT ${texted((name) => `coalesce(s.${name}, t.${name})`)}, ${kindSql(request, columns, dialect)} AS kind
         FROM ${source} s FULL JOIN ${target} t ON ${identity.map(({ name }) => `s.${dialect.name(name)} = t.${dialect.name(name)}`).join(' AND ')}
       ) d WHERE kind IS NOT NULL`
    : `${insert} SELECT ${texts.join(', ')}, CASE WHEN n > 0 THEN 'missing' ELSE 'extra' END, abs(n) FROM (
         SELECT ${texts.join(', ')}, sum(m) AS n, max(o) AS is_of_interval FROM (
           SELECT ${texted((name) => `s.${name}`)}, 1 AS m, 1 AS o FROM ${source} s
           UNION ALL SELECT ${texted((name) => `t.${name}`)}, -1 AS m, is_of_interval AS o FROM ${target} t
         ) u GROUP BY ${texts.join(', ')}
       ) g WHERE n > 0 OR (n < 0 AND is_of_interval = 1)`;
  await engine.run({ sql, binds: hasTable ? binds : [] }, {});
}

/** With an interval, a row that a later interval brought up to date is as it should be. */
function kindSql(
  { config, interval }: CompareRequest,
  columns: readonly ColumnSpec[],
  dialect: RemoteDialect,
): string {
  const sameOf = (some: readonly ColumnSpec[]) =>
    some
      .map(({ name }) => `s.${dialect.name(name)} IS NOT DISTINCT FROM t.${dialect.name(name)}`)
      .join(' AND ') || '1 = 1';
  const content = columns.filter(({ name }) => !config.version.includes(name));
  const [version] = config.version;
  const isNewer =
    interval === undefined || version === undefined
      ? 'FALSE'
      : `coalesce(t.${dialect.name(version)} > s.${dialect.name(version)}, FALSE)`;
  return `CASE WHEN t.is_of_interval IS NULL THEN 'missing'
    WHEN s.is_in_source IS NULL THEN CASE WHEN t.is_of_interval = 1 THEN 'extra' END
    WHEN NOT (${sameOf(columns)}) AND NOT ${isNewer} THEN CASE WHEN ${sameOf(content)} THEN 'timestampOnly' ELSE 'changed' END END`;
}

async function report(
  { engine, dialect }: CompareDeps,
  request: CompareRequest,
  columns: readonly ColumnSpec[],
  differences: string,
  rows: Pick<TableComparison, 'sourceRows' | 'warehouseRows'>,
): Promise<TableComparison> {
  const texts = (request.config.key.length > 0 ? request.config.key : columns).map(
    (_, index) => `k${String(index)}`,
  );
  const table = dialect.table(differences);
  const setAside = await keysSetAside({ engine, dialect }, request);
  const totals = await engine.run({
    sql: `SELECT kind, sum(n) AS n FROM ${table} GROUP BY kind`,
    binds: [],
  });
  const counts = new Map(totals.map((row) => [String(row['kind']), Number(row['n'])]));
  const limit = setAside.size === 0 ? request.maxSamples * 4 : limits.compareMaxKeys;
  const found = await engine.run({
    sql: `SELECT ${texts.join(', ')}, kind, n FROM ${table} QUALIFY row_number() OVER (PARTITION BY kind ORDER BY ${texts.join(', ')}) <= ${String(limit)}`,
    binds: [],
  });
  const keyOf = (row: QueryRow) => JSON.stringify(texts.map((name) => row[name] ?? null));
  const open: { kind: string; key: string }[] = [];
  for (const row of found) {
    const kind = String(row['kind']);
    const key = keyOf(row);
    if (setAside.has(key)) counts.set(kind, (counts.get(kind) ?? 0) - Number(row['n']));
    else open.push({ kind, key });
  }
  const figure = (kind: string) => counts.get(kind) ?? 0;
  const samples = (kind: string) =>
    open
      .filter((item) => item.kind === kind)
      .map(({ key }) => key)
      .sort()
      .slice(0, request.maxSamples);
  return {
    ...rows,
    missing: figure('missing'),
    extra: figure('extra'),
    changed: figure('changed'),
    timestampOnly: figure('timestampOnly'),
    inFlight: 0,
    samples: {
      missing: samples('missing'),
      extra: samples('extra'),
      changed: samples('changed'),
      timestampOnly: samples('timestampOnly'),
    },
  };
}

/** Keys of records in quarantine, which are no difference; as the texts of the key columns. */
async function keysSetAside(
  { engine, dialect }: Pick<CompareDeps, 'engine' | 'dialect'>,
  { config, keyNames }: CompareRequest,
): Promise<ReadonlySet<string>> {
  if (config.key.length === 0) return new Set();
  const rows = await engine.run({
    sql: `SELECT raw FROM ${dialect.table(quarantineTable.name)} WHERE table_name = ? AND status = 'open' LIMIT ${String(limits.compareMaxKeys)}`,
    binds: [config.into],
  });
  const keys = new Set<string>();
  for (const { raw } of rows) {
    const record = recordOf(raw);
    if (record === undefined) continue;
    const values = config.key.map((name, index) => {
      const known = (keyNames[index] ?? [name]).find((alias) => Object.hasOwn(record, alias));
      const value = known === undefined ? undefined : record[known];
      return value === undefined || value === null ? null : String(value);
    });
    keys.add(JSON.stringify(values));
  }
  return keys;
}

/** A record with its numbers as they were written; `undefined` for what is no JSON object. */
function recordOf(raw: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof raw !== 'string') return undefined;
  try {
    const value = parse(raw);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

async function count({ engine }: CompareDeps, sql: string): Promise<number> {
  return Number((await engine.run({ sql, binds: [] }))[0]?.['n'] ?? 0);
}
