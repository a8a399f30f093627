import { columnOfDuckDb, duckDbSpelling, duckDbType } from '../duckdb/column-sql.js';
import { quoteName, quoteText } from '../duckdb/sql-text.js';
import type { ColumnSpec } from '../../core/loading/columns.js';
import type { LoadConfig } from '../../core/dag/dag-spec.js';
import { mergeKeyOf, strategyOf, tombstoneKeyOf } from '../../core/loading/load-rules.js';
import type { LoadRequest } from '../warehouse.js';
import type { EvolutionPlan, Refusal, StoredColumn } from './evolution.js';
import { groupDeletionSql, latestOfGroupSql } from './group-deletions.js';
import { groupFirst } from './judge.js';
import { systemColumns } from './system-tables.js';

const { loadId, ingestedAt, position } = systemColumns;

/** Paths of a load's staged files, checked against their hashes. */
export interface LoadFiles {
  /** Relation of the rows; `undefined` where there are none. */
  readonly relation: string | undefined;
  readonly rowCount: number;
  readonly deletes: readonly string[];
  readonly rejects: readonly string[];
}

/**
 * A batch as DuckDB's SQL over its staged files: the same text prepares it for every warehouse, so that what is refused,
 * cast, deleted and superseded within a batch is the same everywhere.
 */
export interface BatchSql {
  /** Rows that the contract refuses: code, pointer, message, raw, position. `undefined` where none can be. */
  readonly refused: string | undefined;
  /** Rows and deletions in the table's columns; `undefined` where the batch has neither. */
  readonly all: string | undefined;
  /** `all` with one row for each key (under `scd2` for each version of a key, and one for each deletion); `all` itself for other dispositions. */
  readonly winners: string | undefined;
  /** `winners` for a batch whose rows all have identities of their own: nothing is to be ordered. */
  readonly allWin: string | undefined;
  /**
   * The different identities (keys; under `scd2` keys, versions and whether it is a deletion) that a merge was given, refused rows
   * among them, with the number of rows of each that go on (`n`) and that are `refused`: one pass over the files says all of it.
   */
  readonly identities: string | undefined;
  readonly hasDeletes: boolean;
}

/** @param tombstones columns of the stored tombstone table, whose types deletions take */
export function batchSql(
  request: LoadRequest,
  plan: EvolutionPlan,
  files: LoadFiles,
  tombstones: readonly StoredColumn[] | undefined,
): BatchSql {
  const { config } = request;
  const source = plan.isWithheld ? undefined : files.relation;
  const refusals = [...plan.refusals, ...nullRefusals(request, plan)];
  const isRefused =
    refusals.length === 0
      ? 'FALSE'
      : `coalesce(${refusals.map(({ condition }) => `(${condition})`).join(' OR ')}, FALSE)`;
  const assigned = plan.assignments.map(({ column, expression }) => `${expression} AS ${quoteName(column)}`);
  const deleted = `${isDeletedSql(request, quoteName)} AS is_deleted`;
  const rows =
    source === undefined
      ? undefined
      : `SELECT ${[...assigned, ...identitySql(request), position, deleted].join(
          ', ',
        )} FROM ${source} WHERE NOT ${isRefused}`;
  const deletes =
    config.disposition !== 'merge' || files.deletes.length === 0
      ? undefined
      : deletesSql(request, plan, files, tombstones);
  const parts = [rows ?? (deletes === undefined ? undefined : shapeSql(plan)), deletes].filter(
    (part) => part !== undefined,
  );
  const all = parts.length === 0 ? undefined : `(${parts.join(' UNION ALL BY NAME ')})`;
  const isMerge = all !== undefined && config.disposition === 'merge';
  const identity = identityOf(config).map((column) => quoteName(column));
  const given = [
    ...(source === undefined
      ? []
      : [`SELECT ${[...assigned, deleted, `${isRefused} AS is_refused`].join(', ')} FROM ${source}`]),
    ...(deletes === undefined
      ? []
      : [`SELECT ${identity.join(', ')}, FALSE AS is_refused FROM (${deletes})`]),
  ];
  return {
    refused: source === undefined || refusals.length === 0 ? undefined : refusedSql(source, refusals),
    all,
    winners: isMerge ? `(${winnersSql(all, config, { hasDeletes: deletes !== undefined })})` : all,
    allWin: isMerge
      ? `(${winnersSql(all, config, { isUnique: true, hasDeletes: deletes !== undefined })})`
      : all,
    identities:
      isMerge && identity.length > 0
        ? `(SELECT count(*) FILTER (NOT is_refused) AS n, count(*) FILTER (is_refused) AS refused FROM (${given.join(' UNION ALL BY NAME ')}) GROUP BY ${identity.join(', ')})`
        : undefined,
    hasDeletes: deletes !== undefined || config.hardDelete !== undefined,
  };
}

