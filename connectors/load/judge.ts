import type { LoadStrategy } from '../../core/dag/dag-spec.js';
import { hasTombstones } from '../../core/loading/load-rules.js';
import type { SqlDialect } from './dialect.js';
import { groupDeletionSql } from './group-deletions.js';
import { systemColumns } from './system-tables.js';

const { ingestedAt, loadId, position } = systemColumns;

/** What the statements of one merge are made from. Names are unquoted; tables are SQL. */
export interface MergeNames {
  readonly strategy: LoadStrategy;
  /** The target, its tombstones, and the tables of this load: its rows, its rows with verdicts, and what `scd2` works in. */
  readonly table: string;
  readonly tombstones: string;
  /** False where neither the table nor the batch has a deletion, so that nobody need look for one. */
  readonly hasDeletions?: boolean;
  readonly batch: string;
  readonly judged: string;
  /** The rows of the batch with verdicts, as SQL to read from, where `judged` has their key and version only. */
  readonly judgedRows?: string;
  /** The stored rows that have a key of the batch, as SQL to read from, where that is quicker than reading the table. */
  readonly stored?: string;
  readonly history: string;
  readonly key: readonly string[];
  readonly mergeKey: readonly string[];
  readonly version: readonly string[];
  /** Table columns that the batch fills, and those of the author's that it lacks. */
  readonly columns: readonly string[];
  readonly missing: readonly string[];
  /** True where the first version column is an instant or a date, from which `scd2` takes the time of validity. */
  readonly isVersionTime: boolean;
}

/** Flag of the one row that stands for its group (`mergeKey`). */
export const groupFirst = 'is_group_first';

/** Columns of the batch table and of the judged table, which has `verdict` beside them. */
export function batchColumns(names: Pick<MergeNames, 'columns' | 'strategy'>): string[] {
  return [
    ...names.columns,
    loadId,
    ingestedAt,
    position,
    'is_deleted',
    ...(names.strategy === 'delete-insert' ? [groupFirst] : []),
  ];
}

/** How a stored row (`s`) is compared with the row of its key in the batch (`b`), as SQL. */
export interface Comparison {
  readonly isSame: string;
  /** True where the batch's row was extracted after the stored one. */
  readonly isLater: string;
}

/** By every column that the batch fills. */
export function wholeComparison({ columns }: MergeNames, dialect: SqlDialect): Comparison {
  const [at, place] = [dialect.name(ingestedAt), dialect.name(position)];
  return {
    isSame: areEqual(columns, dialect),
    isLater: `(b.${at} > s.${at} OR (b.${at} = s.${at} AND b.${place} > s.${place}))`,
  };
}

/**
 * By version alone, which reads no other column. Rows of one version count as the same: where a verdict rests on that
 * (`unchanged`), the whole comparison has to decide.
 */
export function versionComparison({ version }: MergeNames, dialect: SqlDialect): Comparison {
  return { isSame: areEqual(version, dialect), isLater: 'FALSE' };
}

function areEqual(columns: readonly string[], dialect: SqlDialect): string {
  return columns
    .map((name) => `b.${dialect.name(name)} IS NOT DISTINCT FROM s.${dialect.name(name)}`)
    .join(' AND ');
}

/**
 * Each batch row with its verdict against what is stored:
 * `loaded` changes the table, `unchanged` is there already, `superseded` is older than the row or tombstone there, and
 * `raised` deletes what is deleted already, at a later version.
 */
export function judgeSql(names: MergeNames, dialect: SqlDialect): string {
  const columns = batchColumns(names).map((name) => `b.${dialect.name(name)}`);
  return verdictsSql(names, dialect, wholeComparison(names, dialect), columns);
}

/** The verdict on each batch row (`b`), beside such SQL of it as the caller wants. */
export function verdictsSql(
  names: MergeNames,
  dialect: SqlDialect,
  compared: Comparison,
  columns: readonly string[],
): string {
  const [verdict, joins] = verdictSql(names, dialect, compared);
  return `SELECT ${columns.join(', ')}, ${verdict} AS verdict FROM ${names.batch} b ${joins.join(' ')}`;
}

