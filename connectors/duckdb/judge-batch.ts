import type { DuckDBConnection } from '@duckdb/node-api';
import {
  judgeSql,
  match,
  verdictsSql,
  versionComparison,
  wholeComparison,
  type Comparison,
  type MergeNames,
} from '../load/judge.js';
import { systemColumns } from '../load/system-tables.js';
import { duckDbDialect } from './dialect.js';
import { rowsOf } from './rows.js';
import { quoteName } from './sql-text.js';

/** A batch with its verdicts. */
export interface JudgedBatch {
  /** Where the statements that put it in place find the verdicts, and the rows to insert. */
  readonly names: MergeNames;
  readonly loaded: number;
  readonly unchanged: number;
  readonly superseded: number;
  /** All rows that have a verdict. */
  readonly rows: number;
}

/**
 * Judges the prepared batch. An upsert reads key and version of the whole table and its other columns only where a row of
 * the batch has the version of the stored one; it keeps verdicts apart from rows, so that wide rows are written once and
 * deleting reads narrow ones.
 */
export async function judgeBatch(connection: DuckDBConnection, names: MergeNames): Promise<JudgedBatch> {
  const write = (sql: string) => connection.run(`CREATE OR REPLACE TEMP TABLE ${names.judged} AS ${sql}`);
  if (names.strategy !== 'upsert') {
    await write(judgeSql(names, duckDbDialect));
    return { names, ...(await countVerdicts(connection, names)) };
  }
  const { loadId, ingestedAt } = systemColumns;
  const marks =
    names.hasDeletions === false
      ? names.key
      : [...new Set([...names.key, ...names.version, loadId, ingestedAt, 'is_deleted'])];
  const columns = marks.map((name) => `b.${quoteName(name)}`);
  // An inner join lets DuckDB leave out what it reads of the table early; an outer join does not. Keys of a batch are unique.
  const stored = `(SELECT s.* FROM ${names.table} s JOIN ${names.batch} k ON ${match(duckDbDialect, 'k', 's', names.key)})`;
  const judge = async (comparison: Comparison) => {
    await write(verdictsSql({ ...names, stored }, duckDbDialect, comparison, columns));
    return countVerdicts(connection, names);
  };
  const byVersion =
    names.version.length === 0 ? undefined : await judge(versionComparison(names, duckDbDialect));
  const verdicts =
    byVersion === undefined || byVersion.unchanged > 0
      ? await judge(wholeComparison(names, duckDbDialect))
      : byVersion;
  // By key, which the batch has once: the id that DuckDB gives a row hides behind a column called rowid.
  const judgedRows = `(SELECT b.*, j.verdict FROM ${names.batch} b JOIN ${names.judged} j ON ${match(duckDbDialect, 'j', 'b', names.key)})`;
  return { names: { ...names, judgedRows }, ...verdicts };
}

async function countVerdicts(
  connection: DuckDBConnection,
  { judged }: MergeNames,
): Promise<Omit<JudgedBatch, 'names'>> {
  const [row] = await rowsOf(
    connection,
    `SELECT count(*) FILTER (verdict = 'loaded') AS loaded, count(*) FILTER (verdict IN ('unchanged', 'raised')) AS unchanged,
            count(*) FILTER (verdict = 'superseded') AS superseded, count(*) AS n FROM ${judged}`,
  );
  const figure = (name: string) => Number(row?.[name] ?? 0);
  return {
    loaded: figure('loaded'),
    unchanged: figure('unchanged'),
    superseded: figure('superseded'),
    rows: figure('n'),
  };
}
