import type { SourceRef } from '../../core/dag/dag-spec.js';
import type { JsonObject } from '../../core/json.js';
import { checkOptions } from './options.js';

/** What tables and queries have in common. */
export interface MysqlReadOptions {
  /** Entry of `connections` in the configuration. */
  readonly connection: string;
  /** Columns that identify a row; default for a table: its primary key. Rows of equal cursor are read in its order. */
  readonly key?: readonly string[];
  /** Column of type datetime, timestamp or date for tasks that read by data interval; default: the path of the cursor. */
  readonly intervalColumn?: string;
  /** Integer cursors: re-read this many values before the cursor, for rows that were committed late. Instants have `cursor.lag`. */
  readonly overlap?: number;
  /** Integer column: a row in which it is not zero is a deletion. Needs a key and a version. */
  readonly deletedWhen?: string;
  /** Column that is null until the row is deleted. Needs a key and a version. */
  readonly deletedAt?: string;
  /** Column that orders a deletion among the versions of its row, as in the load; default: the cursor's, or the interval's. */
  readonly version?: string;
  /** Dates with a zero month or day: `keep` (default) writes them as they are, `null` as null. */
  readonly zeroDates?: 'keep' | 'null';
}

/** Options of `mysql.table`. */
export interface MysqlTableOptions extends MysqlReadOptions {
  /** Name of a table or view. */
  readonly table: string;
  /** Default: that of the connection. */
  readonly database?: string;
  /** Columns to read, in order; default: all. */
  readonly columns?: readonly string[];
}

/** Options of `mysql.query`. */
export interface MysqlQueryOptions extends MysqlReadOptions {
  /** One SELECT, without a semicolon. Bounds of a cursor or an interval are put around it. */
  readonly sql: string;
  /** Values of the `?` in the query, in order; they never become part of the SQL. */
  readonly values?: readonly (string | number | boolean)[];
}

/**
 * References to a MySQL or MariaDB database. Plain data: nothing is read before a run asks for it. What is wrong with the
 * options is told when the DAG is built, together with everything else.
 */
export const mysql = {
  /** Rows of one table or view. */
  table({ connection, ...options }: MysqlTableOptions): SourceRef {
    return reference('table', connection, options);
  },
  /** Rows of one query. */
  query({ connection, ...options }: MysqlQueryOptions): SourceRef {
    return reference('query', connection, options);
  },
} as const;

function reference(stream: string, connection: string, given: object): SourceRef {
  const options = JSON.parse(JSON.stringify(given)) as JsonObject;
  const checked = checkOptions(stream, options);
  const problems = 'problems' in checked ? checked.problems : [];
  return { connector: 'mysql', stream, connection, options, ...(problems.length > 0 && { problems }) };
}