/** The condition that pairs rows of `a` and `b` by columns. */
export function match(dialect: SqlDialect, a: string, b: string, columns: readonly string[]): string {
  return columns.map((name) => `${a}.${dialect.name(name)} = ${b}.${dialect.name(name)}`).join(' AND ');
}

function verdictSql(names: MergeNames, dialect: SqlDialect, compared: Comparison): [string, string[]] {
  switch (names.strategy) {
    case 'delete-insert':
      return groupVerdict(names, dialect);
    case 'insert-only':
      return insertOnlyVerdict(names, dialect, compared);
    case 'scd2':
      return historyVerdict(names, dialect, compared);
    case 'upsert':
    case 'truncate-insert':
    case 'staged-swap':
      return upsertVerdict(names, dialect, compared);
  }
}

function upsertVerdict(names: MergeNames, dialect: SqlDialect, compared: Comparison): [string, string[]] {
  const column = (alias: string, name: string) => `${alias}.${dialect.name(name)}`;
  const [firstKey = ''] = names.key;
  const hasRow = `${column('s', firstKey)} IS NOT NULL`;
  const hasDeletions = names.hasDeletions ?? true;
  const hasTombstone = `${column('t', firstKey)} IS NOT NULL`;
  const versions = names.version.length > 0 ? names.version : [ingestedAt];
  const older = (a: string, b: string) => isOlder(dialect, a, b, versions);
  const tombstone = hasDeletions
    ? `WHEN ${hasTombstone} AND b.is_deleted THEN CASE
        WHEN ${older('t', 'b')} THEN 'raised'
        WHEN ${older('b', 't')} THEN 'superseded'
        ELSE 'unchanged' END
      WHEN ${hasTombstone} THEN CASE WHEN ${older('t', 'b')} THEN 'loaded' ELSE 'superseded' END`
    : '';
  return [
    `CASE
      WHEN ${hasRow} AND b.is_deleted THEN CASE WHEN ${older('b', 's')} THEN 'superseded' ELSE 'loaded' END
      WHEN ${hasRow} THEN CASE
        WHEN ${compared.isSame} THEN 'unchanged'
        WHEN ${older('b', 's')} THEN 'superseded'
        WHEN ${older('s', 'b')} OR ${compared.isLater} THEN 'loaded'
        ELSE 'superseded' END
      ${tombstone}
      ELSE 'loaded' END`,
    [
      `LEFT JOIN ${names.stored ?? names.table} s ON ${match(dialect, 'b', 's', names.key)}`,
      ...(hasDeletions ? [`LEFT JOIN ${names.tombstones} t ON ${match(dialect, 'b', 't', names.key)}`] : []),
    ],
  ];
}

/** A stored row is never touched; a deletion has nothing to say. */
function insertOnlyVerdict(names: MergeNames, dialect: SqlDialect, compared: Comparison): [string, string[]] {
  const hasRow = `s.${dialect.name(names.key[0] ?? '')} IS NOT NULL`;
  return [
    `CASE WHEN b.is_deleted THEN 'superseded'
      WHEN ${hasRow} THEN CASE WHEN ${compared.isSame} THEN 'unchanged' ELSE 'superseded' END
      ELSE 'loaded' END`,
    [`LEFT JOIN ${names.table} s ON ${match(dialect, 'b', 's', names.key)}`],
  ];
}

/**
 * A group is replaced as a whole, unless the table holds a later version of it, or remembers that it was deleted at that
 * version or a later one. A deletion takes the rows of its key away, or those of its group where it names that alone, unless
 * one of them is later. What has neither deletes none.
 */
