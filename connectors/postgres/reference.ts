import type { SourceRef } from '../../core/dag/dag-spec.js';
import type { JsonObject } from '../../core/json.js';
import { checkOptions } from './options.js';

/** What tables and queries have in common. */
export interface PostgresReadOptions {
  /** Entry of `connections` in the configuration. */
  readonly connection: string;
  /** Columns that identify a row; default for a table: its primary key. Rows of equal cursor are read in its order. */
  readonly key?: readonly string[];
  /** Column of type timestamp, timestamptz or date for tasks that read by data interval; default: the path of the cursor. */
  readonly intervalColumn?: string;
  /** Integer cursors: re-read this many values before the cursor, for rows that were committed late. Instants have `cursor.lag`. */
  readonly overlap?: number;
  /** Boolean column: a row in which it is true is a deletion. Needs a key and a version. */
  readonly deletedWhen?: string;
  /** Column that is null until the row is deleted. Needs a key and a version. */
  readonly deletedAt?: string;
  /** Column that orders a deletion among the versions of its row, as in the load; default: the cursor's, or the interval's. */
  readonly version?: string;
}

/** Options of `postgres.table`. */
export interface PostgresTableOptions extends PostgresReadOptions {
  /** Name of a table, view, materialized view, foreign or partitioned table, as it stands in the catalog. */
  readonly table: string;
  /** Default `public`. */
  readonly schema?: string;
  /** Columns to read, in order; default: all. */
  readonly columns?: readonly string[];
}

/** Options of `postgres.query`. */
export interface PostgresQueryOptions extends PostgresReadOptions {
  /** One SELECT, without a semicolon. Bounds of a cursor or an interval are put around it. */
  readonly sql: string;
  /** Values that the query reads with `current_setting('millrace.<name>')`, as text; they never become part of the SQL. */
  readonly values?: Readonly<Record<string, string | number | boolean>>;
}

/**
 * References to a PostgreSQL database. Plain data: nothing is read before a run asks for it. What is wrong with the
 * options is told when the DAG is built, together with everything else.
 */
export const postgres = {
  /** Rows of one table or view. */
  table({ connection, ...options }: PostgresTableOptions): SourceRef {
    return reference('table', connection, options);
  },
  /** Rows of one query. */
  query({ connection, ...options }: PostgresQueryOptions): SourceRef {
    return reference('query', connection, options);
  },
} as const;

function reference(stream: string, connection: string, given: object): SourceRef {
  const options = JSON.parse(JSON.stringify(given)) as JsonObject;
  const checked = checkOptions(stream, options);
  const problems = 'problems' in checked ? checked.problems : [];
  return { connector: 'postgres', stream, connection, options, ...(problems.length > 0 && { problems }) };
}
