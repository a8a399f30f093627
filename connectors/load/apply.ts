import type { SqlDialect } from './dialect.js';
import { groupDeletionSql } from './group-deletions.js';
import { match, groupFirst, remembersGroups, type MergeNames } from './judge.js';
import { systemColumns, validityColumns } from './system-tables.js';

const { ingestedAt, loadId, position } = systemColumns;
const { validFrom, validTo, isCurrent } = validityColumns;

/** The statements that put judged rows in place, in order, for one transaction. */
export function applySql(names: MergeNames, dialect: SqlDialect): string[] {
  switch (names.strategy) {
    case 'upsert':
    case 'truncate-insert':
    case 'staged-swap':
      return [...upsert(names, dialect), ...(names.hasDeletions === false ? [] : bury(names, dialect))];
    case 'insert-only':
      return [insert(names, dialect)];
    case 'delete-insert':
      return replaceGroups(names, dialect);
    case 'scd2':
      return keepHistory(names, dialect);
  }
}

/** Columns of the target that a load writes: those of the batch and those of the system. */
function written(names: MergeNames): string[] {
  return [...names.columns, loadId, ingestedAt, position];
}

function insert(names: MergeNames, dialect: SqlDialect): string {
  const columns = written(names)
    .map((name) => dialect.name(name))
    .join(', ');
  return `INSERT INTO ${names.table} (${columns}) SELECT ${columns} FROM ${names.judgedRows ?? names.judged} WHERE verdict = 'loaded' AND NOT is_deleted`;
}

/** Each key is touched by one row at most, which the batch and the verdict saw to. */
function upsert(names: MergeNames, dialect: SqlDialect): string[] {
  const meets = `j.verdict = 'loaded' AND ${match(dialect, 'j', 's', names.key)}`;
  if (!dialect.prefersMerge) {
    return [dialect.deleteMatching(names.table, names.judged, meets), insert(names, dialect)];
  }
  const columns = written(names).map((name) => dialect.name(name));
  const set = [
    ...columns.map((name) => `${name} = j.${name}`),
    ...names.missing.map((name) => `${dialect.name(name)} = NULL`),
  ];
  return [
    `MERGE INTO ${names.table} s USING ${names.judged} j ON ${match(dialect, 's', 'j', names.key)}
     WHEN MATCHED AND j.verdict = 'loaded' AND j.is_deleted THEN DELETE
     WHEN MATCHED AND j.verdict = 'loaded' THEN UPDATE SET ${set.join(', ')}
     WHEN NOT MATCHED AND j.verdict = 'loaded' AND NOT j.is_deleted THEN INSERT (${columns.join(', ')}) VALUES (${columns.map((name) => `j.${name}`).join(', ')})`,
  ];
}

/** Remembers deletions, and forgets the one that a newer row or deletion replaces. */
function bury(names: MergeNames, dialect: SqlDialect): string[] {
  const verdicts = `IN ('loaded', 'raised')`;
  return [
    dialect.deleteMatching(
      names.tombstones,
      names.judged,
      `j.verdict ${verdicts} AND ${match(dialect, 'j', 's', names.key)}`,
    ),
    remember(names, dialect, verdicts),
  ];
}

function remember(
  names: MergeNames,
  dialect: SqlDialect,
  verdicts: string,
  { key = names.key, isDeletion = 'is_deleted' } = {},
): string {
  const marks = [...key, ...names.version, loadId, ingestedAt].map((name) => dialect.name(name)).join(', ');
  return `INSERT INTO ${names.tombstones} (${marks}) SELECT ${marks} FROM ${names.judged} WHERE verdict ${verdicts} AND ${isDeletion}`;
}

/** Takes away the groups that rows or a deletion of the group replace, and remembers such deletions. */
function replaceGroups(names: MergeNames, dialect: SqlDialect): string[] {
  const { table, judged, key, mergeKey } = names;
  const isGroup = (alias: string) =>
    groupDeletionSql({ disposition: 'merge', ...names }, (column) =>
      column === 'is_deleted' ? `${alias}is_deleted` : `${alias}${dialect.name(column)}`,
    ) ?? 'FALSE';
  const isNamed = `j.${groupFirst} AND (NOT j.is_deleted OR ${isGroup('j.')}) AND ${match(dialect, 'j', 's', mergeKey)}`;
  const verdicts = `IN ('loaded', 'raised')`;
  return [
    dialect.deleteMatching(table, judged, `j.verdict = 'loaded' AND ${isNamed}`),
    ...(key.length === 0
      ? []
      : [
          dialect.deleteMatching(
            table,
            judged,
            `j.verdict = 'loaded' AND j.is_deleted AND ${match(dialect, 'j', 's', key)}`,
          ),
        ]),
    insert(names, dialect),
    ...(remembersGroups(names)
      ? [
          dialect.deleteMatching(names.tombstones, judged, `j.verdict ${verdicts} AND ${isNamed}`),
          remember(names, dialect, verdicts, { key: mergeKey, isDeletion: isGroup('') }),
        ]
      : []),
  ];
}

/**
 * Puts the new versions in place, then works out again for every key touched from when to when each of its versions was
 * valid: until the next version, or the next deletion. Every deletion is remembered, and one at a version ends that version
 * at once. So history does not depend on the order of arrival.
 */
function keepHistory(names: MergeNames, dialect: SqlDialect): string[] {
  const { table, tombstones, judged, history, key } = names;
  const identity = [...key, ...names.version];
  const list = (columns: readonly string[], alias = '') =>
    columns.map((name) => `${alias}${dialect.name(name)}`).join(', ');
  const columns = list(written(names));
  const touched = `(SELECT DISTINCT ${list(key)} FROM ${judged} WHERE verdict = 'loaded')`;
  const events = (source: string, isDeleted: string) =>
    `SELECT ${list(identity, 'x.')}, ${startSql(names, dialect, 'x')} AS valid_since, ${isDeleted} AS is_deletion FROM ${source} x JOIN ${touched} k ON ${match(dialect, 'x', 'k', key)}`;
  return [
    remember(names, dialect, `= 'loaded'`),
    dialect.deleteMatching(
      table,
      judged,
      `j.verdict = 'loaded' AND NOT j.is_deleted AND ${match(dialect, 'j', 's', identity)}`,
    ),
    `INSERT INTO ${table} (${columns}, ${list([validFrom, isCurrent])})
     SELECT ${columns}, ${startSql(names, dialect, 'x')}, FALSE FROM ${judged} x WHERE verdict = 'loaded' AND NOT is_deleted`,
    `INSERT INTO ${history} (${list(identity)}, ${list([validTo, isCurrent])})
     SELECT ${list(identity)}, valid_until, valid_until IS NULL FROM (
       SELECT ${list(identity)}, is_deletion, lead(valid_since) OVER (PARTITION BY ${list(key)} ORDER BY ${list(names.version)}, is_deletion) AS valid_until
       FROM (${events(table, 'FALSE')} UNION ALL ${events(tombstones, 'TRUE')}) e
     ) v WHERE NOT is_deletion`,
    dialect.updateMatching(table, history, match(dialect, 'j', 's', identity), [validTo, isCurrent]),
  ];
}

/** From when a version is valid: its own time where it has one, else when it was extracted. */
function startSql(names: MergeNames, dialect: SqlDialect, alias: string): string {
  const column = names.isVersionTime ? (names.version[0] ?? ingestedAt) : ingestedAt;
  return `CAST(${alias}.${dialect.name(column)} AS ${dialect.typeOf({ type: 'timestamp' })})`;
}