function groupVerdict(names: MergeNames, dialect: SqlDialect): [string, string[]] {
  const { key, mergeKey } = names;
  const value = (column: string) => `b.${dialect.name(column)}`;
  const isGroup = groupDeletionSql({ disposition: 'merge', ...names }, (column) =>
    column === 'is_deleted' ? 'b.is_deleted' : value(column),
  );
  const [version] = names.version;
  const idle = key.length === 0 ? `WHEN b.is_deleted THEN 'unchanged' ` : '';
  if (version === undefined) {
    const taken = isGroup === undefined ? '' : `WHEN ${isGroup} THEN 'loaded' `;
    return [`CASE ${taken}${idle}WHEN TRUE THEN 'loaded' END`, []];
  }
  const column = dialect.name(version);
  const ofGroup = `max(b.${column}) OVER (PARTITION BY ${mergeKey.map(value).join(', ')}, b.is_deleted)`;
  const isLate = (stored: string, delivered: string) =>
    `(${stored}.greatest > ${delivered} OR (${stored}.greatest IS NOT NULL AND ${delivered} IS NULL))`;
  const greatestOf = (table: string, columns: readonly string[], alias: string) => {
    const list = columns.map((name) => dialect.name(name)).join(', ');
    return `LEFT JOIN (SELECT ${list}, max(${column}) AS greatest FROM ${table} GROUP BY ${list}) ${alias} ON ${match(dialect, 'b', alias, columns)}`;
  };
  const isThere = (alias: string) => `${alias}.${dialect.name(mergeKey[0] ?? '')} IS NOT NULL`;
  const isRemembered = remembersGroups(names);
  const ofDeletion =
    isGroup === undefined
      ? ''
      : `WHEN ${isGroup} THEN CASE WHEN ${isLate('g', `b.${column}`)} THEN 'superseded' ${
          isRemembered
            ? `WHEN ${isLate('t', `b.${column}`)} THEN 'superseded'
               WHEN ${isThere('g')} THEN 'loaded'
               WHEN ${isThere('t')} AND t.greatest IS NOT DISTINCT FROM b.${column} THEN 'unchanged'
               WHEN ${isThere('t')} THEN 'raised' `
            : ''
        }ELSE 'loaded' END `;
  const ofKey =
    key.length === 0
      ? ''
      : `WHEN b.is_deleted THEN CASE WHEN ${isLate('k', `b.${column}`)} THEN 'superseded' ELSE 'loaded' END `;
  const ofRows = isRemembered
    ? `WHEN ${isThere('t')} AND NOT coalesce(t.greatest < ${ofGroup}, t.greatest IS NULL AND ${ofGroup} IS NOT NULL) THEN 'superseded' `
    : '';
  return [
    `CASE ${ofDeletion}${idle}${ofKey}${ofRows}WHEN ${isLate('g', ofGroup)} THEN 'superseded' ELSE 'loaded' END`,
    [
      greatestOf(names.table, mergeKey, 'g'),
      ...(key.length === 0 ? [] : [greatestOf(names.table, key, 'k')]),
      ...(isRemembered ? [greatestOf(names.tombstones, mergeKey, 't')] : []),
    ],
  ];
}

/** True where deletions of groups are to be looked up and kept. */
export function remembersGroups(names: MergeNames): boolean {
  return names.hasDeletions !== false && hasTombstones({ disposition: 'merge', ...names });
}

/** Each version of a key is a row of its own. */
function historyVerdict(names: MergeNames, dialect: SqlDialect, compared: Comparison): [string, string[]] {
  const identity = [...names.key, ...names.version];
  const [firstKey = ''] = names.key;
  return [
    `CASE
      WHEN b.is_deleted THEN CASE WHEN t.${dialect.name(firstKey)} IS NULL THEN 'loaded' ELSE 'unchanged' END
      WHEN s.${dialect.name(firstKey)} IS NULL THEN 'loaded'
      WHEN ${compared.isSame} THEN 'unchanged'
      WHEN ${compared.isLater} THEN 'loaded'
      ELSE 'superseded' END`,
    [
      `LEFT JOIN ${names.table} s ON ${match(dialect, 'b', 's', identity)}`,
      `LEFT JOIN ${names.tombstones} t ON ${match(dialect, 'b', 't', identity)}`,
    ],
  ];
}

/** True where the version of `a` comes before that of `b`; NULL comes before everything. */
function isOlder(dialect: SqlDialect, a: string, b: string, versions: readonly string[]): string {
  const levels = versions.map((name, index) => {
    const equal = versions
      .slice(0, index)
      .map((earlier) => `${a}.${dialect.name(earlier)} IS NOT DISTINCT FROM ${b}.${dialect.name(earlier)}`);
    const left = `${a}.${dialect.name(name)}`;
    const right = `${b}.${dialect.name(name)}`;
    return `(${[...equal, `(${left} < ${right} OR (${left} IS NULL AND ${right} IS NOT NULL))`].join(' AND ')})`;
  });
  return `coalesce(${levels.join(' OR ')}, FALSE)`;
}