/**
 * One row a key of the batch: the greatest version; a deletion before a row of the same version; then source order.
 * Without version columns the ingestion decides, which within a batch is the source order.
 *
 * @param name how the engine writes a column
 * @param isUnique whether no two rows have the same identity
 * @param hasDeletes false where no deletion that came apart from the rows is among them
 */
export function winnersSql(
  source: string,
  config: Pick<LoadConfig, 'disposition' | 'strategy' | 'key' | 'mergeKey' | 'version'>,
  {
    name = quoteName,
    isUnique = false,
    hasDeletes = true,
  }: {
    readonly name?: (column: string) => string;
    readonly isUnique?: boolean;
    readonly hasDeletes?: boolean;
  } = {},
): string {
  const strategy = strategyOf(config);
  const identity = identityOf(config);
  const order = [
    ...config.version.map((column) => `${name(column)} DESC NULLS LAST`),
    'is_deleted DESC',
    `${position} DESC`,
  ];
  const winners =
    identity.length === 0 || isUnique
      ? `SELECT * FROM ${source}`
      : `SELECT * FROM ${source} WHERE TRUE QUALIFY row_number() OVER (PARTITION BY ${identity.map(name).join(', ')} ORDER BY ${order.join(', ')}) = 1`;
  if (strategy !== 'delete-insert') return winners;
  const group = mergeKeyOf(config).map(name).join(', ');
  const isGroup = hasDeletes
    ? groupDeletionSql(config, (column) => (column === 'is_deleted' ? column : name(column)))
    : undefined;
  if (isGroup === undefined)
    return `SELECT *, row_number() OVER (PARTITION BY ${group}, is_deleted ORDER BY ${position}) = 1 AS ${groupFirst} FROM (${winners})`;
  const greatestFirst = [
    ...config.version.slice(0, 1).map((column) => `${name(column)} DESC NULLS LAST`),
    `${position} DESC`,
  ].join(', ');
  const isFirst = `row_number() OVER (PARTITION BY ${group}, is_deleted, ${isGroup} ORDER BY ${greatestFirst}) = 1`;
  return `SELECT *, ${isFirst} AS ${groupFirst} FROM (${winners}) WHERE TRUE QUALIFY ${latestOfGroupSql(config, { isGroup, isFirst, name })}`;
}

/** Columns that tell the rows of a batch apart. A history has room for a version and for a deletion at that version. */
export function identityOf(
  config: Pick<LoadConfig, 'disposition' | 'strategy' | 'key' | 'version'>,
): readonly string[] {
  return strategyOf(config) === 'scd2' ? [...config.key, ...config.version, 'is_deleted'] : config.key;
}

/** Columns without which a row has no place in the table: its key, its group, and (where history is kept) its version. */
export function neededColumns(config: LoadConfig): readonly string[] {
  if (config.disposition !== 'merge') return [];
  const strategy = strategyOf(config);
  const needed = new Set([
    ...config.key,
    ...(strategy === 'delete-insert' ? mergeKeyOf(config) : []),
    ...(strategy === 'scd2' ? config.version : []),
  ]);
  return [...needed];
}

function nullRefusals({ config }: LoadRequest, plan: EvolutionPlan): Refusal[] {
  return neededColumns(config).map((name) => ({
    code: 'KEY_NULL',
    pointer: `/${name}`,
    message: 'a key column is null',
    condition: `${plan.assignments.find(({ column }) => column === name)?.expression ?? quoteName(name)} IS NULL`,
  }));
}

function refusedSql(source: string, refusals: readonly Refusal[]): string {
  const pick = (value: (refusal: Refusal) => string) =>
    `CASE ${refusals.map((refusal) => `WHEN ${refusal.condition} THEN ${quoteText(value(refusal))}`).join(' ')} END`;
  return `SELECT ${pick(({ code }) => code)} AS code, ${pick(({ pointer }) => pointer)} AS pointer, ${pick(({ message }) => message)} AS message,
            CAST(to_json(r) AS VARCHAR) AS raw, ${position} AS position
          FROM ${source} r WHERE ${refusals.map(({ condition }) => `coalesce(${condition}, FALSE)`).join(' OR ')}`;
}

