import { quoteName } from './sql-text.js';
import { systemColumns } from './system-tables.js';

const { ingestedAt, position } = systemColumns;

/** What the statements of one merge are made from. Names are unquoted; `batch` holds at most one row a key. */
export interface MergeNames {
  readonly table: string;
  readonly tombstones: string;
  readonly batch: string;
  readonly judged: string;
  readonly key: readonly string[];
  readonly version: readonly string[];
  /** Table columns that the batch fills. */
  readonly columns: readonly string[];
}

/**
 * One row a key of the batch: the greatest version; a deletion before a row of the same version; then source order.
 * Without version columns the ingestion decides, which within a batch is the source order.
 */
export function winnersSql(source: string, names: Pick<MergeNames, 'key' | 'version'>): string {
  const order = [
    ...names.version.map((name) => `${quoteName(name)} DESC NULLS LAST`),
    'is_deleted DESC',
    `${position} DESC`,
  ];
  return `SELECT * FROM ${source} QUALIFY row_number() OVER (PARTITION BY ${names.key.map(quoteName).join(', ')} ORDER BY ${order.join(', ')}) = 1`;
}

/**
 * Each batch row with its verdict against what is stored:
 * `loaded` changes the table, `unchanged` is there already, `superseded` is older than the row or tombstone there, and
 * `raised` deletes what is deleted already, at a later version.
 */
export function judgeSql(names: MergeNames): string {
  const match = (alias: string) =>
    names.key.map((name) => `b.${quoteName(name)} = ${alias}.${quoteName(name)}`).join(' AND ');
  const [firstKey = ''] = names.key;
  const hasRow = `s.${quoteName(firstKey)} IS NOT NULL`;
  const hasTombstone = `t.${quoteName(firstKey)} IS NOT NULL`;
  const same = names.columns
    .map((name) => `b.${quoteName(name)} IS NOT DISTINCT FROM s.${quoteName(name)}`)
    .join(' AND ');
  const versions = names.version.length > 0 ? names.version : [ingestedAt];
  const later = `(b.${ingestedAt} > s.${ingestedAt} OR (b.${ingestedAt} = s.${ingestedAt} AND b.${position} > s.${position}))`;
  return `SELECT b.*, CASE
      WHEN ${hasRow} AND b.is_deleted THEN CASE WHEN ${isOlder('b', 's', versions)} THEN 'superseded' ELSE 'loaded' END
      WHEN ${hasRow} THEN CASE
        WHEN ${same} THEN 'unchanged'
        WHEN ${isOlder('b', 's', versions)} THEN 'superseded'
        WHEN ${isOlder('s', 'b', versions)} OR ${later} THEN 'loaded'
        ELSE 'superseded' END
      WHEN ${hasTombstone} AND b.is_deleted THEN CASE
        WHEN ${isOlder('t', 'b', versions)} THEN 'raised'
        WHEN ${isOlder('b', 't', versions)} THEN 'superseded'
        ELSE 'unchanged' END
      WHEN ${hasTombstone} THEN CASE WHEN ${isOlder('t', 'b', versions)} THEN 'loaded' ELSE 'superseded' END
      ELSE 'loaded' END AS verdict
    FROM ${names.batch} b
    LEFT JOIN ${quoteName(names.table)} s ON ${match('s')}
    LEFT JOIN ${quoteName(names.tombstones)} t ON ${match('t')}`;
}

/** The statements that put judged rows in place; each key is touched by at most one row. */
export function applySql(names: MergeNames): string[] {
  const { judged } = names;
  const match = (alias: string) =>
    names.key.map((name) => `j.${quoteName(name)} = ${alias}.${quoteName(name)}`).join(' AND ');
  const columns = [...names.columns.map(quoteName), systemColumns.loadId, ingestedAt, position].join(', ');
  const marks = [...names.key, ...names.version].map(quoteName).join(', ');
  return [
    `DELETE FROM ${quoteName(names.table)} s USING ${judged} j WHERE j.verdict = 'loaded' AND ${match('s')}`,
    `INSERT INTO ${quoteName(names.table)} (${columns}) SELECT ${columns} FROM ${judged} WHERE verdict = 'loaded' AND NOT is_deleted`,
    `DELETE FROM ${quoteName(names.tombstones)} t USING ${judged} j WHERE j.verdict IN ('loaded', 'raised') AND ${match('t')}`,
    `INSERT INTO ${quoteName(names.tombstones)} (${marks}, ${systemColumns.loadId}, ${ingestedAt})
       SELECT ${marks}, ${systemColumns.loadId}, ${ingestedAt} FROM ${judged} WHERE verdict IN ('loaded', 'raised') AND is_deleted`,
  ];
}

/** True where the version of `a` comes before that of `b`; NULL comes before everything. */
function isOlder(a: string, b: string, versions: readonly string[]): string {
  const levels = versions.map((name, index) => {
    const equal = versions
      .slice(0, index)
      .map((earlier) => `${a}.${quoteName(earlier)} IS NOT DISTINCT FROM ${b}.${quoteName(earlier)}`);
    const left = `${a}.${quoteName(name)}`;
    const right = `${b}.${quoteName(name)}`;
    return `(${[...equal, `(${left} < ${right} OR (${left} IS NULL AND ${right} IS NOT NULL))`].join(' AND ')})`;
  });
  return `coalesce(${levels.join(' OR ')}, FALSE)`;
}