/** Load id and time of the extraction, which every row carries. */
function identitySql({ loadId: id, manifest }: LoadRequest): string[] {
  return [`${quoteText(id)} AS ${loadId}`, `${timestampSql(manifest.ingestedAt)} AS ${ingestedAt}`];
}

/** An ISO instant as DuckDB's TIMESTAMP in UTC. */
export function timestampSql(iso: string): string {
  return `TIMESTAMP ${quoteText(iso.replace('T', ' ').replace('Z', ''))}`;
}

/**
 * Whether a row says that it is deleted: by the value that it came with, whatever the table makes of it.
 *
 * @param name how an engine writes a column
 */
export function isDeletedSql(
  { config, manifest }: Pick<LoadRequest, 'config' | 'manifest'>,
  name: (column: string) => string,
): string {
  const column = flagColumn(config, manifest.columns ?? []);
  if (column === undefined) return 'FALSE';
  const value = name(column.name);
  return column.type === 'boolean' ? `coalesce(${value}, FALSE)` : `${value} IS NOT NULL`;
}

/** The column of a batch that says whether a row is deleted; names that differ in case only are one. */
export function flagColumn(
  { hardDelete }: Pick<LoadConfig, 'hardDelete'>,
  columns: readonly ColumnSpec[],
): ColumnSpec | undefined {
  return columns.find(({ name }) => name.toLowerCase() === hardDelete?.toLowerCase());
}

/** No row, with the names and types of the columns that a deletion lacks. */
function shapeSql(plan: EvolutionPlan): string {
  const columns = [
    ...plan.assignments.map(
      ({ column, type }) => `CAST(NULL AS ${duckDbType(type)}) AS ${quoteName(column)}`,
    ),
    `CAST(NULL AS VARCHAR) AS ${loadId}`,
    `CAST(NULL AS TIMESTAMP) AS ${ingestedAt}`,
    `CAST(NULL AS BIGINT) AS ${position}`,
    'FALSE AS is_deleted',
  ];
  return `SELECT ${columns.join(', ')} WHERE FALSE`;
}

/** Deletions as batch rows: key and version from the file, every other column NULL, after the rows in source order. */
function deletesSql(
  request: LoadRequest,
  plan: EvolutionPlan,
  { deletes, rowCount }: LoadFiles,
  tombstones: readonly StoredColumn[] | undefined,
): string {
  const { config } = request;
  const marks = deletionMarks(config);
  const value = deletedValue([
    ...plan.assignments.map(({ column, type }) => ({ name: column, sqlType: duckDbSpelling(type) })),
    ...(tombstones ?? []),
  ]);
  const offset = rowCount + request.manifest.counts.quarantined;
  return `SELECT ${marks.map((name) => `${value(name)} AS ${quoteName(name)}`).join(', ')}, ${identitySql(request).join(', ')},
      ${String(offset)} + row_number() OVER () AS ${position}, TRUE AS is_deleted
    FROM ${deletesTable(deletes, marks)}`;
}

/** Columns that a deletion may carry. */
export function deletionMarks(config: LoadConfig): readonly string[] {
  return [...new Set([...config.key, ...tombstoneKeyOf(config), ...config.version])];
}

/** Files of deletions as columns of JSON values. */
export function deletesTable(paths: readonly string[], marks: readonly string[]): string {
  return `read_json([${paths.map(quoteText).join(', ')}], format = 'newline_delimited', columns = {${marks.map((name) => `${quoteName(name)}: 'JSON'`).join(', ')}})`;
}

/** The typed value of a key or version column of a deletion, from its JSON member. */
export function deletedValue(columns: readonly StoredColumn[] = []): (name: string) => string {
  const types = new Map(columns.map((column) => [column.name, column.sqlType]));
  return (name) => {
    const text = `(${quoteName(name)} ->> '$')`;
    const type = types.get(name) ?? 'VARCHAR';
    if (type === 'BLOB') return `from_base64(${text})`;
    return type === 'TIMESTAMP'
      ? `CAST(CAST(${text} AS TIMESTAMPTZ) AS TIMESTAMP)`
      : `CAST(${text} AS ${type})`;
  };
}

/** True where the first version column holds an instant or a date. */
export function isVersionTime(config: LoadConfig, columns: readonly StoredColumn[]): boolean {
  const stored = columns.find(({ name }) => name === config.version[0]);
  const type = stored === undefined ? undefined : columnOfDuckDb(stored.name, stored.sqlType).type;
  return type === 'timestamp' || type === 'date';
}
